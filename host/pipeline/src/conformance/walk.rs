//! A crawl over a recording in memory: the production framing and mapping, the production checks of what may be asked,
//! and recorded answers in place of a vendor.

use std::collections::{BTreeMap, VecDeque};

use purser_domain::Cast;
use purser_runtime::contract::crawl::{Request, Response, Step};
use purser_runtime::contract::manifest::{Feed, Framing};
use purser_runtime::contract::mapping::PageContext;
use purser_runtime::contract::types::{self, Pair, Problem, RunContext};
use purser_runtime::{CallError, Plugin};
use purser_store::runs::{Fact, Page};
use purser_vendor::Connector;

use crate::egress;
use crate::fetch;
use crate::framing::{Cut, Framer};
use crate::limits::Limits;
use crate::mapping::map_page;
use crate::recording::{Answers, Exchange, Recording};
use crate::wanted;

/// What a walk stands on.
pub struct Ground<'a> {
    /// The plugin under test, and who plays the roles it does not.
    pub cast: &'a Cast<Plugin>,
    /// What it may ask.
    pub connector: &'a Connector,
    /// What was answered.
    pub recording: &'a Recording,
}

/// Changes an answer's body before it is framed, knowing how it will be.
pub type Change<'a> = &'a dyn Fn(Vec<u8>, Option<&Framing>) -> Vec<u8>;

/// What a walk came to.
#[derive(Default)]
pub struct Walk {
    /// Pages kept, in the order of the walk.
    pub pages: Vec<Kept>,
    /// Requests made, in words.
    pub requests: Vec<String>,
    /// What went wrong, by kind.
    pub faults: Vec<Fault>,
    /// What the feeds gave each other, with the feed that gave it.
    pub facts: Vec<(String, Fact)>,
}

/// A page and what became of it.
pub struct Kept {
    /// Of which feed.
    pub feed: Feed,
    /// What it was mapped with.
    pub context: PageContext,
    /// Its bytes.
    pub cut: Cut,
    /// Where it came from, in words.
    pub name: String,
    /// What the mapping said of it; none: it could not be mapped, and why.
    pub mapped: Result<Page, String>,
}

/// Something a crawl must not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It asked what it may not.
    Refused {
        /// In words.
        request: String,
        /// Why.
        why: String,
    },
    /// It asked what nobody recorded.
    Unanswered(String),
    /// It failed.
    Failed {
        /// Where.
        place: String,
        /// How.
        why: String,
    },
    /// It asks without end.
    Endless(String),
}

/// More than so many requests for each that was recorded, and it will never end.
const REQUESTS_FOR_EACH_RECORDED: usize = 10;

/// Walks the feeds in the order of their needs.
pub fn walk(ground: &Ground<'_>, change: Change<'_>) -> Walk {
    let mut walker = Walker {
        ground,
        change,
        cloud: &ground.recording.head.context.cloud,
        answers: Answers::new(ground.recording),
        facts: BTreeMap::new(),
        walk: Walk::default(),
    };
    let cloud = walker.cloud;
    let feeds = ground.cast.crawl.descriptor().feeds.iter();
    let mut waiting: Vec<&Feed> = feeds
        .filter(|feed| feed.clouds.is_empty() || feed.clouds.iter().any(|served| served == cloud))
        .collect();
    while !waiting.is_empty() {
        let is_given = |feed: &Feed| {
            let gives = |other: &&&Feed| {
                other.name != feed.name && other.gives.iter().any(|kind| feed.needs.contains(kind))
            };
            !waiting.iter().any(|other| gives(&other))
        };
        let next = waiting.iter().position(|feed| is_given(feed)).unwrap_or_default();
        walker.feed(waiting.remove(next));
    }
    walker.walk
}

struct Walker<'a> {
    ground: &'a Ground<'a>,
    change: Change<'a>,
    cloud: &'a str,
    answers: Answers<'a>,
    facts: BTreeMap<(String, String), String>,
    walk: Walk,
}

