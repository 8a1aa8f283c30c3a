//! Ordering: which run shall be, over which days, by which plugin versions.

use jiff::{Span, civil::Date};
use purser_domain::schedule::{Daily, Window};
use purser_domain::{AccountId, RunId};
use purser_store::Error;
use purser_store::accounts::{Account, ConsentState, Settings};
use purser_store::runs::{Order, Trigger};

use super::Host;
use super::feeds::{days, first_days, retrieved};
use crate::plugins::digests;
use crate::reach;

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

impl Host {
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
}

/// Whether an account runs by itself. Without a person's consent only what the application itself may read.
pub(crate) fn is_scheduled(state: &ConsentState, settings: &Settings) -> bool {
    match state {
        ConsentState::Active | ConsentState::Degraded(_) => true,
        ConsentState::NeedsConsent(_) => settings.host.uses_application,
        _ => false,
    }
}
