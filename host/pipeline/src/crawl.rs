//! The crawl of one run: feeds are started when what they need is in, requests are made side by side, what they
//! brought is written in groups, partitions are committed as they become ready.
//!
//! **Invariant:** everything needed to go on stands in the store after each group; a killed run goes on from there and
//! makes only those requests again that were under way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use purser_domain::Role;
use purser_store::runs::{Completion, Partition, Request};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::egress;
use crate::fetch::{self, Fetched, Trouble};
use crate::progress::Progress;
use crate::run;
use crate::secret;
use crate::wanted;
use crate::work::Work;

/// How a crawl ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Every feed was walked to its end.
    Complete,
    /// A person stopped it, or the process is going down: the frontier stays.
    Stopped,
    /// The vendor no longer accepts the grant.
    NeedsConsent(Trouble),
}

/// Requests loaded and not yet answered.
#[derive(Default)]
struct Frontier {
    waiting: VecDeque<Request>,
    /// Requests of each feed that wait or are under way.
    open: BTreeMap<String, usize>,
    /// The highest number loaded.
    loaded: u64,
    /// How many were loaded.
    known: u64,
}

/// Walks all feeds of the run.
///
/// # Errors
/// Where the store fails: what was written stays, the run can be resumed.
pub async fn crawl(
    work: Arc<Work>,
    progress: Arc<Progress>,
    ready: Arc<Notify>,
    stop: CancellationToken,
) -> purser_store::Result<Ended> {
    let mut crawl = Crawl {
        under_way: JoinSet::new(),
        frontier: Frontier::default(),
        started: BTreeSet::new(),
        work,
        progress,
    };
    crawl.load().await?;
    loop {
        if stop.is_cancelled() {
            crawl.under_way.shutdown().await;
            return Ok(Ended::Stopped);
        }
        crawl.start_feeds().await?;
        let next_due = crawl.send();
        if crawl.under_way.is_empty() && next_due.is_none() {
            return Ok(Ended::Complete);
        }
        let work = crawl.work.clone();
        let group = tokio::select! {
            group = crawl.answers() => group?,
            () = wait_until(&work, next_due) => Vec::new(),
            () = stop.cancelled() => Vec::new(),
        };
        if let Some(trouble) = crawl.write(group).await? {
            crawl.under_way.shutdown().await;
            return Ok(Ended::NeedsConsent(trouble));
        }
        ready.notify_one();
    }
}

struct Crawl {
    work: Arc<Work>,
    progress: Arc<Progress>,
    frontier: Frontier,
    started: BTreeSet<String>,
    under_way: JoinSet<purser_store::Result<(Request, Fetched)>>,
}

impl Crawl {
    /// Loads requests discovered since the last time.
    async fn load(&mut self) -> purser_store::Result<()> {
        loop {
            let requests = self.work.store.frontier(self.work.run.id, self.frontier.loaded, 1_000).await?;
            let Some(last) = requests.last() else { return Ok(()) };
            self.frontier.loaded = last.number;
            for request in requests {
                *self.frontier.open.entry(request.feed.clone()).or_default() += 1;
                self.frontier.known += 1;
                self.progress.discovered(&request.feed);
                self.frontier.waiting.push_back(request);
            }
        }
    }

    /// Starts the feeds whose needs are in.
    async fn start_feeds(&mut self) -> purser_store::Result<()> {
        let may_start = |crawl: &Self, feed: &str| !crawl.started.contains(feed) && crawl.needs_are_in(feed);
        let names: Vec<String> = self.work.feeds.iter().map(|feed| feed.name.clone()).collect();
        for feed in names {
            if may_start(self, &feed) {
                self.start(&feed).await?;
                self.started.insert(feed);
                self.load().await?;
            }
        }
        Ok(())
    }