impl Walker<'_> {
    fn feed(&mut self, feed: &Feed) {
        let mut queue: VecDeque<(Request, u32)> = VecDeque::new();
        for batch in self.batches(feed) {
            match self.ground.cast.crawl.start(&self.context_of(feed), &feed.name, &batch) {
                Ok(step) => {
                    if step.requests.iter().any(egress::is_absolute) {
                        self.refuse("a first request", egress::Denied);
                    }
                    self.take(feed, step, &mut queue);
                }
                Err(error) => self.fail(&format!("start of {}", feed.name), &error),
            }
        }
        let most = 100 + self.ground.recording.exchanges.len() * REQUESTS_FOR_EACH_RECORDED;
        while let Some((request, attempt)) = queue.pop_front() {
            if self.walk.requests.len() > most {
                return self.walk.faults.push(Fault::Endless(feed.name.clone()));
            }
            self.request(feed, request, attempt, &mut queue);
        }
    }

    fn context_of(&self, feed: &Feed) -> RunContext {
        self.ground.recording.head.context_of(&feed.name)
    }

    /// The facts a feed starts from, in the host's batches.
    fn batches(&self, feed: &Feed) -> Vec<Vec<types::Fact>> {
        if feed.needs.is_empty() {
            return vec![Vec::new()];
        }
        let mut needed = self.facts.clone();
        if feed.needs.iter().any(|kind| kind == wanted::PRODUCT) {
            for (key, words) in self.wanted_products() {
                let fact = wanted::fact(key, &words);
                needed.entry((fact.kind, fact.key)).or_insert(fact.value);
            }
        }
        let of_feed = needed.into_iter().filter(|((kind, _), _)| feed.needs.contains(kind));
        let facts: Vec<_> = of_feed.map(|((kind, key), value)| types::Fact { kind, key, value }).collect();
        facts.chunks(Limits::default().facts_in_batch as usize).map(<[_]>::to_vec).collect()
    }

    fn wanted_products(&self) -> BTreeMap<String, String> {
        if let Some(wanted) = &self.ground.recording.head.wanted_products {
            return wanted.clone();
        }
        let mapped = self.walk.pages.iter().filter_map(|kept| kept.mapped.as_ref().ok());
        let named = mapped.flat_map(|page| &page.contributions).map(|contribution| &contribution.description);
        let named = named.filter(|description| !description.product_key.is_empty());
        named.map(|said| (said.product_key.clone(), said.product_text.clone())).collect()
    }

    fn request(&mut self, feed: &Feed, request: Request, attempt: u32, queue: &mut VecDeque<(Request, u32)>) {
        let asked = Exchange::asked(&feed.name, &request);
        self.walk.requests.push(asked.words());
        if let Err(error) =
            purser_vendor::address_of(self.ground.connector, &fetch::outgoing(&request, uuid::Uuid::nil()))
        {
            return self.refuse(&asked.words(), error);
        }
        let exchange = match self.answers.next(&asked) {
            Ok((_, exchange)) => exchange,
            Err(error) => return self.walk.faults.push(Fault::Unanswered(error.0)),
        };
        let response = match self.receive(feed, &request, exchange, attempt) {
            Ok(response) => response,
            Err(why) => return self.walk.faults.push(Fault::Failed { place: asked.words(), why }),
        };
        match self.ground.cast.crawl.next(&self.context_of(feed), &feed.name, &request, &response) {
            Ok(step) => {
                let received = egress::Received::new(&response);
                if let Some(denied) = step.requests.iter().find_map(|request| received.check(request).err()) {
                    self.refuse(&format!("a request that follows {}", asked.words()), denied);
                }
                self.take(feed, step, queue);
            }
            Err(CallError::Problem(Problem::RetryLater(_))) if attempt <= Limits::default().retries => {
                queue.push_back((request, attempt + 1));
            }
            Err(error) => self.fail(&asked.words(), &error),
        }
    }

    /// Frames and maps what is kept; gives what `next` is shown.
    fn receive(
        &mut self,
        feed: &Feed,
        request: &Request,
        exchange: &Exchange,
        attempt: u32,
    ) -> Result<Response, String> {
        let body = (self.change)(exchange.answer_body(), request.keep.as_ref());
        let headers = exchange.headers.iter();
        let headers =
            headers.map(|(name, value)| Pair { name: name.clone(), value: value.clone() }).collect();
        let is_kept = (200..300).contains(&exchange.status);
        let (envelope, kept) = match (&request.keep, is_kept) {
            (Some(framing), true) => self.keep(feed, request, framing, &body, &exchange.words())?,
            _ => (String::from_utf8_lossy(&body).into_owned(), 0),
        };
        Ok(Response { status: exchange.status, headers, envelope, kept, attempt })
    }

    fn keep(
        &mut self,
        feed: &Feed,
        request: &Request,
        framing: &Framing,
        body: &[u8],
        name: &str,
    ) -> Result<(String, u32), String> {
        let mut framer = Framer::new(framing.clone(), Limits::default().sizes);
        let mut cuts = framer.push(body).map_err(|error| error.to_string())?;
        let (last, envelope) = framer.finish().map_err(|error| error.to_string())?;
        cuts.extend(last);
        let mut records = 0;
        for (number, cut) in (0..).zip(cuts) {
            records += cut.records;
            let context = self.page_context(feed, request, framing, &envelope, number);
            let name = if number == 0 { name.to_owned() } else { format!("{name}, page {number}") };
            self.map(feed, context, cut, name);
        }
        Ok((envelope, records))
    }

    fn page_context(
        &self,
        feed: &Feed,
        request: &Request,
        framing: &Framing,
        envelope: &str,
        page: u32,
    ) -> PageContext {
        let partition = request.partition.clone();
        let (key, month, currency, stage, parameters) =
            partition.map_or_else(Default::default, |partition| {
                (partition.key, partition.month, partition.currency, partition.stage, partition.parameters)
            });
        PageContext {
            run: self.context_of(feed),
            feed: feed.name.clone(),
            partition_key: key,
            month,
            currency,
            stage,
            parameters,
            framing: framing.clone(),
            envelope: envelope.to_owned(),
            page,
        }
    }

    fn map(&mut self, feed: &Feed, context: PageContext, cut: Cut, name: String) {
        let mapped = map_page(self.ground.cast, feed, &context, &cut, &|_| None);
        if let Ok(page) = &mapped {
            page.facts.iter().for_each(|fact| self.learn(feed, fact.clone()));
        }
        let mapped = mapped.map_err(|error| error.to_string());
        self.walk.pages.push(Kept { feed: feed.clone(), context, cut, name, mapped });
    }

    fn take(&mut self, feed: &Feed, step: Step, queue: &mut VecDeque<(Request, u32)>) {
        let fact = |fact: types::Fact| Fact { kind: fact.kind, key: fact.key, value: fact.value };
        step.facts.into_iter().map(fact).for_each(|fact| self.learn(feed, fact));
        queue.extend(step.requests.into_iter().map(|request| (request, 1)));
    }

    fn learn(&mut self, feed: &Feed, fact: Fact) {
        self.facts.insert((fact.kind.clone(), fact.key.clone()), fact.value.clone());
        self.walk.facts.push((feed.name.clone(), fact));
    }

    fn refuse(&mut self, request: &str, why: impl std::fmt::Display) {
        self.walk.faults.push(Fault::Refused { request: request.to_owned(), why: why.to_string() });
    }

    fn fail(&mut self, place: &str, error: &CallError) {
        self.walk.faults.push(Fault::Failed { place: place.to_owned(), why: error.sentence() });
    }
}
