//! What the token source needs of a store, and what it tells it.

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::AccountId;

use crate::connector::GrantEffect;
use crate::vault::Sealed;

/// A grant as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredGrant {
    /// The sealed refresh token or API secret.
    pub sealed: Vec<u8>,
    /// The vendor's id of the account's tenant.
    pub tenant: String,
    /// Grows with each write.
    pub version: u64,
}

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantStoreError {
    /// Another process has written the grant since it was loaded.
    #[error("the grant has been replaced by another process")]
    Conflict,
    /// The key that sealed it has been retired meanwhile; nothing was written.
    #[error("the key has been retired")]
    RetiredKey,
    /// Nothing was written; the store has logged why.
    #[error("the grant could not be stored")]
    Failed,
}

/// Where grants are kept. Implemented over the store.
#[async_trait]
pub trait GrantStore: Send + Sync {
    /// The account's grant.
    async fn load(&self, account: AccountId) -> Result<Option<StoredGrant>, GrantStoreError>;
    /// The account's tenant, where the application's own permission is to be used as far as the vendor accepts it.
    async fn application(&self, account: AccountId) -> Result<Option<String>, GrantStoreError>;
    /// Replaces it where it still has this version. Durable when it returns.
    async fn replace(
        &self,
        account: AccountId,
        expected_version: u64,
        sealed: Sealed,
        refreshed_at: Timestamp,
    ) -> Result<(), GrantStoreError>;
    /// What the vendor's answer makes of the account.
    async fn note_state(&self, account: AccountId, state: GrantState);
}

/// What the vendor's answer to an exchange makes of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantState {
    /// A token was given.
    Works,
    /// It was refused.
    Fault(GrantFault),
}

/// A refused grant: what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantFault {
    /// Needs consent, degraded, or the operator's fault; never transient.
    pub effect: GrantEffect,
    /// The class, out of the connector's table.
    pub class: String,
    /// Stable code: `CON-` and the class.
    pub code: String,
    /// What happened, with the vendor's ids for its support.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}
