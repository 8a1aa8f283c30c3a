//! Consent handed over: a one-time link for somebody who has no account here, what was answered, and how it ended.
//!
//! **Invariants:** a link is found only while it is open and in time; the grant of an answer is kept aside, where no run
//! and no token exchange finds it, until it is accepted; however a hand-over ends, nothing of that grant stays behind
//! there; an account that was made by an answer alone goes with it.

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::{AccountId, ConnectorId};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::accounts::{Grant, Probe, Reason};

/// The number of a hand-over.
pub type HandOverId = i64;

/// What a link is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHandOver {
    /// Under which connector.
    pub connector: ConnectorId,
    /// In which cloud.
    pub cloud: String,
    /// The account whose consent is renewed; none: a new connection.
    pub account: Option<AccountId>,
    /// Who made it.
    pub made_by: String,
    /// When.
    pub made_at: Timestamp,
    /// After this it opens nothing.
    pub expires_at: Timestamp,
}

/// A hand-over as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    /// Its number.
    pub id: HandOverId,
    /// What it was made with; an answer gives it new time, for those who decide.
    pub made: NewHandOver,
    /// How far it is.
    pub stage: Stage,
    /// What was answered.
    pub answer: Option<Answer>,
    /// Who ended it, and when.
    pub settled: Option<(String, Timestamp)>,
}

impl HandOver {
    /// Whether its link may still be answered.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.stage == Stage::Open && now < self.made.expires_at
    }

    /// The answer that waits for a decision.
    #[must_use]
    pub fn waiting(&self, now: Timestamp) -> Option<&Answer> {
        let waits = self.stage == Stage::Answered && now < self.made.expires_at;
        self.answer.as_ref().filter(|_| waits)
    }
}

/// How far a hand-over is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Its link can be opened.
    Open,
    /// Somebody has consented; nobody has decided.
    Answered,
    /// The grant is the account's.
    Accepted,
    /// An answer was refused here.
    Rejected,
    /// It was taken back.
    Withdrawn,
    /// Its time is over.
    Expired,
}

/// How a hand-over ends that is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The answer is refused.
    Rejected,
    /// It is taken back, answered or not.
    Withdrawn,
}

/// Who has consented, and what the trial of that consent said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// For which account.
    pub account: AccountId,
    /// The vendor's id of the tenant.
    pub tenant: String,
    /// The sign-in name.
    pub user_name: String,
    /// The vendor's id of the user.
    pub user_id: String,
    /// Roles the vendor named at sign-in; none: it names none at all.
    pub roles: Option<Vec<String>>,
    /// When the user signed in.
    pub consented_at: Timestamp,
    /// When it was answered.
    pub answered_at: Timestamp,
    /// The preflight table, asked with the grant on trial; empty: not yet.
    pub probes: Vec<Probe>,
    /// What the trial found wanting.
    pub shortcoming: Option<Reason>,
}

/// A grant kept aside, sealed for the account of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingGrant {
    /// The sealed refresh token.
    pub sealed: Vec<u8>,
    /// Which key-encryption key sealed it.
    pub key_version: u32,
}

/// Hand-overs and the grants kept aside for them.
#[async_trait]
pub trait HandOvers: Send + Sync {
    /// Remembers a link by its hash.
    async fn add_hand_over(&self, link_hash: &[u8; 32], made: &NewHandOver) -> Result<HandOverId>;
    /// The open hand-over behind a link.
    async fn hand_over_by_link(&self, link_hash: &[u8; 32], now: Timestamp) -> Result<Option<HandOver>>;
    /// One, however far it is.
    async fn hand_over(&self, id: HandOverId) -> Result<HandOver>;
    /// Those that are open or answered, the newest first.
    async fn waiting_hand_overs(&self) -> Result<Vec<HandOver>>;
    /// Takes the answer of an open one and keeps its grant aside; [`crate::Error::Conflict`] where it is not open. From
    /// then on there is time until `decide_by`.
    async fn answer_hand_over(
        &self,
        id: HandOverId,
        answer: &Answer,
        pending: &PendingGrant,
        decide_by: Timestamp,
    ) -> Result<()>;
    /// The grant kept aside.
    async fn pending_grant(&self, id: HandOverId) -> Result<Option<PendingGrant>>;
    /// Notes what a trial said, with the grant as it is after it; [`crate::Error::Conflict`] where nothing waits.
    async fn note_trial(&self, id: HandOverId, answer: &Answer, pending: &PendingGrant) -> Result<()>;
    /// Makes `grant` the account's over the `expected` version, and ends the hand-over, in one step;
    /// [`crate::Error::Conflict`] where nothing waits any more.
    async fn accept_hand_over(
        &self,
        id: HandOverId,
        expected: Option<u64>,
        grant: &Grant,
        by: &str,
        now: Timestamp,
    ) -> Result<()>;
    /// Ends one that is open or answered, otherwise [`crate::Error::Conflict`]. Its grant is erased, and so is an account
    /// that has nothing else; true where there was such an account.
    async fn end_hand_over(&self, id: HandOverId, ending: Ending, by: &str, now: Timestamp) -> Result<bool>;
    /// Whether a grant is kept aside that would be the account's first.
    async fn first_grant_waits(&self, account: AccountId) -> Result<bool>;
    /// Removes an account that has no grant, neither its own nor kept aside, and nothing else; one that has settings, runs
    /// or anything of its own is disconnected. Only an account that is verifying is touched. True where it is gone.
    async fn forget_bare_account(&self, account: AccountId) -> Result<bool>;
    /// Ends those whose time is over, in the same way.
    async fn expire_hand_overs(&self, now: Timestamp) -> Result<Vec<HandOver>>;
}
