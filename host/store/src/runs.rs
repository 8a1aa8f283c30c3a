//! Runs, their frontier of requests, the pages they brought, and facts.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{Timestamp, civil::Date};
use purser_domain::reconciliation::InvoiceLine;
use purser_domain::{AccountId, Balance, Cast, Contribution, Digest, RunId};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::sent::Sent;
use crate::texts::ProductText;

/// Why a run was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// The daily schedule, or one it missed while down.
    Schedule,
    /// A person, in the UI or on the command line.
    Manual,
    /// A person who chose the days.
    Backfill,
    /// Another plugin version maps again what is kept; nothing is asked of the vendor.
    Remap,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// Waiting for a worker.
    Queued,
    /// At work, or waiting to be resumed.
    Running,
    /// Everything asked was retrieved and committed.
    Succeeded,
    /// Committed, and somebody should look: rejected records, held voids, nothing where there was something.
    Warnings,
    /// Some partitions stayed incomplete; the others are committed.
    Partial,
    /// Nothing could be retrieved.
    Failed,
    /// Stopped by a person.
    Cancelled,
}

/// What a run is asked to do; pinned when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// For which account.
    pub account: AccountId,
    /// Why.
    pub trigger: Trigger,
    /// Names the occurrence of the schedule (`2026-11-23`): a second order with the same one is none.
    pub occurrence: Option<String>,
    /// The instant the run looks from.
    pub as_of: Timestamp,
    /// Its local date in the account's zone.
    pub local_date: Date,
    /// First UTC day asked for.
    pub window_from: Date,
    /// First UTC day after.
    pub window_to: Date,
    /// The settings it runs with.
    pub settings_revision: u32,
    /// The plugin versions it runs with.
    pub cast: Cast<Digest>,
}

/// One retrieval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// What it was asked.
    pub order: Order,
    /// Where it stands.
    pub state: RunState,
    /// How many workers have taken it: the fencing number of the newest.
    pub attempt: u32,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When retrieval first started.
    pub started_at: Option<Timestamp>,
    /// When its last partition was committed: its Purchases are visible.
    pub visible_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Live progress, then the summary; the pipeline's, as JSON.
    pub report: serde_json::Value,
}

/// The right to write for a run. A newer attempt makes it worthless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// Which run.
    pub run: RunId,
    /// Whose account.
    pub account: AccountId,
    /// The fencing number.
    pub attempt: u32,
}

/// The part of a feed that one complete retrieval replaces.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Partition {
    /// The feed.
    pub feed: String,
    /// Its name inside the feed.
    pub key: String,
    /// `2026-11` where the partition has stages, else empty.
    pub month: String,
    /// ISO 4217 where the partition has one, else empty.
    pub currency: String,
    /// A higher stage withdraws the lower one's contributions of the same currency and month.
    pub stage: u32,
}

/// A request of the frontier. `body` is the pipeline's.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Its number inside the run, in the order of discovery.
    pub number: u64,
    /// The feed that asked.
    pub feed: String,
    /// What it works for.
    pub partition: Option<Partition>,
    /// The request itself, as JSON.
    pub body: String,
    /// Not to be sent before.
    pub not_before: Option<Timestamp>,
    /// Answers it has had that asked for patience.
    pub retries: u32,
}

/// A request not yet numbered.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRequest {
    /// The feed that asks.
    pub feed: String,
    /// What it works for.
    pub partition: Option<Partition>,
    /// What the vendor calls the state of the partition's data; empty: nothing is known. Where that state was committed
    /// last, by the same plugin version and settings, the request is not made and the partition stays as it is.
    pub version: String,
    /// The request itself, as JSON.
    pub body: String,
    /// Not to be sent before.
    pub not_before: Option<Timestamp>,
}

/// What later feeds need from earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// `subscription`, `customer`, `market` …
    pub kind: String,
    /// Unique inside the kind.
    pub key: String,
    /// JSON.
    pub value: String,
}

