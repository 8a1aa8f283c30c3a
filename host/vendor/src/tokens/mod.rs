//! Access tokens, made from stored grants.
//!
//! **Invariants:** one exchange per grant at a time; a new refresh token is durably stored before the access token it
//! came with is used; a failed exchange never overwrites anything; a transient failure never marks the grant. A refused
//! grant is not asked for again for a while, so that a broken account can not storm the vendor.

mod error;
mod port;
mod trial;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::AccountId;

use crate::client::Credentials;
use crate::connector::{Audience, Connector, ConsentRules, GrantEffect};
use crate::oauth::{Exchanged, Failure, Meaning, Refusal, TokenEndpoint, meaning};
use crate::secret::Secret;
use crate::surroundings::Surroundings;
use crate::transport::Transport;
use crate::vault::{GrantIdentity, Kind, Vault, VaultError};
pub use error::TokenError;
pub use port::{GrantFault, GrantState, GrantStore, GrantStoreError, StoredGrant};
pub use trial::{Trials, Tried};

/// A token this close to its end is replaced: clocks differ, and a request takes time.
const EXPIRY_SKEW: Duration = Duration::from_secs(120);
/// How long a refused grant, unchanged, is not asked for again.
const REFUSAL_MEMORY: Duration = Duration::from_secs(600);
/// Exchanges of one grant inside [`LOOP_WINDOW`] before something must be looping.
const LOOP_LIMIT: usize = 20;
const LOOP_WINDOW: Duration = Duration::from_secs(300);
/// Rounds of "another process was faster" before giving up.
const CONFLICT_ROUNDS: u32 = 3;

/// Makes and remembers access tokens.
pub struct TokenSource {
    transport: Transport,
    store: Arc<dyn GrantStore>,
    vault: Arc<Vault>,
    surroundings: Surroundings,
    cached: Mutex<HashMap<(AccountId, String), Cached>>,
    grants: Mutex<HashMap<AccountId, Arc<tokio::sync::Mutex<Exchanges>>>>,
    /// When the vendor refused the application itself.
    applications_refused: Mutex<HashMap<AccountId, Timestamp>>,
}

struct Cached {
    token: Secret,
    until: Timestamp,
    /// No person stands behind it.
    is_application: bool,
}

/// What is remembered of one grant's exchanges; its lock is the single flight.
#[derive(Default)]
struct Exchanges {
    times: Vec<Timestamp>,
    refused: Option<(u64, Timestamp, GrantFault)>,
}

impl TokenSource {
    /// Made once; the cache and the single flight are per source.
    #[must_use]
    pub fn new(
        transport: Transport,
        store: Arc<dyn GrantStore>,
        vault: Arc<Vault>,
        surroundings: Surroundings,
    ) -> Self {
        let (cached, grants, applications_refused) = Default::default();
        Self { transport, store, vault, surroundings, cached, grants, applications_refused }
    }

    /// Forgets everything about an account: its grant was renewed or erased.
    pub fn forget_account(&self, account: AccountId) {
        lock(&self.cached).retain(|(cached, _), _| *cached != account);
        lock(&self.grants).remove(&account);
        lock(&self.applications_refused).remove(&account);
    }

    /// The cached token; that of the application only while the account wants it.
    async fn usable(&self, account: AccountId, audience: &Audience) -> Result<Option<Secret>, TokenError> {
        let Some((token, is_application)) = self.cached(account, audience) else { return Ok(None) };
        if is_application && self.store.application(account).await?.is_none() {
            self.forget(account, audience, &token);
            return Ok(None);
        }
        Ok(Some(token))
    }

    fn cached(&self, account: AccountId, audience: &Audience) -> Option<(Secret, bool)> {
        let now = self.surroundings.clock.now();
        let cached = lock(&self.cached);
        cached
            .get(&(account, audience.name.clone()))
            .filter(|cached| cached.until > now)
            .map(|cached| (cached.token.clone(), cached.is_application))
    }

    fn keep(&self, account: AccountId, audience: &Audience, exchanged: &Exchanged, is_application: bool) {
        let life = exchanged.expires_in.saturating_sub(EXPIRY_SKEW);
        let until = self.surroundings.clock.now().saturating_add(life).unwrap_or(Timestamp::MIN);
        let token = exchanged.access_token.clone();
        lock(&self.cached).insert((account, audience.name.clone()), Cached { token, until, is_application });
    }

