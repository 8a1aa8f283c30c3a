//! What a consent is made of for those outside: the question, the confirmed grant, and where flows are kept.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::{AccountId, ConnectorId};
use url::Url;

use super::flow::Awaiting;
use crate::secret::Secret;
use crate::vault::{GrantIdentity, Kind, Sealed, Vault, VaultError};

/// A stored flow. What is in `sealed` is the vault's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFlow {
    /// Hash of the session that began it.
    pub session_hash: [u8; 32],
    /// The flow record.
    pub sealed: Vec<u8>,
    /// After this it is gone.
    pub expires_at: Timestamp,
}

/// The store failed; it has logged why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the consent flow could not be stored")]
pub struct FlowStoreError;

/// Where flows under way are kept. Implemented over the store.
#[async_trait]
pub trait FlowStore: Send + Sync {
    /// Remembers a flow.
    async fn put(&self, handle_hash: [u8; 32], flow: StoredFlow) -> Result<(), FlowStoreError>;
    /// Takes a flow: the second call with the same hash finds nothing.
    async fn take(&self, handle_hash: [u8; 32]) -> Result<Option<StoredFlow>, FlowStoreError>;
}

/// The account whose consent is renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// Its tenant; no other will do.
    pub tenant: String,
    /// The name its user signs in with, offered to the vendor.
    pub user_name: String,
    /// The vendor's id of that user; another one is pointed out, not refused.
    pub user_id: String,
}

/// A flow has begun.
#[derive(Debug)]
pub struct Begun {
    /// Where to send the administrator.
    pub redirect: Url,
    /// When the flow ends by itself.
    pub expires_at: Timestamp,
}

/// Somebody signed in; is it the right account?
#[derive(Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// Hand it to [`Consent::confirm`](super::Consent::confirm) or [`Consent::cancel`](super::Consent::cancel). One use, same session.
    pub handle: String,
    /// The name the user signed in with; for display only.
    pub user_name: String,
    /// The vendor's id of the user.
    pub user_id: String,
    /// The vendor's id of the tenant.
    pub tenant: String,
    /// An existing account's consent is renewed.
    pub is_renewal: bool,
    /// It was another user who consented before.
    pub other_user: bool,
    /// When the question ends by itself.
    pub expires_at: Timestamp,
}

impl fmt::Debug for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = (&self.user_id, &self.tenant, self.is_renewal, self.other_user, self.expires_at);
        f.debug_tuple("Confirmation").field(&shown).finish_non_exhaustive()
    }
}

/// A grant somebody has confirmed. Seal it once the account has its number.
#[derive(Debug)]
pub struct ConfirmedGrant {
    /// Under which connector.
    pub connector: ConnectorId,
    /// In which cloud.
    pub cloud: String,
    /// The vendor's id of the tenant.
    pub tenant: String,
    /// The vendor's id of the user.
    pub user_id: String,
    /// The name the user signed in with.
    pub user_name: String,
    /// Roles the vendor named at sign-in; none: it names none at all.
    pub roles: Option<Vec<String>>,
    /// When the user signed in.
    pub consented_at: Timestamp,
    refresh_token: Secret,
}

impl ConfirmedGrant {
    /// Seals the refresh token for this account.
    pub fn seal(&self, vault: &Vault, account: AccountId) -> Result<Sealed, VaultError> {
        let identity = GrantIdentity { account, connector: &self.connector, tenant: &self.tenant };
        vault.seal_grant(identity, Kind::RefreshToken, &self.refresh_token)
    }
}

impl From<Awaiting> for ConfirmedGrant {
    fn from(awaiting: Awaiting) -> Self {
        Self {
            connector: awaiting.connector,
            cloud: awaiting.cloud,
            tenant: awaiting.tenant,
            user_id: awaiting.user_id,
            user_name: awaiting.user_name,
            roles: awaiting.roles,
            consented_at: awaiting.consented_at,
            refresh_token: awaiting.refresh_token,
        }
    }
}
