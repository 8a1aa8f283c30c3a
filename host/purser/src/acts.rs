//! What the pages may make happen, made to happen: consent, probes, runs. Each act is written to the audit trail.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::Date};
use purser_domain::schedule::Daily;
use purser_domain::{AccountId, ConnectorId, RunId};
use purser_pipeline::Host;
use purser_pipeline::connector::Clouds;
use purser_pipeline::fate::{self, Fate};
use purser_pipeline::work::{Customers, SUBSCRIPTION};
use purser_pipeline::{effect, framing};
use purser_runtime::contract::mapping::PageContext;
use purser_store::accounts::{ConsentState, HostSettings, Probe, Settings};
use purser_store::hand_overs::{Ending, HandOver, HandOverId};
use purser_store::people::AuditEntry;
use purser_store::runs::PageSource;
use purser_vendor::connector::Connector;
use purser_vendor::consent::{Consent, Renewal, admin_link, admin_mends};
use purser_vendor::tokens::Trials;
use purser_vendor::{Chance, Client, Secret, TokenSource, Vault};
use purser_web::{
    APPLICATION_STATE, Acts, BeginConsent, Confirmation, ConnectorView, NewAccount, Occurrence, Problem,
};
use serde_json::json;
use url::Url;

mod connect;
mod describe;
mod hand_over;
mod outside;
mod plugins;
mod problems;
mod secret;
mod tries;

pub use outside::Outside;
pub use tries::Tries;

use problems::{consent_problem, order_problem, refused_problem};

/// The acts of one host.
pub struct HostActs {
    /// Runs, plugins, store, clock.
    pub host: Arc<Host>,
    /// Consent flows.
    pub consent: Consent,
    /// Tries a grant before it replaces another.
    pub trials: Trials,
    /// Access tokens.
    pub tokens: Arc<TokenSource>,
    /// Seals grants.
    pub vault: Arc<Vault>,
    /// Probes.
    pub client: Arc<Client>,
    /// Randomness.
    pub chance: Chance,
    /// Tries of plugin versions.
    pub tries: Tries,
}

impl HostActs {
    fn connector(&self, id: &ConnectorId, cloud: Option<&str>) -> Result<Connector, Problem> {
        let plugin = self.host.plugins.active(id).ok_or_else(|| {
            Problem::new(404, "WEB-NOT-FOUND", "there is no such connector", "start from the menu")
        })?;
        let first = Clouds::served(plugin.descriptor()).into_iter().next();
        let cloud = cloud.map(str::to_owned).or(first).unwrap_or_default();
        let connector = self.host.clouds.connector(plugin.descriptor(), &cloud);
        connector.map_err(|error| problems::cloud_problem(&error))
    }

    async fn audit(&self, who: &str, what: &str, detail: serde_json::Value) -> Result<(), Problem> {
        let entry = AuditEntry { at: self.now(), who: who.to_owned(), what: what.to_owned(), detail };
        Ok(self.host.store.audit(&entry).await?)
    }

    async fn set_state(
        &self,
        account: AccountId,
        state: ConsentState,
        who: &str,
        what: &str,
    ) -> Result<(), Problem> {
        let before = self.host.store.account(account).await?.state;
        self.host.store.set_consent_state(account, &state).await?;
        self.audit(who, what, json!({ "account": account, "before": before, "after": state })).await
    }
}

#[async_trait]
impl Acts for HostActs {
    fn connectors(&self) -> Vec<ConnectorView> {
        let connectors = self.host.plugins.connectors();
        let view = |(id, plugin): &(_, _)| {
            let configured = self.host.clouds.connectors.get(id);
            let credentials = configured.map(|own| describe::credentials(&own.client_auth, self.now()));
            ConnectorView { credentials: credentials.unwrap_or_default(), ..describe::view(id, plugin) }
        };
        connectors.iter().map(view).collect()
    }

    async fn begin_consent(&self, request: BeginConsent<'_>) -> Result<Url, Problem> {
        let connector = self.connector(request.connector, request.cloud)?;
        let renewal = match request.renew {
            None => None,
            Some(account) => {
                let grant = self.host.store.grant(account).await?;
                let tenant = self.host.store.account(account).await?.tenant;
                let (user_name, user_id) =
                    grant.map(|grant| (grant.user_name, grant.user_id)).unwrap_or_default();
                Some(Renewal { tenant, user_name, user_id })
            }
        };
        let begun = self.consent.begin(&connector, request.session, renewal).await;
        Ok(begun.map_err(|error| consent_problem(&error))?.redirect)
    }

