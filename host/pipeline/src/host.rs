//! The host of runs: orders them, by hand or by the daily schedule, and works on them.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::{SignedDuration, Span, civil::Date};
use purser_domain::schedule::{Daily, Window};
use purser_domain::{AccountId, Cast, RunId};
use purser_runtime::Plugin;
use purser_runtime::contract::manifest::Feed;
use purser_runtime::contract::types::RunContext;
use purser_store::accounts::{Account, ConsentState, Settings};
use purser_store::runs::{Fence, Order, Run, RunState, Trigger};
use purser_store::{Error, Store};
use purser_vendor::client::Client;
use purser_vendor::connector::Connector;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::breaker::{self, Crashes};
use crate::commit::PolicyOfAccount;
use crate::connector::Clouds;
use crate::limits::Limits;
use crate::plugins::{Plugins, digests};
use crate::reach;
use crate::recording::Recorder;
use crate::report::Report;
use crate::rollout::Rollout;
use crate::run::{self, Execution};
use crate::secret::SecretWatch;
use crate::usage::RunUse;
use crate::work::{Clock, Customers, Room, Work};

/// Days that a person may choose for one run.
const LONGEST_CHOSEN_DAYS: i32 = 420;

/// Why a run cannot be ordered.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The account cannot retrieve.
    #[error(
        "RUN-NOT-CONNECTED the account is not connected · connect it, or renew its consent, under Connector Settings"
    )]
    NotConnected,
    /// Nobody has accepted the account's first consent.
    #[error(
        "CON-HAND-OVER-WAITS the consent of this account was handed over, and nobody has accepted it · accept or reject it under Connector Settings"
    )]
    NotAccepted,
    /// The connector's plugin is gone.
    #[error(
        "RUN-PLUGIN no plugin serves this account's connector · install one, or see under Plugins why the present one is not loaded"
    )]
    NoPlugin,
    /// The window ends before it begins, or is too long.
    #[error(
        "RUN-WINDOW the window is empty or longer than {0} days · give a first day and a later day that is not asked for any more"
    )]
    Window(i32),
    /// The settings' schedule is wrong.
    #[error(transparent)]
    Schedule(#[from] purser_domain::schedule::Invalid),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

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

    /// Orders a run by hand; without days, over the window of a daily run.
    ///
    /// # Errors
    /// Where the account cannot retrieve or the window is none.
    pub async fn order_now(
        &self,
        account: AccountId,
        from: Option<Date>,
        to: Option<Date>,
    ) -> Result<RunId, OrderError> {
        self.rollout().refresh().await?;
        let account = self.store.account(account).await?;
        if matches!(account.state, ConsentState::Disconnected) {
            return Err(OrderError::NotConnected);
        }
        let settings = self.store.settings(account.id).await?;
        if !settings.host.uses_application && self.store.first_grant_waits(account.id).await? {
            return Err(OrderError::NotAccepted);
        }
        let daily = Daily::new(&settings.host.zone, &settings.host.time)?;
        let usual = self.daily_window(&account, &daily, &settings).await?;
        let window = Window { from: from.unwrap_or(usual.from), to: to.unwrap_or(usual.to) };
        let days = window.from.until(window.to).map_or(0, |span| span.get_days());
        if !(1..=LONGEST_CHOSEN_DAYS).contains(&days) {
            return Err(OrderError::Window(LONGEST_CHOSEN_DAYS));
        }
        let trigger = if from.is_some() || to.is_some() { Trigger::Backfill } else { Trigger::Manual };
        let order = Order { trigger, ..self.order(&account, &settings, &daily, window, None)? };
        let run = self.store.order_run(&order, (self.clock)()).await?;
        self.wake.notify_one();
        run.ok_or(OrderError::Store(Error::Conflict("run")))
    }

    /// Orders the runs that are due. A run missed while Purser was down is made up once, and reaches back to the last.
    ///
    /// # Errors
    /// Where the store fails; an account with unusable settings is passed over, and said so in the log.
    pub async fn order_due(&self) -> Result<Vec<RunId>, OrderError> {
        self.rollout().refresh().await?;
        let mut ordered = Vec::new();
        for account in self.store.accounts().await? {
            match self.order_if_due(&account).await {
                Ok(run) => ordered.extend(run),
                Err(OrderError::Store(error)) => return Err(error.into()),
                Err(error) => tracing::error!(account.id = account.id.0, error = %error, "schedule.unusable"),
            }
        }
        if !ordered.is_empty() {
            self.wake.notify_one();
        }
        Ok(ordered)
    }

    async fn order_if_due(&self, account: &Account) -> Result<Option<RunId>, OrderError> {
        let settings = self.store.settings(account.id).await?;
        if !is_scheduled(&account.state, &settings) {
            return Ok(None);
        }
        let daily = Daily::new(&settings.host.zone, &settings.host.time)?;
        let last = self.store.last_occurrence(account.id).await?.and_then(|date| date.parse().ok());
        let now = (self.clock)();
        let Some(due) = daily.due(now, account.created_at, last) else { return Ok(None) };
        let window = self.daily_window(account, &daily, &settings).await?;
        let order = self.order(account, &settings, &daily, window, Some(due.date.to_string()))?;
        Ok(self.store.order_run(&order, now).await?)
    }

    /// From the first day that any feed has to be read again.
    async fn daily_window(
        &self,
        account: &Account,
        daily: &Daily,
        settings: &Settings,
    ) -> Result<Window, OrderError> {
        let plugin = self.plugins.active(&account.connector).ok_or(OrderError::NoPlugin)?;
        let feeds = retrieved(&plugin, settings, &account.cloud);
        let former = self.store.runs(Some(account.id), reach::FORMER).await?;
        let today = daily.local_date((self.clock)());
        let first = first_days(&former, settings, &feeds, today).into_values().min();
        let from = first.unwrap_or_else(|| today.saturating_sub(days(settings.host.longest_look_back())));
        Ok(Window { from, to: today.saturating_add(Span::new().days(1)) })
    }

    fn order(
        &self,
        account: &Account,
        settings: &Settings,
        daily: &Daily,
        window: Window,
        occurrence: Option<String>,
    ) -> Result<Order, OrderError> {
        let cast = self.plugins.cast(&account.connector).ok_or(OrderError::NoPlugin)?;
        let now = (self.clock)();
        Ok(Order {
            account: account.id,
            trigger: if occurrence.is_some() { Trigger::Schedule } else { Trigger::Manual },
            occurrence,
            as_of: now,
            local_date: daily.local_date(now),
            window_from: window.from,
            window_to: window.to,
            settings_revision: settings.revision,
            cast: digests(&cast),
        })
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

/// Whether an account runs by itself. Without a person's consent only what the application itself may read.
pub(crate) fn is_scheduled(state: &ConsentState, settings: &Settings) -> bool {
    match state {
        ConsentState::Active | ConsentState::Degraded(_) => true,
        ConsentState::NeedsConsent(_) => settings.host.uses_application,
        _ => false,
    }
}

/// Whether the account wants the feed, and the vendor serves it in the account's cloud.
fn is_retrieved(feed: &str, clouds: &[String], wanted: &[String], cloud: &str) -> bool {
    let is_served = clouds.is_empty() || clouds.iter().any(|served| served == cloud);
    is_served && (wanted.is_empty() || wanted.iter().any(|name| name == feed))
}

/// The feeds of a plugin that an account retrieves.
fn retrieved(plugin: &Plugin, settings: &Settings, cloud: &str) -> Vec<Feed> {
    let feeds = plugin.descriptor().feeds.iter();
    let wanted = |feed: &&Feed| is_retrieved(&feed.name, &feed.clouds, &settings.host.feeds, cloud);
    feeds.filter(wanted).cloned().collect()
}

/// Each feed's own look-back, before the last run that brought it.
fn first_days(former: &[Run], settings: &Settings, feeds: &[Feed], today: Date) -> BTreeMap<String, Date> {
    let first = |feed: &Feed| {
        let since = reach::since(&feed.name, former, today);
        (feed.name.clone(), since.saturating_sub(days(settings.host.look_back_of(&feed.name))))
    };
    feeds.iter().map(first).collect()
}

fn days(count: u32) -> Span {
    Span::new().days(i32::try_from(count.min(365)).unwrap_or(0))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_retrieved_where_it_is_wanted_and_the_cloud_has_it() {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (clouds, wanted, expected) in [
            (&[][..], &[][..], true),
            (&["global"], &[], true),
            (&["moon"], &[], false),
            (&["moon"], &["usage"], false),
            (&["global"], &["names"], false),
            (&["moon", "global"], &["names", "usage"], true),
        ] {
            let is = is_retrieved("usage", &owned(clouds), &owned(wanted), "global");
            assert_eq!(is, expected, "{clouds:?} {wanted:?}");
        }
    }
}
