//! Accounts, their settings, their grants, and consent flows under way.

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::{AccountId, ConnectorId};
use purser_store::accounts::{Account, Accounts, ConsentState, Flow, Grant, HostSettings, Probe, Settings};
use purser_store::ledger::CommitPolicy;
use purser_store::{Error, Result};
use sqlx::{query, query_as, query_scalar};

use crate::error::{conflict, failed};
use crate::keys::refuse_retired;
use crate::values::{account as account_id, from_json, hash, id, instant, nanos, signed, to_json, unsigned};
use crate::{SqliteStore, Write, book, customers};

struct AccountRow {
    id: i64,
    connector: String,
    cloud: String,
    tenant: String,
    title: String,
    state: String,
    created_at: i64,
}

impl TryFrom<AccountRow> for Account {
    type Error = Error;

    fn try_from(row: AccountRow) -> Result<Self> {
        Ok(Self {
            id: account_id(row.id)?,
            connector: id(&row.connector, "connector")?,
            cloud: row.cloud,
            tenant: row.tenant,
            title: row.title,
            state: from_json(&row.state, "consent state")?,
            created_at: instant(row.created_at)?,
        })
    }
}

struct SettingsRow {
    revision: i64,
    host: String,
    plugin: String,
    changed_by: String,
    changed_at: i64,
}

impl TryFrom<SettingsRow> for Settings {
    type Error = Error;

    fn try_from(row: SettingsRow) -> Result<Self> {
        Ok(Self {
            revision: unsigned(row.revision)?,
            host: from_json(&row.host, "settings document")?,
            plugin: from_json(&row.plugin, "settings document")?,
            changed_by: row.changed_by,
            changed_at: instant(row.changed_at)?,
        })
    }
}

/// What an account runs with before anybody saved anything.
fn default_settings() -> Settings {
    Settings {
        revision: 0,
        host: HostSettings::default(),
        plugin: serde_json::Value::Object(serde_json::Map::new()),
        changed_by: String::new(),
        changed_at: Timestamp::UNIX_EPOCH,
    }
}