/// One page with all that was read from it. Nothing of it is visible before its partition is committed.
#[derive(Debug, Clone)]
pub struct Page {
    /// Position in its answer, from 0.
    pub number: u32,
    /// The records, verbatim.
    pub bytes: Bytes,
    /// Hash of `bytes`.
    pub digest: Digest,
    /// The context it was mapped with, as JSON: with the bytes it is all a replay needs.
    pub context: String,
    /// What the mapping said, one per record group, in page order; equal references not yet summed.
    pub contributions: Vec<Contribution>,
    /// Lines of an invoice that another feed bills.
    pub lines: Vec<InvoiceLine>,
    /// What the localisation said.
    pub texts: Vec<ProductText>,
    /// What was read for later feeds.
    pub facts: Vec<Fact>,
    /// What came in and what became of it.
    pub balance: Balance,
    /// Records set aside, with their reasons.
    pub rejections: Vec<Rejection>,
}

/// A record that could not become a Purchase. It is kept in its page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// Position in the page.
    pub ordinal: u32,
    /// Why, for the administrator.
    pub reason: String,
}

/// The end of one request: all of it is written in one transaction, or none.
#[derive(Debug, Clone, Default)]
pub struct Completion {
    /// The request's number.
    pub request: u64,
    /// What is kept of the request itself from now on; none: all of it.
    pub asked: Option<String>,
    /// Its remaining pages (earlier ones of a long answer were staged before).
    pub pages: Vec<Page>,
    /// Hash of the answer's kept body, where it was not empty: the same one under two requests of a partition is a
    /// repeated page.
    pub body_digest: Option<Digest>,
    /// Requests it led to.
    pub requests: Vec<NewRequest>,
    /// Facts from the envelope.
    pub facts: Vec<Fact>,
    /// Why its partition must not replace what is stored.
    pub incomplete: Option<String>,
    /// For the log of what was sent.
    pub sent: Option<Sent>,
    /// The vendor asks for patience: the request goes back to the frontier until then.
    pub retry_at: Option<Timestamp>,
}

/// A partition that a run could not replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incomplete {
    /// Which.
    pub partition: Partition,
    /// A stable code, and what happened.
    pub reason: String,
    /// Records of it are stored, from a run before.
    pub is_stored: bool,
}

/// One line of a run's log, for the activity page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// `info`, `warn` or `error`.
    pub level: String,
    /// Stable code of an error or warning; empty otherwise.
    pub code: String,
    /// What happened, and what to do.
    pub text: String,
}

/// Runs and what they retrieve.
#[async_trait]
pub trait Runs: Send + Sync {
    /// Queues a run. None: this occurrence was ordered before.
    async fn order_run(&self, order: &Order, now: Timestamp) -> Result<Option<RunId>>;
    /// Takes the oldest run that waits and whose account has no other at work, or one whose lease has run out. Staged
    /// pages of requests that were under way are dropped; what was completed stays.
    async fn claim_run(&self, now: Timestamp, lease_until: Timestamp) -> Result<Option<(Run, Fence)>>;
    /// Ends all leases: only for a process that alone works on this store, at its start. Whoever held them is gone, and
    /// its runs need not wait.
    async fn end_leases(&self) -> Result<()>;
    /// Keeps the lease.
    async fn renew_lease(&self, fence: Fence, until: Timestamp) -> Result<()>;
    /// Writes live progress.
    async fn report_progress(&self, fence: Fence, report: &serde_json::Value) -> Result<()>;
    /// Ends the run.
    async fn finish_run(
        &self,
        fence: Fence,
        state: RunState,
        report: &serde_json::Value,
        now: Timestamp,
    ) -> Result<()>;
    /// Asks a run to stop.
    async fn cancel_run(&self, run: RunId) -> Result<()>;
    /// Whether a person asked it to stop.
    async fn is_cancelled(&self, run: RunId) -> Result<bool>;
    /// One run.
    async fn run(&self, run: RunId) -> Result<Run>;
    /// The newest runs first, of one account or of all.
    async fn runs(&self, account: Option<AccountId>, limit: u32) -> Result<Vec<Run>>;
    /// An account's runs of these local dates, half-open; the oldest first.
    async fn runs_of_days(&self, account: AccountId, from: Date, to: Date) -> Result<Vec<Run>>;
    /// The newest occurrence ordered for an account.
    async fn last_occurrence(&self, account: AccountId) -> Result<Option<String>>;
    /// Appends to the run's log.
    async fn log(&self, fence: Fence, line: &LogLine) -> Result<()>;
    /// The run's log, oldest first.
    async fn run_log(&self, run: RunId) -> Result<Vec<LogLine>>;

