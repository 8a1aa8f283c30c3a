//! Connecting an account, renewing its consent, and what its preflight makes of it.
//!
//! **Invariant:** a grant that stands is replaced only by one whose preflight passed; a renewal that fails changes nothing.

use jiff::Timestamp;
use purser_domain::AccountId;
use purser_pipeline::health;
use purser_store::accounts::{Account, ConsentState, Grant, Probe};
use purser_store::hand_overs::{Answer, HandOverId};
use purser_vendor::connector::Connector;
use purser_vendor::consent::{ConfirmedGrant, ConsentError};
use purser_vendor::tokens::Tried;
use purser_vendor::vault::Sealed;
use purser_web::{Acts, Problem};
use serde_json::json;

use super::HostActs;
use super::problems::consent_problem;

/// The code of a grant that could not be tried, since the vendor did not answer.
pub(super) const NOT_TRIED: &str = "CON-NOT-TRIED";

/// Who consented.
pub(super) struct Consenter {
    user_name: String,
    user_id: String,
    roles: Option<Vec<String>>,
    consented_at: Timestamp,
}

/// How a new grant becomes the account's.
pub(super) enum Taking<'a> {
    /// By whoever signed in here.
    Own,
    /// By the acceptance of a hand-over.
    HandOver(HandOverId, &'a str),
}

impl HostActs {
    /// Stores a confirmed grant: at once where the account has none, else when it has proved itself.
    pub(super) async fn connect(&self, grant: &ConfirmedGrant, who: &str) -> Result<AccountId, Problem> {
        let store = &self.host.store;
        let accounts = store.accounts().await?;
        let known = accounts.into_iter().find(|account| {
            account.connector == grant.connector
                && account.cloud == grant.cloud
                && account.tenant == grant.tenant
        });
        if let Some(account) = known
            && let Some(former) = store.grant(account.id).await?
        {
            return self.renew(&account, &former, grant, who).await;
        }
        self.connect_anew(grant, who).await
    }

    /// Who consented before, where it was not this user; empty otherwise.
    pub(super) async fn other_than(&self, known: Option<&Account>, user_id: &str) -> Result<String, Problem> {
        let Some(account) = known else { return Ok(String::new()) };
        let former = self.host.store.grant(account.id).await?.filter(|grant| grant.user_id != user_id);
        Ok(former.map(|grant| grant.user_name).unwrap_or_default())
    }

    async fn connect_anew(&self, grant: &ConfirmedGrant, who: &str) -> Result<AccountId, Problem> {
        let store = &self.host.store;
        let title = title_of(&grant.user_name, &grant.tenant);
        let account =
            store.connect_account(&grant.connector, &grant.cloud, &grant.tenant, &title, self.now()).await?;
        let sealed = self.sealed(grant, account.id).await?;
        let first = Consenter::from(grant).stored(sealed, grant.consented_at, 1);
        store.put_grant(account.id, None, &first).await?;
        store.set_consent_state(account.id, &ConsentState::Verifying).await?;
        self.tokens.forget_account(account.id);
        let after = json!({ "user": grant.user_name });
        let detail = json!({ "account": account.id, "tenant": grant.tenant, "before": null, "after": after });
        self.audit(who, "consent.given", detail).await?;
        self.preflight(&account).await?;
        Ok(account.id)
    }

    /// Asks the preflight table with the new grant, which is held aside until it has passed.
    async fn renew(
        &self,
        account: &Account,
        former: &Grant,
        grant: &ConfirmedGrant,
        who: &str,
    ) -> Result<AccountId, Problem> {
        let connector = self.connector(&account.connector, Some(&account.cloud))?;
        let sealed = self.sealed(grant, account.id).await?;
        let tried = self.trials.preflight(account.id, &connector, &account.tenant, sealed).await;
        let before = json!({ "user": former.user_name, "id": former.user_id });
        let after = json!({ "user": grant.user_name, "id": grant.user_id });
        if let Some(problem) = shortcoming(&connector, grant.roles.as_deref(), &tried).map(not_taken) {
            let refused = json!({ "account": account.id, "before": before, "after": before, "code": problem.code, "tried": after });
            self.audit(who, "consent.renewal_refused", refused).await?;
            return Err(problem);
        }
        self.swap(account, &connector, &Consenter::from(grant), tried, Taking::Own).await?;
        let detail = json!({ "account": account.id, "before": before, "after": after });
        self.audit(who, "consent.renewed", detail).await?;
        Ok(account.id)
    }