    /// Loads, exchanges, stores — again where another process was faster at it.
    async fn exchange(
        &self,
        account: AccountId,
        connector: &Connector,
        audience: &Audience,
        exchanges: &mut Exchanges,
    ) -> Result<Secret, TokenError> {
        let rules = connector.consent.as_ref().ok_or(TokenError::NoRules)?;
        for _ in 0..CONFLICT_ROUNDS {
            let grant = self.store.load(account).await?.ok_or(TokenError::NoGrant)?;
            exchanges.admit(&grant, self.surroundings.clock.now())?;
            let identity = GrantIdentity { account, connector: &connector.id, tenant: &grant.tenant };
            let old = self.vault.open_current(identity, Kind::RefreshToken, &grant.sealed).await?;
            let exchanged = match self.refresh(rules, &grant.tenant, &old, audience).await {
                Ok(exchanged) => exchanged,
                // A refusal counts only while the refused token is still the stored one.
                Err(Failure::Refused(refusal)) if self.is_current(account, &grant).await? => {
                    return Err(self.refused(account, rules, &grant, &refusal, exchanges).await);
                }
                Err(Failure::Refused(_)) => continue,
                Err(Failure::Busy) => return Err(TokenError::Busy),
                Err(Failure::Unreadable) => return Err(TokenError::Unreadable),
            };
            let new = exchanged.refresh_token.as_ref().unwrap_or(&old);
            match self.store_token(identity, grant.version, new).await? {
                Ok(()) => {
                    self.keep(account, audience, &exchanged, false);
                    self.store.note_state(account, GrantState::Works).await;
                    return Ok(exchanged.access_token);
                }
                Err(GrantStoreError::Conflict) => {}
                Err(_) => return Err(TokenError::Store),
            }
        }
        Err(TokenError::Busy)
    }

    /// Stores the new token — by a newer key, where ours has been retired meanwhile: the token is not to be had again.
    async fn store_token(
        &self,
        identity: GrantIdentity<'_>,
        version: u64,
        token: &Secret,
    ) -> Result<Result<(), GrantStoreError>, VaultError> {
        let seal = || self.vault.seal_grant(identity, Kind::RefreshToken, token);
        let now = self.surroundings.clock.now();
        for _ in 0..CONFLICT_ROUNDS {
            let stored = self.store.replace(identity.account, version, seal()?, now).await;
            if stored != Err(GrantStoreError::RetiredKey) {
                return Ok(stored);
            }
            if let Err(error) = self.vault.reread().await {
                tracing::error!(error = %error, "keys.not_read");
            }
        }
        Ok(Err(GrantStoreError::RetiredKey))
    }

    /// A token of the application itself, where the account wants it and the vendor takes it; none: the person's is
    /// needed. It goes on when the person who consented has left.
    async fn of_application(
        &self,
        account: AccountId,
        connector: &Connector,
        audience: &Audience,
        exchanges: &mut Exchanges,
    ) -> Result<Option<Secret>, TokenError> {
        let now = self.surroundings.clock.now();
        let refused = lock(&self.applications_refused).get(&account).copied();
        let is_refused = refused.is_some_and(|at| is_recent(at, now, REFUSAL_MEMORY));
        if audience.app_scopes.is_empty() || is_refused {
            return Ok(None);
        }
        let rules = connector.consent.as_ref().ok_or(TokenError::NoRules)?;
        let Some(tenant) = self.store.application(account).await? else { return Ok(None) };
        exchanges.count(now)?;
        let endpoint = self.endpoint(rules, &tenant);
        match endpoint.of_application(&audience.app_scopes).await {
            Ok(exchanged) => {
                self.keep(account, audience, &exchanged, true);
                Ok(Some(exchanged.access_token))
            }
            Err(Failure::Busy) => Err(TokenError::Busy),
            Err(Failure::Unreadable) => Err(TokenError::Unreadable),
            Err(Failure::Refused(refusal)) => {
                let class = meaning(&rules.error_classes, &refusal).class;
                tracing::warn!(account.id = %account, grant.class = class, grant.evidence = refusal.evidence(), "application refused");
                lock(&self.applications_refused).insert(account, now);
                Ok(None)
            }
        }
    }