    /// Notes that a feed was started with a batch of facts (named by `batch`), with what it asked for. A batch noted
    /// before is not noted again: false.
    async fn start_feed(&self, fence: Fence, feed: &str, batch: u32, step: &Completion) -> Result<bool>;
    /// Feeds and batches started.
    async fn started_feeds(&self, run: RunId) -> Result<Vec<(String, u32)>>;
    /// Requests that wait, in the order of discovery, after a number.
    async fn frontier(&self, run: RunId, after: u64, limit: u32) -> Result<Vec<Request>>;
    /// How many requests wait, and how many are done, per feed.
    async fn frontier_size(&self, run: RunId) -> Result<Vec<(String, u64, u64)>>;
    /// Writes pages of a long answer before it ends.
    async fn stage_pages(&self, fence: Fence, request: u64, pages: Vec<Page>) -> Result<()>;
    /// Ends requests, all in one transaction.
    async fn complete_requests(&self, fence: Fence, completions: Vec<Completion>) -> Result<()>;
    /// Partitions of the run with no request left and not yet committed, in order of their first request.
    async fn ready_partitions(&self, run: RunId) -> Result<Vec<Partition>>;
    /// Partitions of the run whose data are, by the vendor's word, those last committed: left as they are.
    async fn unchanged_partitions(&self, run: RunId) -> Result<Vec<Partition>>;
    /// Partitions of the run that will never be ready, or were marked incomplete, with the reason.
    async fn incomplete_partitions(&self, run: RunId) -> Result<Vec<Incomplete>>;

    /// Facts of these kinds that this run has brought, by kind and key, after a position.
    async fn facts(
        &self,
        run: RunId,
        kinds: &[String],
        after: Option<(String, String)>,
        limit: u32,
    ) -> Result<Vec<Fact>>;
    /// The newest value of a fact the account has ever had.
    async fn fact(&self, account: AccountId, kind: &str, key: &str) -> Result<Option<Fact>>;
    /// All facts of a kind the account has ever had.
    async fn facts_of_kind(&self, account: AccountId, kind: &str) -> Result<Vec<Fact>>;

    /// A page's bytes.
    async fn page(&self, account: AccountId, digest: Digest) -> Result<Option<Bytes>>;
    /// The pages a run has read, after a place; in the order they were read.
    async fn pages_of_run(&self, run: RunId, after: u64, limit: u32) -> Result<Vec<PageRead>>;
    /// Where a page came from: run, request body and page context, newest first.
    async fn page_sources(&self, account: AccountId, digest: Digest) -> Result<Vec<PageSource>>;
}

/// A page as a run has read it.
#[derive(Debug, Clone, PartialEq)]
pub struct PageRead {
    /// Grows with each reading: where to go on from.
    pub place: u64,
    /// The feed that asked.
    pub feed: String,
    /// The request, as JSON.
    pub request: String,
    /// The page context, as JSON.
    pub context: String,
    /// The page.
    pub digest: Digest,
}

/// Where a page came from.
#[derive(Debug, Clone, PartialEq)]
pub struct PageSource {
    /// The run that brought it.
    pub run: RunId,
    /// The plugin versions that run was pinned to.
    pub cast: Cast<Digest>,
    /// The request, as JSON.
    pub request: String,
    /// The page context, as JSON.
    pub context: String,
}
