//! One request of the frontier, from sending it to what it led to.
//!
//! The answer's kept records go through framing and sandbox as they arrive; the plugin's `next` sees the envelope. All
//! that came of the request is one [`Completion`], written in one transaction: killed before that, the request is
//! simply made again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use purser_domain::Role;
use purser_runtime::CallError;
use purser_runtime::contract::crawl::{self, Step, Target};
use purser_runtime::contract::mapping::PageContext;
use purser_runtime::contract::types::{Pair, Problem};
use purser_store::runs::{Completion, Fact, NewRequest, Page, Partition, Request};
use purser_vendor::client::{self, Answer, Outgoing};
use purser_vendor::{GrantEffect, SendError, TokenError};

use self::kept::Kept;
use crate::egress;
use crate::framing::{Cut, Framer, FramingError};
use crate::mapping::PageError;
use crate::secret;
use crate::sent;
pub use crate::trouble::{NOTHING, REFUSED, Trouble};
use crate::work::{Place, Work};

mod kept;

/// What one request came to.
pub struct Fetched {
    /// To be written.
    pub completion: Completion,
    /// Pages and records kept, for the progress.
    pub pages: u64,
    /// See `pages`.
    pub records: u64,
    /// Something a person should know.
    pub trouble: Option<Trouble>,
    /// What its pages take up until they are written.
    pub place: Option<Place>,
}

/// Why a request failed; decides between trying again and giving its partition up.
enum Failure {
    /// Ask again after this long.
    Later(Duration),
    /// It will not come.
    Final(Trouble),
}

impl Failure {
    fn last(code: &str, what: impl std::fmt::Display) -> Self {
        Self::Final(Trouble::new(code, what))
    }
}

/// Performs one request.
pub async fn fetch(work: &Work, request: &Request) -> purser_store::Result<Fetched> {
    let mut kept = Kept::begin(work);
    let outcome = match serde_json::from_str::<crawl::Request>(&request.body) {
        Ok(asked) => perform(work, request, &asked, &mut kept).await,
        Err(_) => Err(Failure::last("RUN-FRONTIER", "a stored request cannot be read")),
    };
    let (pages, records, place) = (kept.pages_seen, kept.records, kept.place.take());
    let sent = kept.note.line(work, request.number, code(&outcome));
    let mut completion = Completion { request: request.number, sent: Some(sent), ..Completion::default() };
    let trouble = match outcome {
        Ok(step) => {
            completion.body_digest = kept.body_digest();
            completion.pages = kept.pages;
            let trouble = step.incomplete.clone().map(Trouble::of_gap);
            add_step(work, &request.feed, step, &mut completion);
            trouble
        }
        Err(Failure::Later(wait)) if request.retries < work.limits.retries => {
            completion.retry_at = Some(later(work.now(), wait.min(work.limits.retry_after)));
            return Ok(Fetched { completion, pages: 0, records: 0, trouble: None, place: None });
        }
        Err(Failure::Later(_)) => {
            Some(Trouble::new("RUN-PATIENCE", "the vendor asked for patience too often"))
        }
        Err(Failure::Final(trouble)) => Some(trouble),
    };
    completion.asked = sent::kept_of(&request.body);
    if let Some(trouble) = &trouble {
        completion.incomplete = Some(format!("{}: {}", trouble.code, trouble.what));
    }
    Ok(Fetched { completion, pages, records, trouble, place })
}

/// The code of what a request failed of, beyond what the client has noted.
fn code(outcome: &Result<Step, Failure>) -> Option<&str> {
    match outcome {
        Err(Failure::Final(trouble)) => Some(trouble.code.as_str()),
        _ => None,
    }
}

/// What a plugin asked and told, in the store's words.
pub fn add_step(work: &Work, feed: &str, step: Step, completion: &mut Completion) {
    let now = work.now();
    for request in step.requests {
        let Ok(body) = serde_json::to_string(&request) else { continue };
        let not_before = (request.delay > 0).then(|| later(now, Duration::from_secs(request.delay.into())));
        let partition = request.partition.as_ref().map(|partition| stored_partition(feed, partition));
        let version = request.partition.map(|partition| partition.version).unwrap_or_default();
        let feed = feed.to_owned();
        completion.requests.push(NewRequest { feed, partition, version, body, not_before });
    }
    completion.facts.extend(step.facts.into_iter().map(|f| Fact {
        kind: f.kind,
        key: f.key,
        value: f.value,
    }));
}

