//! The port through which pages make something happen: consent, probes, runs. The binary implements it by joining
//! vendor, pipeline and sandbox; tests by a fake.
//!
//! **Invariant:** whoever implements an act writes it to the audit trail under the name given as `who`; the pages
//! themselves audit only what they do to the store (sign-ins, settings).

use std::ops::Range;

use async_trait::async_trait;
use jiff::{Timestamp, civil::Date};
use purser_domain::{AccountId, ConnectorId, Digest, RunId};
use purser_pipeline::fate::Fate;
use purser_pipeline::reconcile::FeedPart;
use purser_store::accounts::{HostSettings, Probe, Settings};
use purser_store::hand_overs::{Ending, HandOver, HandOverId};
use purser_store::runs::PageSource;
use purser_vendor::Secret;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::entry::NewAccount;
use crate::{PluginActs, Problem, TryActs};

/// What pages may make happen.
#[async_trait]
pub trait Acts: PluginActs + TryActs + 'static {
    /// The connectors whose plugin is active, in the order of the menu.
    fn connectors(&self) -> Vec<ConnectorView>;

    /// Begins a consent flow and says where the browser goes. The flow is bound to the session.
    async fn begin_consent(&self, request: BeginConsent<'_>) -> Result<Url, Problem>;
    /// Takes the vendor's answer: checks state, code and id token. Stores nothing but the flow, now under the handle.
    ///
    /// `cloud` is none where the callback came without one: the connector's first.
    async fn finish_consent(
        &self,
        connector: &ConnectorId,
        cloud: Option<&str>,
        query: &[(String, String)],
        session: &[u8; 32],
    ) -> Result<Confirmation, Problem>;
    /// The person said yes: stores the grant and runs the preflight.
    async fn confirm_consent(
        &self,
        handle: &str,
        session: &[u8; 32],
        who: &str,
    ) -> Result<AccountId, Problem>;

    /// Connects an account of a connector that asks for no consent: its secret is sealed at once.
    async fn add_account(&self, new: NewAccount<'_>, who: &str) -> Result<AccountId, Problem>;
    /// Stores another secret in place of an account's own.
    async fn change_secret(&self, account: AccountId, secret: Secret, who: &str) -> Result<(), Problem>;

    /// Somebody without an account here said yes: keeps the grant aside and tries it. Nothing else uses it.
    async fn answer_hand_over(
        &self,
        id: HandOverId,
        handle: &str,
        session: &[u8; 32],
    ) -> Result<HandOver, Problem>;
    /// Makes the grant kept aside the account's, as if it had been given here.
    async fn accept_hand_over(&self, id: HandOverId, who: &str) -> Result<AccountId, Problem>;
    /// Ends a hand-over without its grant.
    async fn end_hand_over(&self, id: HandOverId, ending: Ending, who: &str) -> Result<(), Problem>;

    /// The page at the vendor's that mends what this code stands for, where there is one.
    fn admin_link(&self, connector: &ConnectorId, cloud: &str, tenant: &str, code: &str) -> Option<Url>;

    /// Probes the account live and stores the preflight table.
    async fn probe(&self, account: AccountId, who: &str) -> Result<Vec<Probe>, Problem>;
    /// Erases the grant; what was retrieved stays.
    async fn disconnect(&self, account: AccountId, who: &str) -> Result<(), Problem>;
    /// Stops the schedule.
    async fn pause(&self, account: AccountId, who: &str) -> Result<(), Problem>;
    /// Starts it again.
    async fn resume(&self, account: AccountId, who: &str) -> Result<(), Problem>;

    /// Orders a run now; without dates, over the window a daily run would ask for. `to` is the first day not asked for.
    async fn run_now(
        &self,
        account: AccountId,
        from: Option<Date>,
        to: Option<Date>,
        who: &str,
    ) -> Result<RunId, Problem>;
    /// Asks a run to stop.
    async fn cancel_run(&self, run: RunId, who: &str) -> Result<(), Problem>;

    /// The next occurrences of a schedule, soonest first.
    fn next_runs(&self, settings: &HostSettings, count: usize) -> Vec<Occurrence>;
    /// Whether the connector can work with these settings instead of those `before`; the pages have checked form and
    /// ranges before.
    fn validate_settings(
        &self,
        connector: &ConnectorId,
        before: &Settings,
        host: &HostSettings,
        plugin: &serde_json::Value,
    ) -> Result<(), Problem>;
    /// Where the records of a kept page lie in it, by ordinal; `context` is the page context as stored with it.
    fn record_ranges(&self, context: &str, page: &[u8]) -> Result<Vec<Range<usize>>, Problem>;
    /// What became of each record of a kept page, by ordinal; `source` is one of its readings.
    async fn record_fates(
        &self,
        account: AccountId,
        source: &PageSource,
        page: &[u8],
    ) -> Result<Vec<Fate>, Problem>;

    /// The time.
    fn now(&self) -> Timestamp;
    /// Bytes nobody can guess, others each time.
    fn random(&self) -> [u8; 32];
}

/// What a consent flow begins with.
#[derive(Debug, Clone, Copy)]
pub struct BeginConsent<'a> {
    /// Under which connector.
    pub connector: &'a ConnectorId,
    /// The cloud's id; none: the connector's first.
    pub cloud: Option<&'a str>,
    /// Hash that names the browser session.
    pub session: &'a [u8; 32],
    /// The account whose consent is renewed.
    pub renew: Option<AccountId>,
}