    /// Whether every feed that gives what this one needs has been walked to its end.
    fn needs_are_in(&self, feed: &str) -> bool {
        let Some(feed) = self.work.feed(feed) else { return false };
        let gives = |other: &&purser_runtime::contract::manifest::Feed| {
            other.name != feed.name && other.gives.iter().any(|kind| feed.needs.contains(kind))
        };
        let finished = |other: &purser_runtime::contract::manifest::Feed| {
            self.started.contains(&other.name)
                && self.frontier.open.get(&other.name).is_none_or(|open| *open == 0)
        };
        self.work.feeds.iter().filter(gives).all(finished)
    }

    /// Calls the plugin's `start` with each batch of facts. A resumed run walks the same batches; those noted before
    /// change nothing.
    async fn start(&self, feed: &str) -> purser_store::Result<()> {
        let needs = self.work.feed(feed).map(|feed| feed.needs.clone()).unwrap_or_default();
        wanted::add(&self.work, feed, &needs).await?;
        let mut after = None;
        for batch in 0.. {
            let facts = match needs.is_empty() {
                true => Vec::new(),
                false => {
                    self.work
                        .store
                        .facts(self.work.run.id, &needs, after, self.work.limits.facts_in_batch)
                        .await?
                }
            };
            if facts.is_empty() && !needs.is_empty() {
                break;
            }
            after = facts.last().map(|fact| (fact.kind.clone(), fact.key.clone()));
            self.start_batch(feed, batch, facts).await?;
            if needs.is_empty() {
                break;
            }
        }
        Ok(())
    }

    async fn start_batch(
        &self,
        feed: &str,
        batch: u32,
        facts: Vec<purser_store::runs::Fact>,
    ) -> purser_store::Result<()> {
        let (plugin, context, name) =
            (self.work.cast.crawl.clone(), self.work.context_of(feed), feed.to_owned());
        let given = facts.into_iter();
        let given =
            given.map(|f| purser_runtime::contract::types::Fact { kind: f.kind, key: f.key, value: f.value });
        let given: Vec<_> = given.collect();
        let step = self.work.in_sandbox(move || plugin.start(&context, &name, &given)).await;
        let mut completion = Completion::default();
        match step {
            // Nothing was received yet, so no address can be one of the vendor's.
            Ok(step) if step.requests.iter().any(egress::is_absolute) => {
                self.progress.trouble(feed, &Trouble::new("RUN-EGRESS", egress::Denied));
            }
            Ok(step) => fetch::add_step(&self.work, feed, step, &mut completion),
            Err(error) => {
                self.work.crashes.failed(Role::Crawl, &error);
                let trouble = secret::worded(&self.work.connector, fetch::call_trouble(&error));
                self.progress.trouble(feed, &trouble);
            }
        }
        self.work.store.start_feed(self.work.fence, feed, batch, &completion).await?;
        Ok(())
    }

    /// Sends what may be sent; gives the instant the next waiting request is due, none where nothing waits.
    fn send(&mut self) -> Option<Timestamp> {
        let now = self.work.now();
        let mut early = VecDeque::new();
        while self.under_way.len() < self.work.limits.requests_in_flight {
            let Some(request) = self.frontier.waiting.pop_front() else { break };
            if request.not_before.is_some_and(|due| due > now) {
                early.push_back(request);
                continue;
            }
            let work = self.work.clone();
            self.under_way.spawn(async move {
                let fetched = fetch::fetch(&work, &request).await?;
                Ok((request, fetched))
            });
        }
        early.append(&mut self.frontier.waiting);
        self.frontier.waiting = early;
        self.frontier.waiting.iter().map(|request| request.not_before.unwrap_or(now)).min()
    }

    /// The next answers: at least one, and all that are there already.
    async fn answers(&mut self) -> purser_store::Result<Vec<(Request, Fetched)>> {
        let Some(first) = self.under_way.join_next().await else { return std::future::pending().await };
        let mut group = vec![joined(first)?];
        while let Some(more) = self.under_way.try_join_next() {
            group.push(joined(more)?);
        }
        Ok(group)
    }