    async fn finish_consent(
        &self,
        connector: &ConnectorId,
        cloud: Option<&str>,
        query: &[(String, String)],
        session: &[u8; 32],
    ) -> Result<Confirmation, Problem> {
        let connector = self.connector(connector, cloud)?;
        let confirmation = self.consent.finish(&connector, query, session).await;
        let confirmation = confirmation.map_err(|error| refused_problem(&connector, &error))?;
        let accounts = self.host.store.accounts().await?;
        let known = accounts.into_iter().find(|account| {
            account.connector == connector.id
                && account.cloud == connector.cloud
                && account.tenant == confirmation.tenant
        });
        Ok(Confirmation {
            other_than: self.other_than(known.as_ref(), &confirmation.user_id).await?,
            handle: confirmation.handle,
            tenant_title: known.as_ref().map(|account| account.title.clone()).unwrap_or_default(),
            renewing: known.map(|account| account.id),
            user_name: confirmation.user_name,
            tenant: confirmation.tenant,
        })
    }

    async fn confirm_consent(
        &self,
        handle: &str,
        session: &[u8; 32],
        who: &str,
    ) -> Result<AccountId, Problem> {
        let confirmed =
            self.consent.confirm(handle, session).await.map_err(|error| consent_problem(&error))?;
        self.connect(&confirmed, who).await
    }

    async fn add_account(&self, new: NewAccount<'_>, who: &str) -> Result<AccountId, Problem> {
        self.added(new, who).await
    }

    async fn change_secret(&self, account: AccountId, secret: Secret, who: &str) -> Result<(), Problem> {
        self.secret_changed(account, &secret, who).await
    }

    fn admin_link(&self, connector: &ConnectorId, cloud: &str, tenant: &str, code: &str) -> Option<Url> {
        let connector = self.connector(connector, Some(cloud)).ok()?;
        admin_mends(&connector, code).then(|| admin_link(&connector, Some(tenant), APPLICATION_STATE))?
    }

    async fn answer_hand_over(
        &self,
        id: HandOverId,
        handle: &str,
        session: &[u8; 32],
    ) -> Result<HandOver, Problem> {
        self.answered(id, handle, session).await
    }

    async fn accept_hand_over(&self, id: HandOverId, who: &str) -> Result<AccountId, Problem> {
        self.accepted(id, who).await
    }

    async fn end_hand_over(&self, id: HandOverId, ending: Ending, who: &str) -> Result<(), Problem> {
        self.ended(id, ending, who).await
    }

    async fn probe(&self, account: AccountId, who: &str) -> Result<Vec<Probe>, Problem> {
        self.refuse_unaccepted(account).await?;
        let account = self.host.store.account(account).await?;
        let probes = self.preflight(&account).await?;
        let after = self.host.store.account(account.id).await?.state;
        let detail = json!({ "account": account.id, "before": account.state, "after": after });
        self.audit(who, "consent.probed", detail).await?;
        Ok(probes)
    }

    async fn disconnect(&self, account: AccountId, who: &str) -> Result<(), Problem> {
        if self.withdraw_all(account, who).await? {
            return Ok(());
        }
        self.host.store.erase_grant(account).await?;
        self.tokens.forget_account(account);
        self.set_state(account, ConsentState::Disconnected, who, "account.disconnected").await
    }

    async fn pause(&self, account: AccountId, who: &str) -> Result<(), Problem> {
        self.refuse_unaccepted(account).await?;
        self.set_state(account, ConsentState::Paused, who, "account.paused").await
    }

    async fn resume(&self, account: AccountId, who: &str) -> Result<(), Problem> {
        self.refuse_unaccepted(account).await?;
        self.set_state(account, ConsentState::Verifying, who, "account.resumed").await?;
        let account = self.host.store.account(account).await?;
        self.preflight(&account).await.map(|_| ())
    }

