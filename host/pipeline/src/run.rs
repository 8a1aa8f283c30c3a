//! One run, from the claim to its result.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use purser_store::accounts::{ConsentState, Reason};
use purser_store::runs::{Incomplete, LogLine, RunState};
use purser_store::{Error, Result};
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::alarms;
use crate::closing;
use crate::commit::{self, PolicyOfAccount};
use crate::crawl::{self, Ended};
use crate::fetch::{self, Trouble};
use crate::health;
use crate::pricing;
use crate::progress::Progress;
use crate::remap;
use crate::report::Report;
use crate::secret;
use crate::verdict;
use crate::work::Work;

/// How an execution ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Execution {
    /// The run is over.
    Finished(RunState, Box<Report>),
    /// The process is going down; whoever claims the run next goes on with it.
    Interrupted,
}

/// Executes a claimed run to its end, or until `stop`.
///
/// # Errors
/// [`Error::Fenced`] where another worker took over; others where the store fails. In both cases nothing is lost: the
/// run can be claimed again.
pub async fn execute(work: Arc<Work>, policy: PolicyOfAccount, stop: CancellationToken) -> Result<Execution> {
    let progress = Arc::new(Progress::resume(&work.run.report, &work.feeds));
    let guard = Guard::start(work.clone(), progress.clone(), &stop);
    let ended = work_through(&work, &progress, policy.clone(), guard.stop.clone()).await;
    let cancelled = guard.end().await?;
    match ended? {
        Ended::Stopped if !cancelled => Ok(Execution::Interrupted),
        Ended::Stopped => finish(&work, &progress, &policy, Some(RunState::Cancelled)).await,
        Ended::NeedsConsent(trouble) => {
            note_refusal(&work, trouble).await?;
            finish(&work, &progress, &policy, Some(RunState::Failed)).await
        }
        Ended::Complete => {
            if let Some(trouble) = work.secret.refused_everywhere() {
                progress.trouble("", &trouble);
                note_refusal(&work, trouble).await?;
            }
            finish(&work, &progress, &policy, None).await
        }
    }
}

/// Looks whether the consent works and retrieves, or maps again what is kept; then prices what the host has to price.
async fn work_through(
    work: &Arc<Work>,
    progress: &Arc<Progress>,
    policy: PolicyOfAccount,
    stop: CancellationToken,
) -> Result<Ended> {
    if !work.is_remap() {
        health::preflight::before_run(work, progress, &stop).await?;
    }
    let ended = retrieve(work, progress, policy.clone(), stop.clone()).await?;
    pricing::price(work, progress, &policy, &stop).await?;
    // Stopped while it priced: whoever goes on prices the rest.
    Ok(if stop.is_cancelled() { Ended::Stopped } else { ended })
}

/// Crawl and commits side by side.
async fn retrieve(
    work: &Arc<Work>,
    progress: &Arc<Progress>,
    policy: PolicyOfAccount,
    stop: CancellationToken,
) -> Result<Ended> {
    work.customers.learn(&work.store.facts_of_kind(work.account(), crate::work::SUBSCRIPTION).await?);
    let ready = Arc::new(Notify::new());
    ready.notify_one();
    let crawled = CancellationToken::new();
    // On a thread of its own: committing and crawling keep one busy each. Ends also where this future is dropped.
    let crawling = crawled.clone().drop_guard();
    let commits = tokio::spawn(commit::commit_ready(
        work.clone(),
        progress.clone(),
        policy,
        ready.clone(),
        crawled.clone(),
    ));
    let ended = match work.is_remap() {
        true => remap::remap(work, progress, &ready, &stop).await,
        false => crawl::crawl(work.clone(), progress.clone(), ready, stop).await,
    };
    drop(crawling);
    commits.await.map_err(|error| Error::Failed(Box::new(error)))??;
    ended
}

/// The vendor's interfaces refuse what its token endpoint still gives: only the plugin could tell, and nothing will work
/// until a person consents anew.
pub(crate) async fn note_refusal(work: &Work, trouble: Trouble) -> Result<()> {
    let account = work.store.account(work.account()).await?;
    let is_about_grant = match trouble.code.as_str() {
        secret::REFUSED => true,
        // Where nothing was ever consented to, a person can give nothing anew.
        fetch::REFUSED => work.connector.consent.is_some(),
        _ => false,
    };
    if !is_about_grant || !matches!(account.state, ConsentState::Active | ConsentState::Degraded(_)) {
        return Ok(());
    }
    let reason = Reason { code: trouble.code, what: trouble.what, remedy: trouble.remedy, since: work.now() };
    work.store.set_consent_state(account.id, &ConsentState::NeedsConsent(reason)).await
}