/// Who signed in at the vendor, for the question whether this is the right account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Names the flow in [`Acts::confirm_consent`].
    pub handle: String,
    /// The sign-in name.
    pub user_name: String,
    /// The vendor's id of the tenant.
    pub tenant: String,
    /// What people call it; may be empty.
    pub tenant_title: String,
    /// The account whose consent is renewed.
    pub renewing: Option<AccountId>,
    /// Who consented before, where it was another user; empty otherwise.
    #[serde(default)]
    pub other_than: String,
}

/// What an app registration proves itself by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialView {
    /// `client secret` or `client certificate`.
    pub kind: &'static str,
    /// The day (UTC) on which it ends, where that is known.
    pub ends: Option<Date>,
    /// It is the one that is used.
    pub is_used: bool,
    /// What to say about its end: empty unless it is near, and no other credential lasts longer.
    pub warning: String,
}

/// A connector as its active plugin describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectorView {
    /// Lower-case letters, digits and dashes; part of its pages' addresses.
    pub id: ConnectorId,
    /// What people call it.
    pub title: String,
    /// Who made the plugin.
    pub publisher: String,
    /// The plugin's version.
    pub version: String,
    /// The version of the contract it speaks.
    pub interface: String,
    /// The plugin version's name: sha256 of the component.
    pub digest: Digest,
    /// Clouds it can be used in, the usual one first.
    pub clouds: Vec<CloudView>,
    /// How consent is given; none: it needs no grant.
    pub consent: Option<ConsentView>,
    /// Whether its accounts have a plain secret in place of a consent.
    pub takes_secret: bool,
    /// What the app registration proves itself by.
    pub credentials: Vec<CredentialView>,
    /// Languages of product names.
    pub locales: Vec<LocaleView>,
    /// The last step of every fallback.
    pub default_locale: String,
    /// JSON Schema of the plugin's settings.
    pub settings_schema: serde_json::Value,
    /// APIs that take the application's own permission, and what that is, in the vendor's words.
    pub application_permissions: Vec<(String, String)>,
    /// Kinds of data it retrieves.
    pub feeds: Vec<FeedView>,
    /// What reconciliation has to know of the feeds that bring Purchases.
    pub reconciled: Vec<FeedPart>,
    /// Which feed bills each class of the vendor's charges; empty where the connector has no such table.
    pub coverage: Vec<CoverageView>,
    /// Every request it may make.
    pub calls: Vec<CallView>,
    /// Host patterns of downloads.
    pub download_hosts: Vec<String>,
}

/// A cloud a connector can be used in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudView {
    /// `global`.
    pub id: String,
    /// What people call it; the id where nobody does.
    pub title: String,
}

/// The connector's words about consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentView {
    /// Shown before the redirect, in this order.
    pub advice: Vec<String>,
    /// The button's text.
    pub button: String,
    /// The rule about roles.
    pub role_rule: String,
    /// Sets of roles known to be enough, or not to be.
    pub role_sets: Vec<RoleSetView>,
    /// Days a grant lives unused.
    pub idle_days: u32,
    /// How to take the application out of the tenant at the vendor.
    pub removal: String,
}

/// Roles that together are enough, or known not to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSetView {
    /// All of these.
    pub roles: Vec<String>,
    /// Whether they are enough.
    pub enough: bool,
    /// Why.
    pub note: String,
}

/// A language of product names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocaleView {
    /// `nl-NL`.
    pub tag: String,
    /// In its own words.
    pub title: String,
}

/// One kind of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedView {
    /// `licences`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// `facts`, `purchases` or `texts`.
    pub kind: String,
    /// Whether each run takes a picture of its day, which the vendor cannot be asked for later.
    pub is_snapshot: bool,
    /// Whether it is read by day, some days back each time.
    pub is_by_day: bool,
    /// Clouds the vendor serves it in; empty: all of the connector's.
    pub clouds: Vec<String>,
}

impl FeedView {
    /// Whether the vendor serves it in this cloud.
    #[must_use]
    pub fn is_served_in(&self, cloud: &str) -> bool {
        self.clouds.is_empty() || self.clouds.iter().any(|served| served == cloud)
    }
}

impl ConnectorView {
    /// Titles of the feeds that the vendor does not serve in this cloud.
    #[must_use]
    pub fn not_in(&self, cloud: &str) -> Vec<&str> {
        self.feeds.iter().filter(|feed| !feed.is_served_in(cloud)).map(|feed| feed.title.as_str()).collect()
    }
}

/// A class of the vendor's charges, and the feed that bills it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageView {
    /// Stable name.
    pub class: String,
    /// What people call it.
    pub title: String,
    /// The licence mode in which it holds; empty: in all.
    pub mode: String,
    /// Title of the feed.
    pub feed: String,
    /// What to know about it.
    pub note: String,
}

/// One request the plugin may make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallView {
    /// Its name.
    pub name: String,
    /// `GET` or `POST`.
    pub method: String,
    /// Base URL in the usual cloud.
    pub endpoint: String,
    /// Path template.
    pub path: String,
    /// Why it is made.
    pub purpose: String,
}

/// One occurrence of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// Its local date.
    pub date: Date,
    /// In the schedule's zone, with the zone's name: `Mon 23 Nov 2026, 19:00 CET`.
    pub local: String,
    /// The same instant: `18:00 UTC`.
    pub utc: String,
    /// The instant.
    pub at: Timestamp,
}
