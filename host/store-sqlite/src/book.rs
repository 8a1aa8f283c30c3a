//! What holds for all Purchases of an account while a transaction decides about them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::tz::TimeZone;
use purser_domain::AccountId;
use purser_domain::customer::Customers;
use purser_domain::period::Closed;
use purser_domain::replace::Rules;
use purser_store::accounts::{HostSettings, UnmappedCustomers};
use purser_store::ledger::CommitPolicy;
use purser_store::{Error, Result};
use sqlx::sqlite::SqliteExecutor;
use sqlx::{query, query_scalar};

use crate::error::failed;
use crate::values::{from_json, id};
use crate::{Write, customers};

/// What holds for all Purchases of an account. Read inside the transaction that uses it: a mapping or a closing that is
/// made meanwhile waits, and sees what that transaction wrote.
pub(crate) struct Book {
    /// The zone month borders follow.
    pub(crate) zone: TimeZone,
    /// Closed booked periods.
    pub(crate) closed: Closed,
    /// The customer mapping.
    pub(crate) customers: Arc<Customers>,
}

/// Customer mappings as commits last read them: a run commits thousands of partitions, and reads each mapping once.
///
/// **Invariant:** only transactions that change no mapping and no settings fill it. What they read was committed, so the
/// same version always is the same mapping; one that was rolled back is never in here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mappings(Arc<Mutex<HashMap<AccountId, Read>>>);

/// A mapping, and the version it was read at.
type Read = (Version, Arc<Customers>);

/// Newest row of the mapping, and newest revision of the settings.
type Version = (i64, i64);

impl Book {
    /// Reads it anew: for transactions that change any of it.
    pub(crate) async fn load(tx: &mut Write, account: AccountId, zone: &str) -> Result<Self> {
        let customers = Arc::new(mapping(tx, account).await?);
        Ok(Self { zone: parsed(zone)?, closed: closed(&mut **tx, account).await?, customers })
    }

    /// Reads what has changed since the last commit: for transactions that change none of it.
    pub(crate) async fn of_commit(
        tx: &mut Write,
        account: AccountId,
        zone: &str,
        known: &Mappings,
    ) -> Result<Self> {
        let row = query!(
            r#"SELECT (SELECT MAX(month) FROM closed_periods WHERE account = ?1) AS "closed: String",
                      (SELECT MAX(id) FROM customer_mappings WHERE account = ?1) AS "mapping: i64",
                      (SELECT MAX(revision) FROM settings WHERE account = ?1) AS "settings: i64""#,
            account.0
        );
        let row = row.fetch_one(&mut **tx).await.map_err(failed)?;
        let version = (row.mapping.unwrap_or_default(), row.settings.unwrap_or_default());
        let customers = match known.get(account, version) {
            Some(customers) => customers,
            None => known.put(account, version, mapping(tx, account).await?),
        };
        let closed = row.closed.map(|month| id(&month, "month")).transpose()?;
        Ok(Self { zone: parsed(zone)?, closed: closed.map_or_else(Closed::none, Closed::through), customers })
    }

    pub(crate) fn rules(&self, policy: &CommitPolicy) -> Rules<'_> {
        Rules { now: policy.now, zone: &self.zone, closed: &self.closed, customers: &self.customers }
    }
}

impl Mappings {
    fn get(&self, account: AccountId, version: Version) -> Option<Arc<Customers>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&account).filter(|(of, _)| *of == version).map(|(_, customers)| customers.clone())
    }

    fn put(&self, account: AccountId, version: Version, customers: Customers) -> Arc<Customers> {
        let customers = Arc::new(customers);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(account, (version, customers.clone()));
        customers
    }
}

fn parsed(zone: &str) -> Result<TimeZone> {
    TimeZone::get(zone).map_err(|_| Error::NotFound("time zone"))
}

/// The closed periods of an account.
pub(crate) async fn closed(from: impl SqliteExecutor<'_>, account: AccountId) -> Result<Closed> {
    let last = query_scalar!(
        r#"SELECT MAX(month) AS "month: String" FROM closed_periods WHERE account = ?"#,
        account.0
    );
    match last.fetch_one(from).await.map_err(failed)? {
        Some(month) => Ok(Closed::through(id(&month, "month")?)),
        None => Ok(Closed::none()),
    }
}

/// The newest settings: they hold for all Purchases at once, whatever settings a run is pinned to.
pub(crate) async fn settings(tx: &mut Write, account: AccountId) -> Result<HostSettings> {
    let settings = query_scalar!(
        "SELECT host FROM settings WHERE account = ? ORDER BY revision DESC LIMIT 1",
        account.0
    );
    match settings.fetch_optional(&mut **tx).await.map_err(failed)? {
        Some(settings) => from_json(&settings, "settings document"),
        None => Ok(HostSettings::default()),
    }
}

async fn mapping(tx: &mut Write, account: AccountId) -> Result<Customers> {
    let rows = customers::rows(&mut **tx, account).await?;
    let mappings = rows.iter().filter_map(|row| row.change.mapping());
    Ok(match settings(tx, account).await?.unmapped_customers {
        UnmappedCustomers::VendorId => Customers::by_vendor_id().with(mappings),
        UnmappedCustomers::Wait => mappings.collect(),
    })
}
