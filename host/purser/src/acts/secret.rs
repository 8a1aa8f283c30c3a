//! Accounts of connectors that ask for no consent: a name, and a secret where the vendor wants one.
//!
//! **Invariant:** a secret is sealed before it is stored, and is in no answer, trail or log.

use purser_domain::{AccountId, ConnectorId};
use purser_pipeline::connector::Clouds;
use purser_store::accounts::{Account, ConsentState, Grant};
use purser_vendor::Secret;
use purser_vendor::connector::Connector;
use purser_vendor::vault::{GrantIdentity, Kind, VaultError};
use purser_web::{Acts as _, NewAccount, Problem, account_name, by_consent};
use serde_json::{Value, json};

use super::HostActs;

impl HostActs {
    /// Connects an account, anew where one of this name was disconnected.
    pub(super) async fn added(&self, new: NewAccount<'_>, who: &str) -> Result<AccountId, Problem> {
        let connector = self.entered_for(new.connector, new.cloud)?;
        fits(&connector, new.secret.is_some())?;
        let name = account_name(new.name)?;
        let store = &self.host.store;
        let known = store.accounts().await?.into_iter().find(|account| {
            account.connector == connector.id && account.cloud == connector.cloud && account.tenant == name
        });
        if let Some(known) = known {
            self.refuse_connected(&known, &connector).await?;
        }
        let account =
            store.connect_account(&connector.id, &connector.cloud, &name, &name, self.now()).await?;
        if let Some(secret) = &new.secret {
            self.put_secret(&account, secret, who).await?;
        }
        self.begin_anew(&account).await?;
        let after = json!({ "name": name, "cloud": connector.cloud });
        let detail = json!({ "account": account.id, "before": null, "after": after });
        self.audit(who, "account.added", detail).await?;
        Ok(account.id)
    }

    /// Puts another secret in the stored one's place. A pause stays a pause.
    pub(super) async fn secret_changed(
        &self,
        account: AccountId,
        secret: &Secret,
        who: &str,
    ) -> Result<(), Problem> {
        let account = self.host.store.account(account).await?;
        let connector = self.connector(&account.connector, Some(&account.cloud))?;
        fits(&connector, true)?;
        let before = self.put_secret(&account, secret, who).await?;
        if account.state != ConsentState::Paused {
            self.begin_anew(&account).await?;
        }
        let after = json!({ "by": who });
        let detail = json!({ "account": account.id, "before": before, "after": after });
        self.audit(who, "secret.changed", detail).await
    }

    fn entered_for(&self, connector: &ConnectorId, cloud: &str) -> Result<Connector, Problem> {
        let active = self.host.plugins.active(connector);
        let clouds = active.map(|plugin| Clouds::served(plugin.descriptor())).unwrap_or_default();
        if clouds.is_empty() || clouds.iter().any(|served| served == cloud) {
            return self.connector(connector, Some(cloud));
        }
        let what = format!("the connector has no {cloud:?}; it has: {}", clouds.join(", "));
        Err(Problem::new(400, "ACC-CLOUD", what, "choose one of these"))
    }

    async fn refuse_connected(&self, known: &Account, connector: &Connector) -> Result<(), Problem> {
        let is_connected = match connector.takes_secret() {
            true => self.host.store.grant(known.id).await?.is_some(),
            false => known.state != ConsentState::Disconnected,
        };
        if !is_connected {
            return Ok(());
        }
        let remedy = "change its secret on its own page, or choose another name";
        Err(Problem::new(409, "ACC-TAKEN", "an account of this name is connected already", remedy))
    }

    /// Seals and stores; gives who entered the former one, and when.
    async fn put_secret(&self, account: &Account, secret: &Secret, who: &str) -> Result<Value, Problem> {
        // A key that was rotated meanwhile seals at once.
        self.vault.reread().await.ok();
        let identity =
            GrantIdentity { account: account.id, connector: &account.connector, tenant: &account.tenant };
        let sealed =
            self.vault.seal_grant(identity, Kind::ApiSecret, secret).map_err(|error| sealless(&error))?;
        let former = self.host.store.grant(account.id).await?;
        let (version, now) = (former.as_ref().map(|former| former.version), self.now());
        let grant = Grant {
            sealed: sealed.bytes,
            key_version: sealed.key_version,
            user_name: who.to_owned(),
            user_id: String::new(),
            roles: None,
            consented_at: now,
            refreshed_at: now,
            version: version.unwrap_or(0) + 1,
        };
        self.host.store.put_grant(account.id, version, &grant).await?;
        self.tokens.forget_account(account.id);
        Ok(former.map_or(Value::Null, |former| json!({ "by": former.user_name, "at": former.consented_at })))
    }

    /// Whatever was wrong with the former secret is over; the first run shows what the new one is worth.
    async fn begin_anew(&self, account: &Account) -> Result<(), Problem> {
        self.host.store.set_consent_state(account.id, &ConsentState::Verifying).await?;
        self.preflight(account).await.map(|_| ())
    }
}

/// Whether the connector's accounts come about by what was entered.
fn fits(connector: &Connector, has_secret: bool) -> Result<(), Problem> {
    match (connector.consent.is_some(), connector.takes_secret(), has_secret) {
        (true, ..) => Err(by_consent()),
        (false, true, false) => Err(purser_vendor::SecretFault::Empty.into()),
        (false, false, true) => {
            let what = "this connector reads without a secret";
            Err(Problem::new(400, "ACC-NO-SECRET", what, "add the account without one"))
        }
        _ => Ok(()),
    }
}

fn sealless(error: &VaultError) -> Problem {
    Problem::new(500, error.code(), error.to_string(), error.remedy())
}
