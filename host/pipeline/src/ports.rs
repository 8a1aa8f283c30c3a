//! The store as the vendor crate sees it: grants and consent flows.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::AccountId;
use purser_store::accounts::{Flow, Grant};
use purser_store::{Error, Store};
use purser_vendor::consent::{FlowStore, FlowStoreError, StoredFlow};
use purser_vendor::tokens::{GrantState, GrantStore, GrantStoreError, StoredGrant};
use purser_vendor::vault::Sealed;

use crate::health::state::after_token;
use crate::work::Clock;

/// Grants in the store.
pub struct Grants {
    store: Arc<dyn Store>,
    clock: Clock,
}

impl Grants {
    /// Over a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Clock) -> Self {
        Self { store, clock }
    }

    async fn note(&self, account: AccountId, state: GrantState) -> purser_store::Result<()> {
        let former = self.store.account(account).await?.state;
        if let Some(next) = after_token(&former, state, (self.clock)()) {
            self.store.set_consent_state(account, &next).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl GrantStore for Grants {
    async fn load(&self, account: AccountId) -> Result<Option<StoredGrant>, GrantStoreError> {
        let found = async {
            let tenant = self.store.account(account).await?.tenant;
            let grant = self.store.grant(account).await?;
            Ok(grant.map(|grant| StoredGrant { sealed: grant.sealed, tenant, version: grant.version }))
        };
        found.await.map_err(|error| failed(&error))
    }

    async fn application(&self, account: AccountId) -> Result<Option<String>, GrantStoreError> {
        let found = async {
            let settings = self.store.settings(account).await?;
            Ok(match settings.host.uses_application {
                true => Some(self.store.account(account).await?.tenant),
                false => None,
            })
        };
        found.await.map_err(|error| failed(&error))
    }

    async fn replace(
        &self,
        account: AccountId,
        expected_version: u64,
        sealed: Sealed,
        refreshed_at: Timestamp,
    ) -> Result<(), GrantStoreError> {
        let former = self.store.grant(account).await.map_err(|error| failed(&error))?;
        let former = former.ok_or(GrantStoreError::Conflict)?;
        let grant = Grant {
            sealed: sealed.bytes,
            key_version: sealed.key_version,
            refreshed_at,
            version: expected_version + 1,
            ..former
        };
        self.store.put_grant(account, Some(expected_version), &grant).await.map_err(|error| failed(&error))
    }

    async fn note_state(&self, account: AccountId, state: GrantState) {
        if let Err(error) = self.note(account, state).await {
            tracing::error!(
                account.id = account.0,
                error = &error as &dyn std::error::Error,
                "consent.state_not_noted"
            );
        }
    }
}

fn failed(error: &Error) -> GrantStoreError {
    match error {
        Error::Conflict(_) => return GrantStoreError::Conflict,
        Error::RetiredKey(_) => return GrantStoreError::RetiredKey,
        _ => {}
    }
    tracing::error!(error = error as &dyn std::error::Error, "grant.store_failed");
    GrantStoreError::Failed
}

/// Consent flows in the store.
pub struct Flows {
    store: Arc<dyn Store>,
    clock: Clock,
}

impl Flows {
    /// Over a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Clock) -> Self {
        Self { store, clock }
    }
}

#[async_trait]
impl FlowStore for Flows {
    async fn put(&self, handle_hash: [u8; 32], flow: StoredFlow) -> Result<(), FlowStoreError> {
        let StoredFlow { session_hash, sealed, expires_at } = flow;
        let flow = Flow { handle_hash, session_hash, sealed, expires_at };
        self.store.put_flow(&flow, (self.clock)()).await.map_err(|error| flow_failed(&error))
    }

    async fn take(&self, handle_hash: [u8; 32]) -> Result<Option<StoredFlow>, FlowStoreError> {
        let taken =
            self.store.take_flow(&handle_hash, (self.clock)()).await.map_err(|error| flow_failed(&error))?;
        Ok(taken.map(|flow| StoredFlow {
            session_hash: flow.session_hash,
            sealed: flow.sealed,
            expires_at: flow.expires_at,
        }))
    }
}

fn flow_failed(error: &Error) -> FlowStoreError {
    tracing::error!(error = error as &dyn std::error::Error, "consent.flow_store_failed");
    FlowStoreError
}