fn stored_partition(feed: &str, partition: &crawl::Partition) -> Partition {
    Partition {
        feed: feed.to_owned(),
        key: partition.key.clone(),
        month: partition.month.clone(),
        currency: partition.currency.clone(),
        stage: partition.stage,
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

async fn perform(
    work: &Work,
    request: &Request,
    asked: &crawl::Request,
    kept: &mut Kept,
) -> Result<Step, Failure> {
    let outgoing = outgoing(asked, work.request_id(request.number));
    let answer = work
        .client
        .send_noting(work.account(), &work.connector, &outgoing, &mut kept.note.sent)
        .await
        .map_err(|e| send_failure(&e, request))?;
    if let Some(refused) = work.secret.judge(&work.connector, &asked.target, answer.status) {
        return Err(Failure::Final(refused));
    }
    let response = receive(work, request, asked, answer, kept).await?;
    let evidence = egress::Received::new(&response);
    let shown = kept.tape.take().map(|tape| (tape, response.clone()));
    let step = next(work, request, asked, response).await;
    if let Some((tape, response)) = shown {
        tape.end(work, &request.feed, asked, &response, step.as_ref().ok());
    }
    let step = step?;
    for request in &step.requests {
        evidence.check(request).map_err(|denied| Failure::last("RUN-EGRESS", denied))?;
    }
    Ok(step)
}

pub(crate) fn outgoing(asked: &crawl::Request, request_id: uuid::Uuid) -> Outgoing {
    let pairs = |pairs: &[Pair]| pairs.iter().map(|pair| (pair.name.clone(), pair.value.clone())).collect();
    Outgoing {
        target: match &asked.target {
            Target::Call(call) => client::Target::Call {
                name: call.name.clone(),
                path: pairs(&call.path),
                query: pairs(&call.query),
            },
            Target::Absolute(url) => client::Target::Absolute(url.clone()),
        },
        headers: pairs(&asked.headers),
        body: asked.body.clone(),
        request_id,
    }
}

/// A cut-off body is worth another try; a refused call is not; without a grant nothing is.
fn send_failure(error: &SendError, request: &Request) -> Failure {
    let stops_run = match error {
        SendError::Token(
            TokenError::NoGrant | TokenError::NoSecret | TokenError::NoRules | TokenError::Vault(_),
        ) => true,
        SendError::Token(TokenError::Refused(fault)) => fault.effect != GrantEffect::Degraded,
        _ => false,
    };
    if error.is_transient() && request.retries < CUT_OFF_RETRIES {
        return Failure::Later(Duration::from_secs(1 << request.retries.min(5)));
    }
    Failure::Final(Trouble { code: error.code(), what: error.to_string(), remedy: error.remedy(), stops_run })
}

/// How often a request is made again whose answer broke off; the client has tried for itself before.
const CUT_OFF_RETRIES: u32 = 4;

/// Takes the body: kept records to pages, the rest to the envelope.
async fn receive(
    work: &Work,
    request: &Request,
    asked: &crawl::Request,
    mut answer: Answer,
    kept: &mut Kept,
) -> Result<crawl::Response, Failure> {
    let ok = (200..300).contains(&answer.status);
    let envelope = match (&asked.keep, ok) {
        (Some(framing), true) => {
            let mut framer = Framer::new(framing.clone(), work.limits.sizes);
            while let Some(bytes) = answer.body.chunk().await.map_err(|e| send_failure(&e, request))? {
                kept.note.received(bytes.len());
                let cuts = framer.push(&bytes).map_err(|e| no_page(&e))?;
                keep(work, request, asked, cuts, "", kept).await?;
            }
            let (cuts, envelope) = framer.finish().map_err(|e| no_page(&e))?;
            keep(work, request, asked, cuts, &envelope, kept).await?;
            envelope
        }
        _ => {
            let body = answer
                .body
                .collect(work.limits.envelope_bytes)
                .await
                .map_err(|e| send_failure(&e, request))?;
            kept.note.received(body.len());
            String::from_utf8_lossy(&body).into_owned()
        }
    };
    let headers = answer.headers.into_iter().map(|(name, value)| Pair { name, value }).collect();
    let kept = u32::try_from(kept.records).unwrap_or(u32::MAX);
    Ok(crawl::Response { status: answer.status, headers, envelope, kept, attempt: request.retries + 1 })
}

fn no_page(error: &FramingError) -> Failure {
    Failure::last("RUN-NO-PAGE", error)
}

async fn keep(
    work: &Work,
    request: &Request,
    asked: &crawl::Request,
    cuts: Vec<Cut>,
    envelope: &str,
    kept: &mut Kept,
) -> Result<(), Failure> {
    for cut in cuts {
        kept.make_room(work, request, cut.bytes.len()).await?;
        let number = u32::try_from(kept.pages_seen).unwrap_or(u32::MAX);
        let context = page_context(work, request, asked, envelope, number);
        kept.tape.iter_mut().for_each(|tape| tape.cut(&context.framing, &cut));
        kept.take(mapped(work, &request.feed, context, cut).await?);
        if kept.unstaged_bytes > work.limits.unstaged_bytes {
            kept.stage(work, request).await?;
        }
    }
    Ok(())
}

fn page_context(
    work: &Work,
    request: &Request,
    asked: &crawl::Request,
    envelope: &str,
    page: u32,
) -> PageContext {
    let partition = request.partition.clone();
    let named = |name: fn(Partition) -> String| partition.clone().map(name).unwrap_or_default();
    PageContext {
        run: work.context_of(&request.feed),
        feed: request.feed.clone(),
        partition_key: named(|partition| partition.key),
        month: named(|partition| partition.month),
        currency: named(|partition| partition.currency),
        stage: partition.as_ref().map_or(0, |partition| partition.stage),
        parameters: asked
            .partition
            .as_ref()
            .map(|partition| partition.parameters.clone())
            .unwrap_or_default(),
        framing: asked.keep.clone().unwrap_or(purser_runtime::contract::manifest::Framing::JsonWhole),
        envelope: envelope.to_owned(),
        page,
    }
}

async fn mapped(work: &Work, feed: &str, context: PageContext, cut: Cut) -> Result<Page, Failure> {
    let feed = work
        .feed(feed)
        .cloned()
        .ok_or_else(|| Failure::last("RUN-FEED", "the plugin names an unknown feed"))?;
    match work.map(feed, context, cut).await {
        Ok(page) => Ok(page),
        Err(PageError::Call(error)) => Err(call_failure(error)),
        Err(error) => Err(Failure::last("RUN-NO-PAGE", error)),
    }
}

async fn next(
    work: &Work,
    request: &Request,
    asked: &crawl::Request,
    response: crawl::Response,
) -> Result<Step, Failure> {
    let (plugin, context) = (work.cast.crawl.clone(), work.context_of(&request.feed));
    let (feed, asked) = (request.feed.clone(), asked.clone());
    let step = work.in_sandbox(move || plugin.next(&context, &feed, &asked, &response)).await;
    step.inspect_err(|error| work.crashes.failed(Role::Crawl, error)).map_err(|error| {
        match call_failure(error) {
            Failure::Final(trouble) => Failure::Final(secret::worded(&work.connector, trouble)),
            later => later,
        }
    })
}

/// What a plugin's refusal means for the request.
pub fn call_trouble(error: &CallError) -> Trouble {
    match error {
        CallError::Problem(Problem::NeedsConsent(what)) => {
            Trouble { stops_run: true, ..Trouble::new(REFUSED, what) }
        }
        CallError::Problem(Problem::Reject(what)) => Trouble::new("RUN-REJECTED", what),
        other => Trouble { remedy: other.remedy().into(), ..Trouble::new(other.code(), other.sentence()) },
    }
}

fn call_failure(error: CallError) -> Failure {
    match error {
        CallError::Problem(Problem::RetryLater(seconds)) => {
            Failure::Later(Duration::from_secs(seconds.into()))
        }
        other => Failure::Final(call_trouble(&other)),
    }
}