#[async_trait]
impl Accounts for SqliteStore {
    async fn connect_account(
        &self,
        connector: &ConnectorId,
        cloud: &str,
        tenant: &str,
        title: &str,
        now: Timestamp,
    ) -> Result<Account> {
        let (connector, state, now) = (connector.as_str(), to_json(&ConsentState::Verifying)?, nanos(now));
        let mut tx = self.write().await?;
        query!(
            "INSERT INTO accounts (connector, cloud, tenant, title, state, created_at) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (connector, cloud, tenant) DO NOTHING",
            connector, cloud, tenant, title, state, now
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        let row = query_as!(
            AccountRow,
            "SELECT id, connector, cloud, tenant, title, state, created_at FROM accounts
             WHERE connector = ? AND cloud = ? AND tenant = ?",
            connector,
            cloud,
            tenant
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        row.try_into()
    }

    async fn accounts(&self) -> Result<Vec<Account>> {
        let rows = query_as!(
            AccountRow,
            "SELECT id, connector, cloud, tenant, title, state, created_at FROM accounts ORDER BY id"
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(Account::try_from).collect()
    }

    async fn account(&self, account: AccountId) -> Result<Account> {
        let row = query_as!(
            AccountRow,
            "SELECT id, connector, cloud, tenant, title, state, created_at FROM accounts WHERE id = ?",
            account.0
        );
        let row = row.fetch_optional(&self.readers).await.map_err(failed)?;
        row.ok_or(Error::NotFound("account"))?.try_into()
    }

    async fn rename_account(&self, account: AccountId, title: &str) -> Result<()> {
        let mut tx = self.write().await?;
        let done =
            query!("UPDATE accounts SET title = ? WHERE id = ?", title, account.0).execute(&mut *tx).await;
        found(done.map_err(failed)?.rows_affected())?;
        tx.commit().await.map_err(failed)
    }

    async fn set_consent_state(&self, account: AccountId, state: &ConsentState) -> Result<()> {
        let state = to_json(state)?;
        let mut tx = self.write().await?;
        let done =
            query!("UPDATE accounts SET state = ? WHERE id = ?", state, account.0).execute(&mut *tx).await;
        found(done.map_err(failed)?.rows_affected())?;
        tx.commit().await.map_err(failed)
    }

    async fn settings(&self, account: AccountId) -> Result<Settings> {
        let row = query_as!(
            SettingsRow,
            "SELECT revision, host, plugin, changed_by, changed_at FROM settings WHERE account = ?
             ORDER BY revision DESC LIMIT 1",
            account.0
        );
        let row = row.fetch_optional(&self.readers).await.map_err(failed)?;
        row.map_or_else(|| Ok(default_settings()), Settings::try_from)
    }

    async fn settings_at(&self, account: AccountId, revision: u32) -> Result<Settings> {
        if revision == 0 {
            return Ok(default_settings());
        }
        let row = query_as!(
            SettingsRow,
            "SELECT revision, host, plugin, changed_by, changed_at FROM settings WHERE account = ? AND revision = ?",
            account.0,
            revision
        );
        let row = row.fetch_optional(&self.readers).await.map_err(failed)?;
        row.ok_or(Error::NotFound("settings revision"))?.try_into()
    }

    async fn save_settings(
        &self,
        account: AccountId,
        based_on: u32,
        host: &HostSettings,
        plugin: &serde_json::Value,
        by: &str,
        now: Timestamp,
    ) -> Result<Settings> {
        let (host_json, plugin_json, at) = (to_json(host)?, to_json(plugin)?, nanos(now));
        let mut tx = self.write().await?;
        let known =
            query_scalar!("SELECT id FROM accounts WHERE id = ?", account.0).fetch_optional(&mut *tx).await;
        known.map_err(failed)?.ok_or(Error::NotFound("account"))?;
        let newest = query_scalar!(
            r#"SELECT COALESCE(MAX(revision), 0) AS "newest!: i64" FROM settings WHERE account = ?"#,
            account.0
        );
        let newest = newest.fetch_one(&mut *tx).await.map_err(failed)?;
        if newest != i64::from(based_on) {
            return Err(Error::Conflict("settings revision"));
        }
        let former = book::settings(&mut tx, account).await?.unmapped_customers;
        let revision = newest.saturating_add(1);
        query!(
            "INSERT INTO settings (account, revision, host, plugin, changed_by, changed_at) VALUES (?, ?, ?, ?, ?, ?)",
            account.0, revision, host_json, plugin_json, by, at
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if former != host.unmapped_customers {
            let policy = CommitPolicy {
                now,
                void_threshold_percent: host.void_threshold_percent,
                zone: host.zone.clone(),
            };
            customers::stamp_anew(&mut tx, account, None, &policy).await?;
        }
        tx.commit().await.map_err(failed)?;
        let (host, plugin, changed_by) = (host.clone(), plugin.clone(), by.to_owned());
        Ok(Settings { revision: unsigned(revision)?, host, plugin, changed_by, changed_at: now })
    }

    async fn grant(&self, account: AccountId) -> Result<Option<Grant>> {
        let row = query!(
            "SELECT sealed, key_version, user_name, user_id, roles, consented_at, refreshed_at, version
             FROM grants WHERE account = ?",
            account.0
        );
        let Some(row) = row.fetch_optional(&self.readers).await.map_err(failed)? else { return Ok(None) };
        Ok(Some(Grant {
            sealed: row.sealed,
            key_version: unsigned(row.key_version)?,
            user_name: row.user_name,
            user_id: row.user_id,
            roles: row.roles.map(|roles| from_json(&roles, "list of roles")).transpose()?,
            consented_at: instant(row.consented_at)?,
            refreshed_at: instant(row.refreshed_at)?,
            version: unsigned(row.version)?,
        }))
    }

    async fn put_grant(&self, account: AccountId, expected: Option<u64>, grant: &Grant) -> Result<()> {
        let mut tx = self.shredding_write().await?;
        write_grant(&mut tx, account, expected, grant).await?;
        tx.commit().await.map_err(failed)
    }

    async fn erase_grant(&self, account: AccountId) -> Result<()> {
        let mut tx = self.shredding_write().await?;
        query!("DELETE FROM grants WHERE account = ?", account.0).execute(&mut *tx).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.empty_log().await
    }

    async fn any_grant(&self) -> Result<bool> {
        let any = query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM grants) OR EXISTS (SELECT 1 FROM pending_grants) AS "any!: bool""#
        );
        any.fetch_one(&self.readers).await.map_err(failed)
    }

    async fn put_flow(&self, flow: &Flow, now: Timestamp) -> Result<()> {
        let (handle, session) = (flow.handle_hash.as_slice(), flow.session_hash.as_slice());
        let (expires_at, now) = (nanos(flow.expires_at), nanos(now));
        let mut tx = self.shredding_write().await?;
        query!("DELETE FROM flows WHERE expires_at <= ?", now).execute(&mut *tx).await.map_err(failed)?;
        query!(
            "INSERT INTO flows (handle_hash, session_hash, sealed, expires_at) VALUES (?, ?, ?, ?)",
            handle,
            session,
            flow.sealed,
            expires_at
        )
        .execute(&mut *tx)
        .await
        .map_err(conflict("consent flow"))?;
        tx.commit().await.map_err(failed)
    }

    async fn take_flow(&self, handle_hash: &[u8; 32], now: Timestamp) -> Result<Option<Flow>> {
        let (handle, now) = (handle_hash.as_slice(), nanos(now));
        let mut tx = self.shredding_write().await?;
        let row = query!(
            r#"DELETE FROM flows WHERE handle_hash = ?
               RETURNING session_hash AS "session_hash!", sealed AS "sealed!", expires_at AS "expires_at!""#,
            handle
        );
        let row = row.fetch_optional(&mut *tx).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        let Some(row) = row.filter(|row| row.expires_at > now) else { return Ok(None) };
        Ok(Some(Flow {
            handle_hash: *handle_hash,
            session_hash: hash(&row.session_hash)?,
            sealed: row.sealed,
            expires_at: instant(row.expires_at)?,
        }))
    }

    async fn put_probes(&self, account: AccountId, probes: &[Probe]) -> Result<()> {
        let mut tx = self.write().await?;
        query!("DELETE FROM probes WHERE account = ?", account.0).execute(&mut *tx).await.map_err(failed)?;
        for (position, probe) in (0_i64..).zip(probes) {
            let (probed_at, ok_at) = (nanos(probe.probed_at), probe.ok_at.map(nanos));
            query!(
                "INSERT INTO probes
                 (account, position, name, capability, verdict, code, remedy, evidence, needed, probed_at, ok_at)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                account.0,
                position,
                probe.name,
                probe.capability,
                probe.verdict,
                probe.code,
                probe.remedy,
                probe.evidence,
                probe.needed,
                probed_at,
                ok_at
            )
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        }
        tx.commit().await.map_err(failed)
    }

    async fn probes(&self, account: AccountId) -> Result<Vec<Probe>> {
        let rows = query!(
            "SELECT name, capability, verdict, code, remedy, evidence, needed, probed_at, ok_at FROM probes
             WHERE account = ? ORDER BY position",
            account.0
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                Ok(Probe {
                    name: row.name,
                    capability: row.capability,
                    verdict: row.verdict,
                    code: row.code,
                    remedy: row.remedy,
                    evidence: row.evidence,
                    needed: row.needed != 0,
                    probed_at: instant(row.probed_at)?,
                    ok_at: row.ok_at.map(instant).transpose()?,
                })
            })
            .collect()
    }
}

/// Writes a grant over the expected version.
pub(crate) async fn write_grant(
    tx: &mut Write,
    account: AccountId,
    expected: Option<u64>,
    grant: &Grant,
) -> Result<()> {
    let expected = expected.map(signed);
    let (consented_at, refreshed_at) = (nanos(grant.consented_at), nanos(grant.refreshed_at));
    let version = signed(grant.version);
    let roles = grant.roles.as_ref().map(to_json).transpose()?;
    refuse_retired(tx, grant.key_version).await?;
    let stored = query_scalar!("SELECT version FROM grants WHERE account = ?", account.0);
    if stored.fetch_optional(&mut **tx).await.map_err(failed)? != expected {
        return Err(Error::Conflict("grant"));
    }
    let put = query!(
        "INSERT OR REPLACE INTO grants
         (account, sealed, key_version, user_name, user_id, roles, consented_at, refreshed_at, version)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        account.0,
        grant.sealed,
        grant.key_version,
        grant.user_name,
        grant.user_id,
        roles,
        consented_at,
        refreshed_at,
        version
    );
    put.execute(&mut **tx).await.map_err(failed)?;
    Ok(())
}

fn found(rows: u64) -> Result<()> {
    if rows == 0 { Err(Error::NotFound("account")) } else { Ok(()) }
}
