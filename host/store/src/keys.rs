//! Which key-encryption keys the grants are sealed by. A store sees no key: only versions, and values that tell whether
//! a key is the right one.

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::{AccountId, ConnectorId};

use crate::Result;

/// A key-encryption key that has been used with this store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// Its version.
    pub version: u32,
    /// What only the right key of this version opens.
    pub check: Vec<u8>,
    /// Since when it is known.
    pub first_used_at: Timestamp,
    /// Since when nothing may be sealed by it.
    pub retired_at: Option<Timestamp>,
}

/// A stored grant, with what is bound into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedGrant {
    /// Whose.
    pub account: AccountId,
    /// The account's connector.
    pub connector: ConnectorId,
    /// The vendor's id of its tenant.
    pub tenant: String,
    /// The sealed text with its wrapped key.
    pub sealed: Vec<u8>,
    /// Which key-encryption key wraps it.
    pub key_version: u32,
}

/// Key-encryption keys, by version.
#[async_trait]
pub trait Keys: Send + Sync {
    /// All that have been used, retired ones too.
    async fn known_keys(&self) -> Result<Vec<KnownKey>>;
    /// Remembers a version; nothing changes where it is known already.
    async fn know_key(&self, version: u32, check: &[u8], now: Timestamp) -> Result<()>;
    /// All stored grants, by account; those kept aside until a hand-over is accepted count as well.
    async fn sealed_grants(&self) -> Result<Vec<SealedGrant>>;
    /// Sealed consent flows that have not expired.
    async fn sealed_flows(&self, now: Timestamp) -> Result<Vec<Vec<u8>>>;
    /// Puts a grant wrapped anew in the place of `former`, kept aside or not; false where the stored one is another by now. Its version
    /// stays, so that a token exchange under way still stores what it got.
    async fn rewrap_grant(
        &self,
        account: AccountId,
        former: &[u8],
        sealed: &[u8],
        key_version: u32,
    ) -> Result<bool>;
    /// Nothing may be sealed by this version any more; [`crate::Error::Conflict`] where a grant still is, kept
    /// aside or not.
    async fn retire_key(&self, version: u32, now: Timestamp) -> Result<()>;
}
