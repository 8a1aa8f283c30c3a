//! The host of runs: orders them, by hand or by the daily schedule (`order`), and works on them.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::{SignedDuration, civil::Date};
use purser_domain::{Cast, RunId};
use purser_runtime::contract::manifest::Feed;
use purser_runtime::contract::types::RunContext;
use purser_store::accounts::{Account, Settings};
use purser_store::runs::{Fence, Run, RunState, Trigger};
use purser_store::{Error, Store};
use purser_vendor::client::Client;
use purser_vendor::connector::Connector;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use self::feeds::{first_days, retrieved};
use crate::breaker::{self, Crashes};
use crate::commit::PolicyOfAccount;
use crate::connector::Clouds;
use crate::limits::Limits;
use crate::plugins::Plugins;
use crate::reach;
use crate::recording::Recorder;
use crate::report::Report;
use crate::rollout::Rollout;
use crate::run::{self, Execution};
use crate::secret::SecretWatch;
use crate::usage::RunUse;
use crate::work::{Clock, Customers, Room, Work};

mod feeds;
mod order;

pub use order::OrderError;
pub(crate) use order::is_scheduled;

/// Everything runs need, for the life of the process.
pub struct Host {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Plugin versions at hand.
    pub plugins: Arc<Plugins>,
    /// What the operator says about clouds.
    pub clouds: Clouds,
    /// Who asks the vendor.
    pub client: Arc<Client>,
    /// The present instant.
    pub clock: Clock,
    /// All bounds.
    pub limits: Limits,
    /// Wakes a waiting worker.
    pub wake: Arc<Notify>,
    /// Who records one run of this process; a command sets it, before it works.
    pub recorder: OnceLock<Arc<dyn Recorder>>,
}

impl Host {
    /// Who installs plugin versions and changes who plays what.
    #[must_use]
    pub fn rollout(&self) -> Rollout {
        let (store, plugins, clock) = (self.store.clone(), self.plugins.clone(), self.clock.clone());
        Rollout { store, plugins, clock }
    }

    /// Claims one run that waits and executes it. None: nothing waits.
    ///
    /// # Errors
    /// Where the store fails; the run can be claimed again.
    pub async fn work_once(
        &self,
        stop: &CancellationToken,
    ) -> purser_store::Result<Option<(RunId, Execution)>> {
        let now = (self.clock)();
        let lease = SignedDuration::try_from(self.limits.lease).unwrap_or(SignedDuration::MAX);
        let until = now.checked_add(lease).unwrap_or(jiff::Timestamp::MAX);
        let Some((claimed, fence)) = self.store.claim_run(now, until).await? else { return Ok(None) };
        let id = claimed.id;
        tracing::info!(
            run.id = id.0,
            account.id = fence.account.0,
            run.attempt = fence.attempt,
            "run.claimed"
        );
        match self.prepare(claimed, fence).await? {
            Some((work, policy)) => {
                let run = work.run.clone();
                let execution = run::execute(Arc::new(work), policy, stop.clone()).await?;
                if let Execution::Finished(_, report) = &execution {
                    self.after(&run, report).await;
                }
                Ok(Some((id, execution)))
            }
            None => Ok(Some((id, self.give_up(fence).await?))),
        }
    }

    /// What a run that has ended leads to. It has ended, whatever comes of this.
    async fn after(&self, run: &Run, report: &Report) {
        if let Err(error) = breaker::look(self, run, report).await {
            tracing::error!(run.id = run.id.0, error = %error, "breaker.failed");
        }
    }

