//! Tries of plugin versions, begun from the pages and the API: each is a task of its own, and its report is kept in
//! memory until newer ones take its place.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::{ConnectorId, Digest};
use purser_pipeline::replay::{self, Progress, Question, ReplayError, Report, Wanted, WantedError};
use purser_web::{Acts as _, Problem, Try, TryActs, TryState};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::HostActs;
use super::problems::coded;

/// Tries whose results are kept.
const KEPT: usize = 8;
/// The longest a try may take; a period that takes longer is tried in parts.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// The tries of this process.
#[derive(Default)]
pub struct Tries(Mutex<Known>);

#[derive(Default)]
struct Known {
    last: u64,
    kept: VecDeque<(u64, Begun)>,
}

/// What came of a try.
type Ending = Result<Arc<Report>, Problem>;

/// A try, and what tells of it.
#[derive(Clone)]
struct Begun {
    connector: ConnectorId,
    digest: Digest,
    began_at: Timestamp,
    who: String,
    progress: Arc<Progress>,
    stop: CancellationToken,
    ended: Arc<Mutex<Option<Ending>>>,
}

impl Begun {
    fn is_at_work(&self) -> bool {
        lock(&self.ended).is_none()
    }

    fn state(&self) -> TryState {
        match &*lock(&self.ended) {
            Some(Ok(report)) => TryState::Done(report.clone()),
            Some(Err(problem)) => TryState::Failed(problem.clone()),
            None => {
                let (done, all) = self.progress.pages();
                TryState::Working(done, all)
            }
        }
    }
}

impl Tries {
    /// Takes a new one in; refused while another is at work: it has all of the sandbox's threads.
    fn take(&self, begun: Begun) -> Result<u64, Problem> {
        let mut known = lock(&self.0);
        if let Some((number, _)) = known.kept.iter().find(|(_, other)| other.is_at_work()) {
            let what = format!("try {number} is still at work");
            return Err(Problem::new(409, "TRY-BUSY", what, "wait for its end, or stop it"));
        }
        known.last += 1;
        let number = known.last;
        known.kept.push_back((number, begun));
        if known.kept.len() > KEPT {
            known.kept.pop_front();
        }
        Ok(number)
    }

    fn of(&self, number: u64) -> Option<Begun> {
        let known = lock(&self.0);
        known.kept.iter().find(|(known, _)| *known == number).map(|(_, begun)| begun.clone())
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl TryActs for HostActs {
    async fn begin_try(&self, digest: Digest, wanted: Wanted, who: &str) -> Result<u64, Problem> {
        let rollout = self.host.rollout();
        let version = rollout.version(digest).await.map_err(|error| coded(404, &error.to_string()))?;
        let candidate = rollout.load_one(digest).await.map_err(|error| coded(409, &error.to_string()))?;
        let after = json!({
            "digest": digest, "roles": wanted.roles, "accounts": wanted.accounts, "from": wanted.from,
            "to": wanted.to, "terms": wanted.terms,
        });
        let asked = replay::question(self.host.store.as_ref(), &self.host.plugins, &candidate, wanted).await;
        let question = asked.map_err(wanted_problem)?;
        let begun = Begun {
            connector: version.connector.clone(),
            digest,
            began_at: self.now(),
            who: who.to_owned(),
            progress: Arc::default(),
            stop: CancellationToken::new(),
            ended: Arc::default(),
        };
        let number = self.tries.take(begun.clone())?;
        tokio::spawn(work(self.host.clone(), question, begun));
        let detail = json!({ "connector": version.connector, "try": number, "before": null, "after": after });
        self.audit(who, "plugin.tried", detail).await?;
        Ok(number)
    }

    fn try_of(&self, number: u64) -> Option<Try> {
        let begun = self.tries.of(number)?;
        let state = begun.state();
        let Begun { connector, digest, began_at, who, .. } = begun;
        Some(Try { connector, digest, began_at, who, state })
    }

    async fn stop_try(&self, number: u64, who: &str) -> Result<(), Problem> {
        let begun = self.tries.of(number).ok_or_else(|| Problem::not_found("try"))?;
        let before = json!({ "at_work": begun.is_at_work() });
        begun.stop.cancel();
        let after = json!({ "stopped": true });
        let detail = json!({ "connector": begun.connector, "try": number, "before": before, "after": after });
        self.audit(who, "plugin.try_stopped", detail).await
    }
}

/// Replays to the end, until it is stopped, or until it has taken too long.
async fn work(host: Arc<purser_pipeline::Host>, question: Question, begun: Begun) {
    let too_long = begun.stop.clone();
    let timer = tokio::spawn(async move {
        tokio::time::sleep(LONGEST).await;
        too_long.cancel();
    });
    let replayed = replay::replay(&host.store, &host.limits, question, &begun.progress, &begun.stop).await;
    timer.abort();
    let ended = replayed.map(Arc::new).map_err(|error| match error {
        ReplayError::Store(error) => error.into(),
        error => coded(409, &error.to_string()),
    });
    *lock(&begun.ended) = Some(ended);
}

fn wanted_problem(error: WantedError) -> Problem {
    match error {
        WantedError::Store(error) => error.into(),
        error => Problem::new(400, error.code(), error.to_string(), error.remedy()),
    }
}
