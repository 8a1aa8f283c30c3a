//! Consent: authorization code with PKCE, from the redirect to a confirmed grant.
//!
//! [`Consent::begin`] sends the administrator to the vendor; [`Consent::finish`] receives them back, redeems the code
//! and checks who signed in; only [`Consent::confirm`] — after "you signed in as … of tenant …" — gives a grant out.
//! Between the steps everything lies sealed in one flow record.
//!
//! **Invariants:** a state is good for one use, one session and ten minutes; the record is taken before the code is
//! redeemed; nothing is a grant before it is confirmed, and a refused renewal leaves the old grant as it was.

mod admin;
mod authorize;
mod error;
mod flow;
mod grant;
mod handle;
mod id_token;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

pub use admin::{admin_link, admin_mends};
pub use error::ConsentError;
pub use grant::{Begun, Confirmation, ConfirmedGrant, FlowStore, FlowStoreError, Renewal, StoredFlow};

use crate::connector::{Connector, ConsentRules};
use crate::oauth::{Exchanged, Failure, TokenEndpoint};
use crate::surroundings::Surroundings;
use crate::transport::Transport;
use crate::vault::Vault;
use authorize::{authorize_refusal, authorize_url, parameter};
use flow::{Awaiting, Record};
use handle::{Handle, HandleFault, hash};

/// How long a flow may take, and then again its confirmation.
const FLOW_LIFE: SignedDuration = SignedDuration::from_mins(10);

/// The consent flows of all connectors.
pub struct Consent {
    transport: Transport,
    flows: Arc<dyn FlowStore>,
    vault: Arc<Vault>,
    surroundings: Surroundings,
}

impl Consent {
    /// Made once.
    #[must_use]
    pub fn new(
        transport: Transport,
        flows: Arc<dyn FlowStore>,
        vault: Arc<Vault>,
        surroundings: Surroundings,
    ) -> Self {
        Self { transport, flows, vault, surroundings }
    }

    /// Begins a flow for the session: where to send the administrator.
    pub async fn begin(
        &self,
        connector: &Connector,
        session: &[u8],
        renewal: Option<Renewal>,
    ) -> Result<Begun, ConsentError> {
        let rules = rules(connector)?;
        let chance = &self.surroundings.chance;
        let (verifier, nonce) = (chance.token(), chance.token());
        let expires_at = self.expiry();
        let state = Handle::State.make(&self.vault, chance, expires_at)?;
        let tenant_path =
            renewal.as_ref().map_or(rules.first_tenant.clone(), |renewal| renewal.tenant.clone());
        let begun = flow::Begun {
            connector: connector.id.clone(),
            cloud: connector.cloud.clone(),
            redirect_uri: rules.redirect_uri.clone(),
            tenant_path,
            nonce,
            verifier,
            renewal,
        };
        let redirect = authorize_url(connector, rules, &begun, &state)?;
        self.put(&state, hash(session), &Record::Begun(begun), expires_at).await?;
        Ok(Begun { redirect, expires_at })
    }

    /// Receives the administrator back, with the query the vendor added to the redirect URI.
    pub async fn finish(
        &self,
        connector: &Connector,
        query: &[(String, String)],
        session: &[u8],
    ) -> Result<Confirmation, ConsentError> {
        let outcome = self.finished(connector, query, session).await;
        if let Err(error) = &outcome {
            let code = error.code();
            if error.is_security_event() {
                tracing::warn!(connector.id = %connector.id, consent.code = code, "consent flow tampered with or replayed");
            } else {
                tracing::info!(connector.id = %connector.id, consent.code = code, "consent not given");
            }
        }
        outcome
    }

    /// The administrator says: yes, this is the account.
    pub async fn confirm(&self, handle: &str, session: &[u8]) -> Result<ConfirmedGrant, ConsentError> {
        match self.take(Handle::Confirmation, handle, session).await? {
            Record::Awaiting(awaiting) => Ok(awaiting.into()),
            Record::Begun(_) => Err(ConsentError::WrongState),
        }
    }

    /// The administrator says: no. The exchanged token is dropped.
    pub async fn cancel(&self, handle: &str, session: &[u8]) -> Result<(), ConsentError> {
        self.take(Handle::Confirmation, handle, session).await.map(|_| ())
    }

    async fn finished(
        &self,
        connector: &Connector,
        query: &[(String, String)],
        session: &[u8],
    ) -> Result<Confirmation, ConsentError> {
        let rules = rules(connector)?;
        let flow = self.begun(connector, rules, query, session).await?;
        // Before the code goes anywhere: an answer of another server must not have it redeemed here.
        let iss = parameter(query, "iss")?;
        if iss.is_some_and(|iss| !rules.may_issue(iss)) {
            return Err(ConsentError::WrongIssuer);
        }
        if let Some(error) = parameter(query, "error")? {
            let description = parameter(query, "error_description")?.unwrap_or_default();
            return Err(authorize_refusal(rules, error, description));
        }
        let code = parameter(query, "code")?.ok_or(ConsentError::NoCode)?;
        let exchanged = self.redeem(connector, rules, &flow, code).await?;
        let token = exchanged.id_token.as_ref().ok_or(ConsentError::NoIdToken)?;
        let checked =
            id_token::Checked { transport: &self.transport, now: self.surroundings.clock.now(), rules };
        let user = checked.user(token, &flow, iss).await?;
        self.await_confirmation(flow, user, exchanged, session).await
    }