    /// Writes a group of answers in one transaction. Gives the trouble that stops the run, if there is one.
    async fn write(&mut self, group: Vec<(Request, Fetched)>) -> purser_store::Result<Option<Trouble>> {
        if group.is_empty() {
            return Ok(None);
        }
        let mut completions = Vec::with_capacity(group.len());
        let mut places = Vec::with_capacity(group.len());
        let (mut fatal, mut refused) = (None, Vec::new());
        for (request, mut fetched) in group {
            self.note(&request, &fetched);
            places.push(fetched.place.take());
            if let Some(trouble) = fetched.trouble.filter(|trouble| trouble.stops_run) {
                if self.work.needs_grant {
                    fatal = Some(trouble);
                    refused.extend(fetched.completion.sent);
                    continue;
                }
                run::note_refusal(&self.work, trouble).await?;
            }
            self.put_back(request, &fetched.completion);
            completions.push(self.bounded(fetched.completion));
        }
        if !refused.is_empty() {
            self.work.store.note_sent(self.work.fence, &refused).await?;
        }
        self.work.store.complete_requests(self.work.fence, completions).await?;
        drop(places);
        self.load().await?;
        Ok(fatal)
    }

    /// Takes what a request led to, without further requests where there are too many. A chain carries its partition on, so
    /// what is left out is of this request's partition, which is not whole then, or of one that was not begun.
    fn bounded(&self, mut completion: Completion) -> Completion {
        let limit = self.work.limits.requests_of_run;
        if self.frontier.known > limit && !completion.requests.is_empty() {
            let what = format!("the plugin asked for more than {limit} requests in one run");
            let trouble = Trouble::new("RUN-ENDLESS", what);
            completion.requests.clear();
            completion.incomplete.get_or_insert(format!("{}: {}", trouble.code, trouble.what));
            self.progress.trouble("", &trouble);
        }
        completion
    }

    fn note(&self, request: &Request, fetched: &Fetched) {
        self.work.customers.learn(fetched.completion.pages.iter().flat_map(|page| &page.facts));
        self.work.customers.learn(&fetched.completion.facts);
        // Whether "no data" is worth a word is known once the run is through.
        if let Some(trouble) = fetched.trouble.as_ref().filter(|trouble| trouble.code != fetch::NOTHING) {
            let of_partition = |partition: &Partition| format!("{} {}", partition.feed, partition.key);
            let subject = request.partition.as_ref().map_or_else(|| request.feed.clone(), of_partition);
            self.progress.trouble(&subject, trouble);
        }
        self.progress.answered(&request.feed, fetched);
    }

    /// A request the vendor asked patience for waits again; any other is done.
    fn put_back(&mut self, request: Request, completion: &Completion) {
        if let Some(due) = completion.retry_at {
            let again = Request { not_before: Some(due), retries: request.retries + 1, ..request };
            self.frontier.waiting.push_back(again);
        } else if let Some(open) = self.frontier.open.get_mut(&request.feed) {
            *open = open.saturating_sub(1);
        }
    }
}

fn joined<T>(joined: Result<purser_store::Result<T>, tokio::task::JoinError>) -> purser_store::Result<T> {
    match joined {
        Ok(result) => result,
        Err(error) => Err(purser_store::Error::Failed(Box::new(error))),
    }
}

/// Waits for the next request that is not due yet. The clock may be a moved one, so the wait is looked at again often.
async fn wait_until(work: &Work, due: Option<Timestamp>) {
    let Some(due) = due else { return std::future::pending().await };
    let wait = Duration::try_from(due.duration_since(work.now())).unwrap_or(Duration::ZERO);
    if wait.is_zero() {
        // Due already: it waits for a place, and `answers` will wake us.
        return std::future::pending().await;
    }
    work.client.pace().sleep(wait.min(Duration::from_secs(5))).await;
}
