//! Installed plugin versions, who plays which role, and what a connector's plugins may ask.

use async_trait::async_trait;
use purser_domain::{ConnectorId, Digest, Role};
use purser_store::plugins::{Change, Changed, Needs, Pin, Plugins, Swap, Version, Vouchers};
use purser_store::{Error, Result};
use sqlx::{query, query_as, query_scalar};

use crate::error::{damaged, failed};
use crate::values::{digest as to_digest, from_json, from_word, instant, nanos, to_json, unsigned, word};
use crate::{SqliteStore, Write};

struct VersionRow {
    digest: Vec<u8>,
    connector: String,
    plugin: String,
    version: String,
    title: String,
    publisher: String,
    roles: String,
    asks: String,
    source: String,
    installed_at: i64,
    installed_by: String,
    barred: Option<String>,
}

impl TryFrom<VersionRow> for Version {
    type Error = Error;

    fn try_from(row: VersionRow) -> Result<Self> {
        Ok(Self {
            digest: to_digest(&row.digest)?,
            connector: connector_id(&row.connector)?,
            plugin: row.plugin,
            version: row.version,
            title: row.title,
            publisher: row.publisher,
            roles: from_json(&row.roles, "roles")?,
            asks: from_json(&row.asks, "asks")?,
            source: row.source,
            installed_at: instant(row.installed_at)?,
            installed_by: row.installed_by,
            barred: row.barred,
        })
    }
}

#[async_trait]
impl Plugins for SqliteStore {
    async fn versions(&self, connector: Option<&ConnectorId>) -> Result<Vec<Version>> {
        let connector = connector.map(ConnectorId::as_str);
        let rows = query_as!(
            VersionRow,
            "SELECT digest, connector, plugin, version, title, publisher, roles, asks, source, installed_at,
                    installed_by, barred
             FROM plugin_versions WHERE ?1 IS NULL OR connector = ?1 ORDER BY installed_at DESC, version DESC, digest",
            connector
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(Version::try_from).collect()
    }

    async fn add_version(&self, version: &Version) -> Result<bool> {
        let (digest, connector) = (version.digest.as_bytes().as_slice(), version.connector.as_str());
        let (roles, asks) = (to_json(&version.roles)?, to_json(&version.asks)?);
        let at = nanos(version.installed_at);
        let mut tx = self.write().await?;
        let added = query!(
            "INSERT INTO plugin_versions (digest, connector, plugin, version, title, publisher, roles, asks, source,
                                          installed_at, installed_by, barred)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            digest,
            connector,
            version.plugin,
            version.version,
            version.title,
            version.publisher,
            roles,
            asks,
            version.source,
            at,
            version.installed_by,
            version.barred
        );
        let added = added.execute(&mut *tx).await.map_err(failed)?.rows_affected();
        tx.commit().await.map_err(failed)?;
        Ok(added > 0)
    }

    async fn remove_version(&self, digest: Digest) -> Result<()> {
        let mut tx = self.write().await?;
        let needs = needs(&mut tx, digest).await?;
        if needs.is_active || needs.open_runs > 0 {
            return Err(Error::Conflict("use of the plugin version"));
        }
        let digest = digest.as_bytes().as_slice();
        let removed = query!("DELETE FROM plugin_versions WHERE digest = ?", digest).execute(&mut *tx).await;
        if removed.map_err(failed)?.rows_affected() == 0 {
            return Err(Error::NotFound("plugin version"));
        }
        tx.commit().await.map_err(failed)
    }

    async fn bar_version(&self, digest: Digest, because: Option<&str>) -> Result<()> {
        let digest = digest.as_bytes().as_slice();
        let mut tx = self.write().await?;
        let barred = query!("UPDATE plugin_versions SET barred = ? WHERE digest = ?", because, digest);
        if barred.execute(&mut *tx).await.map_err(failed)?.rows_affected() == 0 {
            return Err(Error::NotFound("plugin version"));
        }
        tx.commit().await.map_err(failed)
    }

    async fn needs_of_version(&self, digest: Digest) -> Result<Needs> {
        let mut connection = self.readers.acquire().await.map_err(failed)?;
        needs(&mut connection, digest).await
    }

    async fn vouch_for_version(&self, digest: Digest, vouchers: &Vouchers) -> Result<()> {
        let digest = digest.as_bytes().as_slice();
        let mut tx = self.write().await?;
        if vouchers.bundled {
            let noted =
                query!("INSERT INTO plugin_bundled (digest) VALUES (?) ON CONFLICT DO NOTHING", digest);
            noted.execute(&mut *tx).await.map_err(failed)?;
        }
        for (key, signature) in &vouchers.signatures {
            let noted = query!(
                "INSERT INTO plugin_signatures (digest, key_id, signature) VALUES (?, ?, ?)
                 ON CONFLICT (digest, key_id) DO UPDATE SET signature = excluded.signature",
                digest,
                key,
                signature
            );
            noted.execute(&mut *tx).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)
    }