    async fn run_now(
        &self,
        account: AccountId,
        from: Option<Date>,
        to: Option<Date>,
        who: &str,
    ) -> Result<RunId, Problem> {
        let run = self.host.order_now(account, from, to).await.map_err(order_problem)?;
        let after = json!({ "run": run, "from": from, "to": to });
        let detail = json!({ "account": account, "before": null, "after": after });
        self.audit(who, "run.ordered", detail).await?;
        Ok(run)
    }

    async fn cancel_run(&self, run: RunId, who: &str) -> Result<(), Problem> {
        let before = self.host.store.run(run).await?;
        self.host.store.cancel_run(run).await?;
        let after = json!({ "state": before.state, "cancel_asked": true });
        let detail = json!({
            "account": before.order.account, "run": run, "before": { "state": before.state }, "after": after,
        });
        self.audit(who, "run.cancelled", detail).await
    }

    fn next_runs(&self, settings: &HostSettings, count: usize) -> Vec<Occurrence> {
        let Ok(daily) = Daily::new(&settings.zone, &settings.time) else { return Vec::new() };
        let next = daily.next_runs(self.now(), count).into_iter();
        let shown = next.map(|run| Occurrence {
            date: run.occurrence.date,
            at: run.occurrence.at,
            local: run.local,
            utc: run.utc,
        });
        shown.collect()
    }

    fn validate_settings(
        &self,
        connector: &ConnectorId,
        before: &Settings,
        host: &HostSettings,
        plugin: &serde_json::Value,
    ) -> Result<(), Problem> {
        let wrong = |error: purser_domain::schedule::Invalid| {
            Problem::new(400, "SET-SCHEDULE", error.to_string(), "correct it and save again")
        };
        Daily::new(&host.zone, &host.time).map_err(wrong)?;
        let active = self.host.plugins.active(connector);
        let zone = TimeZone::get(&host.zone).unwrap_or(TimeZone::UTC);
        let current = purser_domain::period::month_of(self.now(), &zone);
        let schema = active.as_ref().map(|active| active.descriptor().settings_schema.as_str());
        let schema = schema.and_then(|schema| serde_json::from_str(schema).ok()).unwrap_or_default();
        effect::check(&schema, &before.plugin, plugin, &current)
            .map_err(|late| Problem::new(400, late.code(), late.to_string(), late.remedy()))?;
        let feeds: Vec<String> = active
            .iter()
            .flat_map(|plugin| &plugin.descriptor().feeds)
            .map(|feed| feed.name.clone())
            .collect();
        match host.feeds.iter().find(|feed| !feeds.contains(feed)) {
            None => Ok(()),
            Some(unknown) => {
                let what = format!("the connector has no feed {unknown:?}; it has: {}", feeds.join(", "));
                Err(Problem::new(400, "SET-FEED", what, "choose feeds of this connector"))
            }
        }
    }

    fn record_ranges(&self, context: &str, page: &[u8]) -> Result<Vec<Range<usize>>, Problem> {
        let context: PageContext = serde_json::from_str(context).map_err(|_| damaged_page())?;
        framing::records(&context.framing, page).map_err(|_| damaged_page())
    }

    async fn record_fates(
        &self,
        account: AccountId,
        source: &PageSource,
        page: &[u8],
    ) -> Result<Vec<Fate>, Problem> {
        let cast = self.host.rollout().load(&source.cast).await.map_err(plugins::not_loaded)?;
        let context: PageContext = serde_json::from_str(&source.context).map_err(|_| damaged_page())?;
        let customers = Customers::default();
        customers.learn(&self.host.store.facts_of_kind(account, SUBSCRIPTION).await?);
        let page = page.to_vec();
        let mapped = tokio::task::spawn_blocking(move || {
            fate::of_page(&cast, account, &context, &page, &|subscription| {
                customers.of_subscription(subscription)
            })
        });
        mapped.await.map_err(|_| damaged_page())?.map_err(|_| damaged_page())
    }

    fn random(&self) -> [u8; 32] {
        self.chance.bytes()
    }

    fn now(&self) -> Timestamp {
        (self.host.clock)()
    }
}

fn damaged_page() -> Problem {
    let remedy = "report this with the page's hash";
    Problem::new(500, "STO-PAGE", "the stored page cannot be read", remedy)
}