    fn endpoint<'a>(&'a self, rules: &'a ConsentRules, tenant: &'a str) -> TokenEndpoint<'a> {
        TokenEndpoint { transport: &self.transport, surroundings: &self.surroundings, rules, tenant }
    }

    async fn refresh(
        &self,
        rules: &ConsentRules,
        tenant: &str,
        token: &Secret,
        audience: &Audience,
    ) -> Result<Exchanged, Failure> {
        let scopes: Vec<String> = rules.scopes.iter().chain(&audience.scopes).cloned().collect();
        self.endpoint(rules, tenant).refresh(token, &scopes).await
    }

    async fn is_current(&self, account: AccountId, grant: &StoredGrant) -> Result<bool, TokenError> {
        Ok(self.store.load(account).await?.is_none_or(|stored| stored.version == grant.version))
    }

    async fn refused(
        &self,
        account: AccountId,
        rules: &ConsentRules,
        grant: &StoredGrant,
        refusal: &Refusal,
        exchanges: &mut Exchanges,
    ) -> TokenError {
        let Meaning { class, effect, remedy } = meaning(&rules.error_classes, refusal);
        if effect == GrantEffect::Retry {
            return TokenError::Busy;
        }
        let what = format!("the vendor refused the stored grant ({})", refusal.evidence());
        let fault = GrantFault { effect, code: refusal_code(&class), class, what, remedy };
        tracing::warn!(account.id = %account, grant.class = fault.class, grant.evidence = refusal.evidence(), "grant refused");
        exchanges.refused = Some((grant.version, self.surroundings.clock.now(), fault.clone()));
        self.store.note_state(account, GrantState::Fault(fault.clone())).await;
        TokenError::Refused(fault)
    }
}

#[async_trait]
impl Credentials for TokenSource {
    async fn access(
        &self,
        account: AccountId,
        connector: &Connector,
        audience: &Audience,
    ) -> Result<Secret, TokenError> {
        if let Some(token) = self.usable(account, audience).await? {
            return Ok(token);
        }
        let flight = lock(&self.grants).entry(account).or_default().clone();
        let mut exchanges = flight.lock().await;
        if let Some(token) = self.usable(account, audience).await? {
            return Ok(token);
        }
        if let Some(token) = self.of_application(account, connector, audience, &mut exchanges).await? {
            return Ok(token);
        }
        self.exchange(account, connector, audience, &mut exchanges).await
    }

    fn forget(&self, account: AccountId, audience: &Audience, token: &Secret) {
        let mut cached = lock(&self.cached);
        let key = (account, audience.name.clone());
        if cached.get(&key).is_some_and(|cached| cached.token.expose() == token.expose()) {
            cached.remove(&key);
        }
    }

    fn application_refused(&self, account: AccountId, audience: &Audience, token: &Secret) -> bool {
        let mut cached = lock(&self.cached);
        let key = (account, audience.name.clone());
        let is_application = cached
            .get(&key)
            .is_some_and(|cached| cached.is_application && cached.token.expose() == token.expose());
        if is_application {
            cached.remove(&key);
            lock(&self.applications_refused).insert(account, self.surroundings.clock.now());
        }
        is_application
    }

    async fn secret(&self, account: AccountId, connector: &Connector) -> Result<Secret, TokenError> {
        let grant = self.store.load(account).await?.ok_or(TokenError::NoSecret)?;
        let identity = GrantIdentity { account, connector: &connector.id, tenant: &grant.tenant };
        Ok(self.vault.open_current(identity, Kind::ApiSecret, &grant.sealed).await?)
    }
}

impl Exchanges {
    /// Counts an exchange, or says why there must not be one now.
    fn admit(&mut self, grant: &StoredGrant, now: Timestamp) -> Result<(), TokenError> {
        match &self.refused {
            Some((version, at, fault))
                if *version == grant.version && is_recent(*at, now, REFUSAL_MEMORY) =>
            {
                return Err(TokenError::Refused(fault.clone()));
            }
            _ => self.refused = None,
        }
        self.count(now)
    }

    /// Counts an exchange; too many in a short time are a loop.
    fn count(&mut self, now: Timestamp) -> Result<(), TokenError> {
        self.times.retain(|then| is_recent(*then, now, LOOP_WINDOW));
        if self.times.len() >= LOOP_LIMIT {
            return Err(TokenError::Loop);
        }
        self.times.push(now);
        Ok(())
    }
}

fn is_recent(then: Timestamp, now: Timestamp, window: Duration) -> bool {
    Duration::try_from(now.duration_since(then)).is_ok_and(|age| age < window)
}

/// `mfa_required` → `CON-MFA-REQUIRED`.
pub(crate) fn refusal_code(class: &str) -> String {
    format!("CON-{}", class.to_ascii_uppercase().replace('_', "-"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