    async fn vouchers_of_version(&self, digest: Digest) -> Result<Vouchers> {
        let digest = digest.as_bytes().as_slice();
        let bundled = query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM plugin_bundled WHERE digest = ?) AS "any!: bool""#,
            digest
        );
        let bundled = bundled.fetch_one(&self.readers).await.map_err(failed)?;
        let rows = query!("SELECT key_id, signature FROM plugin_signatures WHERE digest = ?", digest);
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        let signatures = rows.into_iter().map(|row| (row.key_id, row.signature)).collect();
        Ok(Vouchers { bundled, signatures })
    }

    async fn pins(&self) -> Result<Vec<Pin>> {
        let rows = query!("SELECT connector, role, digest FROM plugin_pins ORDER BY connector, role");
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        let pin = |(connector, role, digest): (String, String, Vec<u8>)| {
            Ok(Pin {
                connector: connector_id(&connector)?,
                role: from_word(role, "role")?,
                digest: to_digest(&digest)?,
            })
        };
        rows.into_iter().map(|row| pin((row.connector, row.role, row.digest))).collect()
    }

    async fn change_pins(&self, change: &Change) -> Result<()> {
        let mut tx = self.write().await?;
        for swap in &change.swaps {
            refuse_unusable(&mut tx, &change.connector, swap.digest).await?;
            if player(&mut tx, &change.connector, swap.role).await? != swap.former {
                return Err(Error::Conflict("another change of the connector's plugins"));
            }
            pin(&mut tx, &change.connector, swap).await?;
            note(&mut tx, change, swap).await?;
        }
        for ask in &change.granted {
            grant(&mut tx, change, ask).await?;
        }
        tx.commit().await.map_err(failed)
    }

    async fn pin_changes(&self, connector: &ConnectorId, limit: u32) -> Result<Vec<Changed>> {
        let connector = connector.as_str();
        let rows = query!(
            "SELECT role, former, digest, cause, at, who FROM plugin_changes WHERE connector = ?
             ORDER BY id DESC LIMIT ?",
            connector,
            limit
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                let swap = Swap {
                    role: from_word(row.role, "role")?,
                    former: row.former.as_deref().map(to_digest).transpose()?,
                    digest: to_digest(&row.digest)?,
                };
                Ok(Changed {
                    swap,
                    cause: from_word(row.cause, "cause")?,
                    at: instant(row.at)?,
                    who: row.who,
                })
            })
            .collect()
    }

    async fn plugin_grants(&self, connector: &ConnectorId) -> Result<Vec<String>> {
        let connector = connector.as_str();
        let asks = query_scalar!("SELECT ask FROM plugin_grants WHERE connector = ? ORDER BY ask", connector);
        asks.fetch_all(&self.readers).await.map_err(failed)
    }
}

fn connector_id(text: &str) -> Result<ConnectorId> {
    text.parse().map_err(|_| damaged("connector"))
}

async fn needs(connection: &mut sqlx::SqliteConnection, digest: Digest) -> Result<Needs> {
    let digest = digest.as_bytes().as_slice();
    let row = query!(
        r#"SELECT EXISTS (SELECT 1 FROM plugin_pins WHERE digest = ?1) AS "is_active!: bool",
                  (SELECT COUNT(*) FROM runs WHERE finished_at IS NULL
                   AND (digest = ?1 OR mapping = ?1 OR localisation = ?1)) AS "open_runs!",
                  (SELECT COUNT(*) FROM runs WHERE digest = ?1 OR mapping = ?1 OR localisation = ?1) AS "runs!""#,
        digest
    );
    let row = row.fetch_one(connection).await.map_err(failed)?;
    Ok(Needs { is_active: row.is_active, open_runs: unsigned(row.open_runs)?, runs: unsigned(row.runs)? })
}

async fn refuse_unusable(tx: &mut Write, connector: &ConnectorId, digest: Digest) -> Result<()> {
    let (connector, digest) = (connector.as_str(), digest.as_bytes().as_slice());
    let is_usable = query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM plugin_versions WHERE digest = ? AND connector = ? AND barred IS NULL)
           AS "any!: bool""#,
        digest,
        connector
    );
    match is_usable.fetch_one(&mut **tx).await.map_err(failed)? {
        true => Ok(()),
        false => Err(Error::NotFound("usable plugin version")),
    }
}

async fn player(tx: &mut Write, connector: &ConnectorId, role: Role) -> Result<Option<Digest>> {
    let (connector, role) = (connector.as_str(), word(role)?);
    let digest =
        query_scalar!("SELECT digest FROM plugin_pins WHERE connector = ? AND role = ?", connector, role);
    let digest = digest.fetch_optional(&mut **tx).await.map_err(failed)?;
    digest.as_deref().map(to_digest).transpose()
}

async fn pin(tx: &mut Write, connector: &ConnectorId, swap: &Swap) -> Result<()> {
    let (connector, role, digest) = (connector.as_str(), word(swap.role)?, swap.digest.as_bytes().as_slice());
    let pinned = query!(
        "INSERT INTO plugin_pins (connector, role, digest) VALUES (?, ?, ?)
         ON CONFLICT (connector, role) DO UPDATE SET digest = excluded.digest",
        connector,
        role,
        digest
    );
    pinned.execute(&mut **tx).await.map_err(failed)?;
    Ok(())
}

async fn note(tx: &mut Write, change: &Change, swap: &Swap) -> Result<()> {
    let (connector, role, at) = (change.connector.as_str(), word(swap.role)?, nanos(change.at));
    let former = swap.former.as_ref().map(|digest| digest.as_bytes().as_slice());
    let (digest, cause) = (swap.digest.as_bytes().as_slice(), word(change.cause)?);
    let noted = query!(
        "INSERT INTO plugin_changes (connector, role, former, digest, cause, at, who) VALUES (?, ?, ?, ?, ?, ?, ?)",
        connector,
        role,
        former,
        digest,
        cause,
        at,
        change.who
    );
    noted.execute(&mut **tx).await.map_err(failed)?;
    Ok(())
}

async fn grant(tx: &mut Write, change: &Change, ask: &str) -> Result<()> {
    let (connector, at) = (change.connector.as_str(), nanos(change.at));
    let granted = query!(
        "INSERT INTO plugin_grants (connector, ask, at, who) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        connector,
        ask,
        at,
        change.who
    );
    granted.execute(&mut **tx).await.map_err(failed)?;
    Ok(())
}
