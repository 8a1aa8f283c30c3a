//! Notices about accounts' consents: what is wrong or soon will be, told at once and again by stages.
//!
//! **Invariants:** of an account and subject at most one notice is open; an acknowledgement is of what was told, so a
//! reminder takes it back. What to tell when is not decided here.

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::AccountId;
use serde::{Deserialize, Serialize};

use crate::Result;

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The state of the consent.
    Consent,
    /// A grant in daily use that has not been renewed.
    Refresh,
    /// A grant that ends because nobody uses it.
    Idle,
    /// What the app registration proves itself by.
    Credential,
}

/// How bad it is. The worse one is the greater one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nothing is lost yet.
    Warn,
    /// Something does not work, or very soon will not.
    Error,
}

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concern {
    /// About what.
    pub subject: Subject,
    /// Stable.
    pub code: String,
    /// How bad.
    pub level: Level,
    /// What happened or will happen, in a sentence.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
    /// Grows while it lasts: with each, it is told again.
    pub stage: u32,
}

/// Who has seen it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Something that was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its number.
    pub id: i64,
    /// On which account.
    pub account: AccountId,
    /// What was told last.
    #[serde(flatten)]
    pub concern: Concern,
    /// When it was first told.
    pub raised_at: Timestamp,
    /// When it was last told.
    pub told_at: Timestamp,
    /// Who has seen what was told last.
    pub acknowledged: Option<Acknowledged>,
    /// When it ended; none: it is open.
    pub resolved_at: Option<Timestamp>,
}

/// The notices.
#[async_trait]
pub trait Notices: Send + Sync {
    /// Those that are open, of one account or of all: the worse first, then those told last.
    async fn open_notices(&self, account: Option<AccountId>) -> Result<Vec<Notice>>;
    /// Those that have ended, the last ones first.
    async fn resolved_notices(&self, account: AccountId, limit: u32) -> Result<Vec<Notice>>;
    /// Tells of something; [`crate::Error::Conflict`] where a notice of this subject is open.
    async fn raise_notice(&self, account: AccountId, concern: &Concern, now: Timestamp) -> Result<Notice>;
    /// Tells again of what is open, in these words; it is no longer acknowledged.
    async fn remind_of_notice(&self, account: AccountId, concern: &Concern, now: Timestamp)
    -> Result<Notice>;
    /// Ends what is open of this subject.
    async fn resolve_notice(&self, account: AccountId, subject: Subject, now: Timestamp) -> Result<Notice>;
    /// Notes that somebody has seen an open one; [`crate::Error::Conflict`] where somebody has already.
    async fn acknowledge_notice(
        &self,
        account: AccountId,
        id: i64,
        by: &str,
        now: Timestamp,
    ) -> Result<Notice>;
}