async fn finish(
    work: &Work,
    progress: &Progress,
    policy: &PolicyOfAccount,
    forced: Option<RunState>,
) -> Result<Execution> {
    for gap in work.store.incomplete_partitions(work.run.id).await? {
        note_gap(progress, &gap);
    }
    progress.crashed(work.crashes.seen());
    progress.left_unchanged(&work.store.unchanged_partitions(work.run.id).await?);
    if !work.is_remap() {
        alarms::look(work, progress, policy.void_threshold_percent).await?;
    }
    progress.finished();
    progress.used(&work.used);
    let state = forced.unwrap_or_else(|| verdict::of(&progress.report()));
    if !work.is_remap() {
        closing::close_due(work, progress, state).await?;
    }
    let report = progress.report();
    log_notes(work, &report).await?;
    work.store.finish_run(work.fence, state, &as_json(&report), work.now()).await?;
    tracing::info!(run.id = work.run.id.0, account.id = work.account().0, run.state = ?state, "run.finished");
    Ok(Execution::Finished(state, Box::new(report)))
}

/// "No data" is what a month begins with; where there were data it is an alarm.
fn note_gap(progress: &Progress, gap: &Incomplete) {
    let subject = format!("{} {}", gap.partition.feed, gap.partition.key);
    let trouble = Trouble::of_reason(&gap.reason);
    if trouble.code == fetch::NOTHING && !gap.is_stored {
        progress.note(alarms::note("info", &trouble.code, &subject, &trouble.what));
    } else if !progress.has_note(&subject) {
        progress.trouble(&subject, &trouble);
    }
}

async fn log_notes(work: &Work, report: &Report) -> Result<()> {
    for note in &report.notes {
        let text = format!("{} · {} · {}", note.subject, note.what, note.remedy);
        let line = LogLine { at: work.now(), level: note.level.clone(), code: note.code.clone(), text };
        work.store.log(work.fence, &line).await?;
    }
    Ok(())
}

fn as_json(report: &Report) -> serde_json::Value {
    serde_json::to_value(report).unwrap_or_default()
}

/// Beside the run: keeps its lease, writes its progress, hears whether a person wants it stopped.
struct Guard {
    stop: CancellationToken,
    done: CancellationToken,
    task: tokio::task::JoinHandle<Result<bool>>,
}

impl Guard {
    fn start(work: Arc<Work>, progress: Arc<Progress>, stop: &CancellationToken) -> Self {
        let stop = stop.child_token();
        let done = CancellationToken::new();
        let task = tokio::spawn(watch(work, progress, stop.clone(), done.clone()));
        Self { stop, done, task }
    }

    /// Whether a person stopped the run.
    async fn end(self) -> Result<bool> {
        self.done.cancel();
        self.task.await.map_err(|error| Error::Failed(Box::new(error)))?
    }
}

async fn watch(
    work: Arc<Work>,
    progress: Arc<Progress>,
    stop: CancellationToken,
    done: CancellationToken,
) -> Result<bool> {
    let mut tick = tokio::time::interval(work.limits.progress.max(Duration::from_millis(10)));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut written = None;
    let mut cancelled = false;
    loop {
        tokio::select! {
            () = done.cancelled() => return Ok(cancelled),
            _ = tick.tick() => {}
        }
        let beat = beat(&work, &progress, &mut written).await;
        if beat.is_err() {
            stop.cancel();
        }
        cancelled |= beat?;
        if cancelled {
            stop.cancel();
        }
    }
}

/// One beat; whether a person wants the run stopped.
async fn beat(work: &Work, progress: &Progress, written: &mut Option<Report>) -> Result<bool> {
    let lease = SignedDuration::try_from(work.limits.lease).unwrap_or(SignedDuration::MAX);
    let until = work.now().checked_add(lease).unwrap_or(jiff::Timestamp::MAX);
    work.store.renew_lease(work.fence, until).await?;
    let report = progress.report();
    if written.as_ref() != Some(&report) {
        work.store.report_progress(work.fence, &as_json(&report)).await?;
        *written = Some(report);
    }
    work.store.is_cancelled(work.run.id).await
}
