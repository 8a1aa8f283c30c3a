//! Accounts, their settings, their grants, and consent flows under way.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::{AccountId, ConnectorId};
use serde::{Deserialize, Serialize};

use crate::Result;

/// One consented vendor tenant under a connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Under which connector.
    pub connector: ConnectorId,
    /// The cloud's id.
    pub cloud: String,
    /// The vendor's id of the tenant.
    pub tenant: String,
    /// What people call it.
    pub title: String,
    /// Where its consent stands.
    pub state: ConsentState,
    /// When it was first connected.
    pub created_at: Timestamp,
}

/// Where an account's consent stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum ConsentState {
    /// Consent is given; the probes have not all answered.
    Verifying,
    /// Everything needed works.
    Active,
    /// Something does not work that new consent would not mend; it is tried again.
    Degraded(Reason),
    /// Somebody must consent anew.
    NeedsConsent(Reason),
    /// The operator must mend something: a client secret, the app registration.
    OperatorFault(Reason),
    /// An operator has stopped the schedule.
    Paused,
    /// The grant was erased.
    Disconnected,
}

/// Why an account is in its state: a stable code, what happened, what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable: `CSP-…`, `CON-…`.
    pub code: String,
    /// What happened, in a sentence.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
    /// Since when.
    pub since: Timestamp,
}

/// An account's settings at one time; every change makes a new revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// From 1.
    pub revision: u32,
    /// The host's part.
    pub host: HostSettings,
    /// The plugin's part: one JSON object.
    pub plugin: serde_json::Value,
    /// Who made it.
    pub changed_by: String,
    /// When.
    pub changed_at: Timestamp,
}

/// Settings every connector has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSettings {
    /// The language of product names, BCP 47.
    pub locale: String,
    /// IANA zone of the schedule; month borders and licences' local dates follow it.
    pub zone: String,
    /// Local time of the daily run, `HH:MM`.
    pub time: String,
    /// Days before today that a daily run reads again, where a feed has no number of its own.
    pub look_back_days: u32,
    /// The same for one feed, by its name.
    #[serde(default)]
    pub look_back: BTreeMap<String, u32>,
    /// A drop of more than this share of records or of amount holds its voids back and raises an alert; percent.
    pub void_threshold_percent: u32,
    /// Feeds that are retrieved; empty: all of the connector's.
    pub feeds: Vec<String>,
    /// What a customer nobody has mapped goes by.
    #[serde(default)]
    pub unmapped_customers: UnmappedCustomers,
    /// Whether the application's own permission is used where the vendor accepts it, so that this goes on when the person
    /// who consented leaves.
    #[serde(default)]
    pub uses_application: bool,
    /// A month is closed by itself so many days after it ended, by the first run since that brought everything; none: by
    /// hand only.
    #[serde(default)]
    pub close_after_days: Option<u32>,
}

/// What a customer nobody has mapped goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnmappedCustomers {
    /// The vendor's own id of it, so that its Purchases can be billed at once.
    #[default]
    VendorId,
    /// Nothing: its Purchases wait until somebody maps it.
    Wait,
}

impl HostSettings {
    /// Days before today that a daily run reads again of this feed.
    #[must_use]
    pub fn look_back_of(&self, feed: &str) -> u32 {
        self.look_back.get(feed).copied().unwrap_or(self.look_back_days)
    }

    /// The most days that any feed is read again: what a run's window spans.
    #[must_use]
    pub fn longest_look_back(&self) -> u32 {
        self.look_back.values().copied().fold(self.look_back_days, u32::max)
    }
}

impl Default for HostSettings {
    fn default() -> Self {
        Self {
            locale: "en-US".into(),
            zone: "CET".into(),
            time: "19:00".into(),
            look_back_days: 3,
            look_back: BTreeMap::new(),
            void_threshold_percent: 20,
            feeds: Vec::new(),
            unmapped_customers: UnmappedCustomers::VendorId,
            uses_application: false,
            close_after_days: None,
        }
    }
}