    /// Orders what is due until `stop`, looking at the clock every second.
    pub async fn keep_schedule(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.order_due().await {
                tracing::error!(error = &error as &dyn std::error::Error, "schedule.failed");
            }
            pause(&stop).await;
        }
    }

    /// Executes runs that wait until `stop`.
    pub async fn work(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.work_once(&stop).await {
                Ok(Some(_)) => continue,
                Ok(None) => {}
                Err(Error::Fenced) => tracing::warn!("run.taken_over"),
                Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "run.interrupted"),
            }
            tokio::select! {
                () = self.wake.notified() => {}
                () = pause(&stop) => {}
            }
        }
    }

    /// What may be asked for an account now; none where no plugin serves it or its cloud is not configured.
    pub(crate) fn connector_of(&self, account: &Account) -> Option<Connector> {
        let plugin = self.plugins.active(&account.connector)?;
        self.clouds.connector(plugin.descriptor(), &account.cloud).ok()
    }

    /// The tools of a claimed run; none where its plugin version is gone or its cloud is not configured any more.
    async fn prepare(&self, run: Run, fence: Fence) -> purser_store::Result<Option<(Work, PolicyOfAccount)>> {
        let account = self.store.account(fence.account).await?;
        let settings = self.store.settings_at(fence.account, run.order.settings_revision).await?;
        let Some(cast) = self.rollout().cast_of(&run).await? else { return Ok(None) };
        let Ok(connector) = self.clouds.connector(cast.crawl.descriptor(), &account.cloud) else {
            return Ok(None);
        };
        let feeds = match run.order.trigger {
            Trigger::Remap => cast.crawl.descriptor().feeds.clone(),
            _ => retrieved(&cast.crawl, &settings, &account.cloud),
        };
        let policy = PolicyOfAccount {
            void_threshold_percent: settings.host.void_threshold_percent,
            zone: settings.host.zone.clone(),
        };
        let used = Arc::<RunUse>::default();
        let recorder = self.recorder.get().filter(|recorder| recorder.records(run.id)).cloned();
        let work = Work {
            store: self.store.clone(),
            connector: Arc::new(connector),
            client: self.client.clone(),
            clock: self.clock.clone(),
            limits: self.limits,
            context: context(&run, &settings, &account.cloud),
            first_days: self.first_days_of(&run, &settings, &feeds).await?,
            needs_grant: !settings.host.uses_application,
            secret: SecretWatch::default(),
            crashes: Crashes::default(),
            run,
            fence,
            feeds,
            cast: Cast {
                crawl: cast.crawl.for_run(fence.run, used.clone()),
                mapping: cast.mapping.for_run(fence.run, used.clone()),
                localisation: cast.localisation.for_run(fence.run, used.clone()),
            },
            used,
            customers: Arc::new(Customers::default()),
            sandbox: Arc::new(Semaphore::new(self.limits.pages_in_sandbox.max(1))),
            room: Room::of(self.limits.unwritten_bytes),
            recorder,
        };
        Ok(Some((work, policy)))
    }

    /// Where each feed begins inside the window of a run; days that a person chose are read of every feed.
    async fn first_days_of(
        &self,
        run: &Run,
        settings: &Settings,
        feeds: &[Feed],
    ) -> purser_store::Result<BTreeMap<String, Date>> {
        if matches!(run.order.trigger, Trigger::Backfill | Trigger::Remap) {
            return Ok(BTreeMap::new());
        }
        let mut former = self.store.runs(Some(run.order.account), reach::FORMER).await?;
        former.retain(|other| other.id < run.id);
        Ok(first_days(&former, settings, feeds, run.order.local_date))
    }

    async fn give_up(&self, fence: Fence) -> purser_store::Result<Execution> {
        let mut report = crate::report::Report::default();
        report.notes.push(crate::report::Note {
            level: "error".into(),
            code: "RUN-PLUGIN".into(),
            subject: String::new(),
            what: "the plugin version or the cloud this run was ordered with is no longer there".into(),
            remedy: crate::remedies::of("RUN-PLUGIN").into(),
        });
        let value = serde_json::to_value(&report).unwrap_or_default();
        self.store.finish_run(fence, RunState::Failed, &value, (self.clock)()).await?;
        Ok(Execution::Finished(RunState::Failed, Box::new(report)))
    }
}

/// A second, or until `stop`.
async fn pause(stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(Duration::from_secs(1)) => {}
    }
}

fn context(run: &Run, settings: &Settings, cloud: &str) -> RunContext {
    RunContext {
        settings: settings.plugin.to_string(),
        as_of: run.order.as_of.to_string(),
        local_date: run.order.local_date.to_string(),
        window_from: run.order.window_from.to_string(),
        window_to: run.order.window_to.to_string(),
        cloud: cloud.to_owned(),
        locale: settings.host.locale.clone(),
    }
}
