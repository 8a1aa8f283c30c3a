//! What holds for all Purchases of an account while a transaction decides about them.

use jiff::tz::TimeZone;
use purser_domain::AccountId;
use purser_domain::customer::Customers;
use purser_domain::period::Closed;
use purser_domain::replace::Rules;
use purser_store::accounts::{HostSettings, UnmappedCustomers};
use purser_store::ledger::CommitPolicy;
use purser_store::{Error, Result};
use sqlx::query_scalar;

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
    pub(crate) customers: Customers,
}

impl Book {
    pub(crate) async fn load(tx: &mut Write, account: AccountId, zone: &str) -> Result<Self> {
        let zone = TimeZone::get(zone).map_err(|_| Error::NotFound("time zone"))?;
        Ok(Self { zone, closed: closed(tx, account).await?, customers: mapping(tx, account).await? })
    }

    pub(crate) fn rules(&self, policy: &CommitPolicy) -> Rules<'_> {
        Rules { now: policy.now, zone: &self.zone, closed: &self.closed, customers: &self.customers }
    }
}

/// The closed periods of an account.
pub(crate) async fn closed(tx: &mut Write, account: AccountId) -> Result<Closed> {
    let last = query_scalar!(
        r#"SELECT MAX(month) AS "month: String" FROM closed_periods WHERE account = ?"#,
        account.0
    );
    match last.fetch_one(&mut **tx).await.map_err(failed)? {
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
    let rows = customers::rows(tx, account).await?;
    let mappings = rows.iter().filter_map(|row| row.change.mapping());
    Ok(match settings(tx, account).await?.unmapped_customers {
        UnmappedCustomers::VendorId => Customers::by_vendor_id().with(mappings),
        UnmappedCustomers::Wait => mappings.collect(),
    })
}