    /// The flow that an answer belongs to; its state is used up.
    async fn begun(
        &self,
        connector: &Connector,
        rules: &ConsentRules,
        query: &[(String, String)],
        session: &[u8],
    ) -> Result<flow::Begun, ConsentError> {
        let state = parameter(query, "state")?.ok_or(ConsentError::WrongState)?;
        let Record::Begun(flow) = self.take(Handle::State, state, session).await? else {
            return Err(ConsentError::WrongState);
        };
        let begun_at = (&flow.connector, &flow.cloud, &flow.redirect_uri);
        if begun_at != (&connector.id, &connector.cloud, &rules.redirect_uri) {
            return Err(ConsentError::WrongState);
        }
        Ok(flow)
    }

    async fn redeem(
        &self,
        connector: &Connector,
        rules: &ConsentRules,
        flow: &flow::Begun,
        code: &str,
    ) -> Result<Exchanged, ConsentError> {
        // One token request speaks of one audience; the refresh token it gives serves them all.
        let first = connector.audiences().into_iter().take(1).flat_map(|audience| &audience.scopes);
        let scopes: Vec<String> = rules.scopes.iter().chain(first).cloned().collect();
        let endpoint = TokenEndpoint {
            transport: &self.transport,
            surroundings: &self.surroundings,
            rules,
            tenant: &flow.tenant_path,
        };
        endpoint.redeem(code, &flow.verifier, &scopes).await.map_err(|failure| match failure {
            Failure::Refused(refusal) => ConsentError::refused(rules, &refusal),
            Failure::Busy => ConsentError::Busy,
            Failure::Unreadable => ConsentError::Unreadable,
        })
    }

    async fn await_confirmation(
        &self,
        flow: flow::Begun,
        user: id_token::User,
        exchanged: Exchanged,
        session: &[u8],
    ) -> Result<Confirmation, ConsentError> {
        let refresh_token = exchanged.refresh_token.ok_or(ConsentError::NoRefreshToken)?;
        let expires_at = self.expiry();
        let handle = Handle::Confirmation.make(&self.vault, &self.surroundings.chance, expires_at)?;
        let record = Record::Awaiting(Awaiting {
            connector: flow.connector,
            cloud: flow.cloud,
            tenant: user.tenant.clone(),
            user_id: user.id.clone(),
            user_name: user.name.clone(),
            roles: user.roles,
            consented_at: self.surroundings.clock.now(),
            refresh_token,
        });
        self.put(&handle, hash(session), &record, expires_at).await?;
        Ok(Confirmation {
            handle,
            other_user: flow.renewal.as_ref().is_some_and(|renewal| renewal.user_id != user.id),
            is_renewal: flow.renewal.is_some(),
            user_name: user.name,
            user_id: user.id,
            tenant: user.tenant,
            expires_at,
        })
    }

    async fn put(
        &self,
        handle: &str,
        session_hash: [u8; 32],
        record: &Record,
        expires_at: Timestamp,
    ) -> Result<(), ConsentError> {
        let handle_hash = hash(handle.as_bytes());
        let sealed = self.vault.seal_flow(&handle_hash, &record.to_bytes())?.bytes;
        Ok(self.flows.put(handle_hash, StoredFlow { session_hash, sealed, expires_at }).await?)
    }

    /// Takes the record a handle stands for; from then on the handle is used up, whatever comes next.
    async fn take(&self, kind: Handle, handle: &str, session: &[u8]) -> Result<Record, ConsentError> {
        let now = self.surroundings.clock.now();
        let made_here = kind.check(&self.vault, handle, now);
        let handle_hash = hash(handle.as_bytes());
        let stored = self.flows.take(handle_hash).await?;
        made_here.map_err(|fault| match fault {
            HandleFault::NotOurs => ConsentError::WrongState,
            HandleFault::Expired => ConsentError::Expired,
        })?;
        let stored = stored.ok_or(ConsentError::Replayed)?;
        if stored.session_hash != hash(session) {
            return Err(ConsentError::OtherSession);
        }
        if stored.expires_at <= now {
            return Err(ConsentError::Expired);
        }
        let plain = self.vault.open_flow(&handle_hash, &stored.sealed)?;
        Record::from_bytes(&plain).ok_or(ConsentError::WrongState)
    }

    fn expiry(&self) -> Timestamp {
        self.surroundings.clock.now().saturating_add(FLOW_LIFE).unwrap_or(Timestamp::MAX)
    }
}

fn rules(connector: &Connector) -> Result<&ConsentRules, ConsentError> {
    connector.consent.as_ref().ok_or(ConsentError::NoRules)
}