    /// Puts the new grant in the old one's place, with the table it has passed. A pause stays a pause.
    pub(super) async fn swap(
        &self,
        account: &Account,
        connector: &Connector,
        consenter: &Consenter,
        tried: Tried,
        taking: Taking<'_>,
    ) -> Result<(), Problem> {
        let store = &self.host.store;
        // Read again: a run may have refreshed the old grant while the new one was tried.
        let version = store.grant(account.id).await?.map(|former| former.version);
        let new = consenter.stored(tried.sealed, self.now(), version.unwrap_or(0) + 1);
        match taking {
            Taking::Own => store.put_grant(account.id, version, &new).await?,
            Taking::HandOver(id, who) => store.accept_hand_over(id, version, &new, who, self.now()).await?,
        }
        self.tokens.forget_account(account.id);
        if store.account(account.id).await?.state != ConsentState::Paused {
            store.set_consent_state(account.id, &ConsentState::Verifying).await?;
        }
        health::settle(store.as_ref(), connector, account.id, tried.rows, self.now()).await?;
        Ok(())
    }

    pub(super) async fn sealed(&self, grant: &ConfirmedGrant, account: AccountId) -> Result<Sealed, Problem> {
        // A key that was rotated meanwhile seals at once.
        self.vault.reread().await.ok();
        grant.seal(&self.vault, account).map_err(|error| consent_problem(&ConsentError::from(error)))
    }

    /// Probes live, stores the table, and lets it decide the account's state.
    pub(super) async fn preflight(&self, account: &Account) -> Result<Vec<Probe>, Problem> {
        let connector = self.connector(&account.connector, Some(&account.cloud))?;
        let store = self.host.store.as_ref();
        Ok(health::test(store, &self.client, &connector, account.id, self.now()).await?)
    }
}

/// Why a grant on trial may not replace the one that stands: code, what happened, what to do; none: it may.
///
/// What the vendor's calls leave unknown blocks nothing, but a grant for which no token was given at all has not been tried.
pub(super) fn shortcoming(
    connector: &Connector,
    told: Option<&[String]>,
    tried: &Tried,
) -> Option<(String, String, String)> {
    let roles = connector.consent.as_ref().map(|rules| rules.roles.clone()).unwrap_or_default();
    let lack = health::explained(&roles, &tried.rows, &[], told);
    match (&tried.fault, lack) {
        (Some(fault), _) => Some((fault.code.clone(), fault.what.clone(), fault.remedy.clone())),
        (None, Some(lack)) => Some((lack.code, lack.what, lack.remedy)),
        (None, None) if tried.works || tried.rows.is_empty() => None,
        (None, None) => Some((
            NOT_TRIED.to_owned(),
            "the vendor is busy or out of reach, so nothing could be tested".to_owned(),
            "wait a few minutes, then renew the consent again".to_owned(),
        )),
    }
}

/// The same, for whoever wanted it to be replaced.
pub(super) fn not_taken((code, what, remedy): (String, String, String)) -> Problem {
    let what = format!(
        "the new consent was not taken: {what}; nothing was changed, the former consent and all settings stand"
    );
    Problem::new(409, &code, what, remedy)
}

impl Consenter {
    pub(super) fn stored(&self, sealed: Sealed, refreshed_at: Timestamp, version: u64) -> Grant {
        Grant {
            sealed: sealed.bytes,
            key_version: sealed.key_version,
            user_name: self.user_name.clone(),
            user_id: self.user_id.clone(),
            roles: self.roles.clone(),
            consented_at: self.consented_at,
            refreshed_at,
            version,
        }
    }
}

impl From<&ConfirmedGrant> for Consenter {
    fn from(grant: &ConfirmedGrant) -> Self {
        Self {
            user_name: grant.user_name.clone(),
            user_id: grant.user_id.clone(),
            roles: grant.roles.clone(),
            consented_at: grant.consented_at,
        }
    }
}

impl From<&Answer> for Consenter {
    fn from(answer: &Answer) -> Self {
        Self {
            user_name: answer.user_name.clone(),
            user_id: answer.user_id.clone(),
            roles: answer.roles.clone(),
            consented_at: answer.consented_at,
        }
    }
}

/// The domain people sign in with says more than a tenant's number.
pub(super) fn title_of(user_name: &str, tenant: &str) -> String {
    user_name.split_once('@').map_or(tenant, |(_, domain)| domain).to_owned()
}
