//! A grant that is tried before it replaces another: held aside in memory, sealed, while the account keeps what it has.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::AccountId;

use super::{GrantFault, GrantState, GrantStore, GrantStoreError, StoredGrant, TokenSource};
use crate::client::Client;
use crate::connector::Connector;
use crate::preflight::{self, Row};
use crate::surroundings::Surroundings;
use crate::transport::Transport;
use crate::vault::{Sealed, Vault};

/// Tries grants without storing them.
pub struct Trials {
    transport: Transport,
    vault: Arc<Vault>,
    surroundings: Surroundings,
}

/// What came of a trial.
#[derive(Debug)]
pub struct Tried {
    /// The preflight table, asked with the grant on trial.
    pub rows: Vec<Row>,
    /// The grant as it is now: the vendor may have exchanged its refresh token for a new one.
    pub sealed: Sealed,
    /// Whether any access token was given for it.
    pub works: bool,
    /// Why it was refused; none: it was not.
    pub fault: Option<GrantFault>,
}

impl Trials {
    /// With the vault in which the grant is sealed.
    #[must_use]
    pub fn new(transport: Transport, vault: Arc<Vault>, surroundings: Surroundings) -> Self {
        Self { transport, vault, surroundings }
    }

    /// Asks the preflight table with this grant. Tokens, cache and loop guard are the trial's own: nothing of it
    /// reaches the account.
    pub async fn preflight(
        &self,
        account: AccountId,
        connector: &Connector,
        tenant: &str,
        sealed: Sealed,
    ) -> Tried {
        let held = Held { tenant: tenant.to_owned(), sealed, version: 1, works: false, fault: None };
        let aside = Arc::new(Aside(Mutex::new(held)));
        let tokens = TokenSource::new(
            self.transport.clone(),
            aside.clone(),
            self.vault.clone(),
            self.surroundings.clone(),
        );
        let client = Client::new(self.transport.clone(), Arc::new(tokens), self.surroundings.clone());
        let rows = preflight::preflight(&client, account, connector).await;
        let held = aside.held();
        Tried { rows, sealed: held.sealed.clone(), works: held.works, fault: held.fault.clone() }
    }
}

/// The store of one trial.
struct Aside(Mutex<Held>);

struct Held {
    tenant: String,
    sealed: Sealed,
    version: u64,
    works: bool,
    fault: Option<GrantFault>,
}

impl Aside {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl GrantStore for Aside {
    async fn load(&self, _: AccountId) -> Result<Option<StoredGrant>, GrantStoreError> {
        let held = self.held();
        let (sealed, tenant) = (held.sealed.bytes.clone(), held.tenant.clone());
        Ok(Some(StoredGrant { sealed, tenant, version: held.version }))
    }

    /// The person's grant is on trial, not the application's own permission.
    async fn application(&self, _: AccountId) -> Result<Option<String>, GrantStoreError> {
        Ok(None)
    }

    async fn replace(
        &self,
        _: AccountId,
        expected_version: u64,
        sealed: Sealed,
        _: Timestamp,
    ) -> Result<(), GrantStoreError> {
        let mut held = self.held();
        if held.version != expected_version {
            return Err(GrantStoreError::Conflict);
        }
        held.version += 1;
        held.sealed = sealed;
        Ok(())
    }

    async fn note_state(&self, _: AccountId, state: GrantState) {
        let mut held = self.held();
        match state {
            GrantState::Works => held.works = true,
            GrantState::Fault(fault) => held.fault = Some(fault),
        }
    }
}
