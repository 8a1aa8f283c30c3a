//! Operators: users, sessions, one-time links, the audit trail.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::access::Identity;
use crate::trail;

/// What an operator may do. Each role may do all that the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Look.
    Viewer,
    /// Run, consent, change settings.
    Operator,
    /// Plugins, users, keys.
    Admin,
}

/// A person who signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Unique, compared without case.
    pub name: String,
    /// Argon2id, in PHC text form; empty: none, so no password is right.
    pub password_hash: String,
    /// What this person may do.
    pub role: Role,
    /// Who vouches for a person who signs in elsewhere.
    pub identity: Option<Identity>,
    /// May not sign in.
    pub is_disabled: bool,
    /// Sessions of an older one have ended. The store counts it.
    pub generation: i64,
}

impl User {
    /// Somebody who signs in with a password here.
    #[must_use]
    pub fn new(name: impl Into<String>, password_hash: impl Into<String>, role: Role) -> Self {
        let (name, password_hash) = (name.into(), password_hash.into());
        Self { name, password_hash, role, identity: None, is_disabled: false, generation: 0 }
    }

    /// What a password is compared with; none where none would let this person in.
    #[must_use]
    pub fn usable_hash(&self) -> Option<String> {
        let is_usable = !self.is_disabled && !self.password_hash.is_empty();
        is_usable.then(|| self.password_hash.clone())
    }
}

/// One line of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who: a user's name, `schedule`, `command line`.
    pub who: String,
    /// What: `consent.given`, `settings.changed` …
    pub what: String,
    /// On what, and what changed: never a secret.
    pub detail: serde_json::Value,
}

/// Operators and what they did.
#[async_trait]
pub trait People: Send + Sync {
    /// All users.
    async fn users(&self) -> Result<Vec<User>>;
    /// One, by name.
    async fn user(&self, name: &str) -> Result<Option<User>>;
    /// Adds one; [`crate::Error::Conflict`] where the name is taken.
    async fn add_user(&self, user: &User) -> Result<()>;

    /// Remembers the hash of a one-time link's token until it expires; replaces the one before.
    async fn put_setup_token(&self, token_hash: &[u8; 32], expires_at: Timestamp) -> Result<()>;
    /// Makes the first administrator: only with an unexpired token and while there is no user. Takes the token.
    async fn redeem_setup_token(&self, token_hash: &[u8; 32], admin: &User, now: Timestamp) -> Result<()>;

    /// Saves a session's data under the hash of its id.
    async fn save_session(&self, id_hash: &[u8; 32], data: &[u8], expires_at: Timestamp) -> Result<()>;
    /// An unexpired session's data.
    async fn load_session(&self, id_hash: &[u8; 32], now: Timestamp) -> Result<Option<Vec<u8>>>;
    /// Forgets a session.
    async fn delete_session(&self, id_hash: &[u8; 32]) -> Result<()>;

    /// Appends to the audit trail, with where it came from ([`trail::origin`]). Nothing ever changes or removes an entry.
    async fn audit(&self, entry: &AuditEntry) -> Result<()>;
    /// The newest entries first.
    async fn audit_trail(&self, limit: u32) -> Result<Vec<AuditEntry>>;
    /// Some lines, the newest first.
    async fn audit_lines(&self, wanted: &trail::Wanted) -> Result<Vec<trail::Line>>;
}