/// A stored grant. The token is sealed by the vault; a store never sees it in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The sealed refresh token and all the vault needs to open it, but the key.
    pub sealed: Vec<u8>,
    /// Which key-encryption key sealed it.
    pub key_version: u32,
    /// Who consented: the user's sign-in name.
    pub user_name: String,
    /// The vendor's id of that user.
    pub user_id: String,
    /// What roles the vendor named at sign-in; none: it names none at all.
    pub roles: Option<Vec<String>>,
    /// When consent was given.
    pub consented_at: Timestamp,
    /// When the token was last exchanged.
    pub refreshed_at: Timestamp,
    /// Grows with each write: single flight across processes.
    pub version: u64,
}

/// A consent flow between the redirect and the confirmation. What is in `sealed` is the vault's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Hash of the state (then of the confirmation handle): the state itself is never stored.
    pub handle_hash: [u8; 32],
    /// Hash of the session that began it.
    pub session_hash: [u8; 32],
    /// The flow record, sealed.
    pub sealed: Vec<u8>,
    /// After this it is gone.
    pub expires_at: Timestamp,
}

/// One row of the preflight table, as last probed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The probe's name in the plugin's descriptor.
    pub name: String,
    /// What works when it is ok.
    pub capability: String,
    /// `ok`, `missing` or `unknown`.
    pub verdict: String,
    /// Stable code.
    pub code: String,
    /// What to do; empty when ok.
    pub remedy: String,
    /// What the vendor answered, for support: status and correlation id, never a token.
    pub evidence: String,
    /// Whether daily runs cannot do without it.
    pub needed: bool,
    /// When.
    pub probed_at: Timestamp,
    /// When it was last ok.
    pub ok_at: Option<Timestamp>,
}

/// Accounts and what belongs to their consent.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Makes an account, or gives the one that this connector, cloud and tenant already have.
    async fn connect_account(
        &self,
        connector: &ConnectorId,
        cloud: &str,
        tenant: &str,
        title: &str,
        now: Timestamp,
    ) -> Result<Account>;
    /// All accounts, in the order they were made.
    async fn accounts(&self) -> Result<Vec<Account>>;
    /// One account.
    async fn account(&self, account: AccountId) -> Result<Account>;
    /// Renames it.
    async fn rename_account(&self, account: AccountId, title: &str) -> Result<()>;
    /// Where its consent stands.
    async fn set_consent_state(&self, account: AccountId, state: &ConsentState) -> Result<()>;

    /// The newest settings; the defaults where none were saved, as revision 0.
    async fn settings(&self, account: AccountId) -> Result<Settings>;
    /// The settings of a revision.
    async fn settings_at(&self, account: AccountId, revision: u32) -> Result<Settings>;
    /// Saves settings as a new revision; [`crate::Error::Conflict`] where `based_on` is no longer the newest.
    async fn save_settings(
        &self,
        account: AccountId,
        based_on: u32,
        host: &HostSettings,
        plugin: &serde_json::Value,
        by: &str,
        now: Timestamp,
    ) -> Result<Settings>;

    /// The stored grant.
    async fn grant(&self, account: AccountId) -> Result<Option<Grant>>;
    /// Writes a grant where the stored one still has `expected` as its version (none: there is none);
    /// [`crate::Error::Conflict`] otherwise. Durable when it returns.
    async fn put_grant(&self, account: AccountId, expected: Option<u64>, grant: &Grant) -> Result<()>;
    /// Erases it.
    async fn erase_grant(&self, account: AccountId) -> Result<()>;
    /// Whether any grant is stored, kept aside or not: a missing key then refuses to start.
    async fn any_grant(&self) -> Result<bool>;

    /// Remembers a consent flow; drops those that have expired.
    async fn put_flow(&self, flow: &Flow, now: Timestamp) -> Result<()>;
    /// Takes a flow: the second call with the same handle finds nothing. None also where it has expired.
    async fn take_flow(&self, handle_hash: &[u8; 32], now: Timestamp) -> Result<Option<Flow>>;

    /// Replaces the account's preflight table.
    async fn put_probes(&self, account: AccountId, probes: &[Probe]) -> Result<()>;
    /// The preflight table, in the order it was stored.
    async fn probes(&self, account: AccountId) -> Result<Vec<Probe>>;
}
