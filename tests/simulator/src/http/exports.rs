//! What a Graph export gives: usage or reconciliation, of an open month or of an invoice.

use axum::body::Bytes;
use jiff::civil::Date;
use serde::Deserialize;

use super::answer::{Refusal, nested};
use crate::billing::Scope;
use crate::billing::invoices::{self, Invoice};
use crate::calendar::{month, month_start};
use crate::cloud::Cloud;
use crate::world::World;

/// Which lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// Daily rated usage.
    Usage,
    /// Charges.
    Reconciliation,
}

/// What an export gives, as of the day it was ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dataset {
    pub(crate) what: What,
    pub(crate) scope: Scope,
    /// The invoice; none of an open month.
    pub(crate) invoice: Option<Invoice>,
    pub(crate) full: bool,
    pub(crate) empty: bool,
    /// Nothing of the month is unbilled any more.
    pub(crate) closed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unbilled {
    currency_code: String,
    billing_period: String,
    attribute_set: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Billed {
    invoice_id: String,
    attribute_set: Option<String>,
}

impl Dataset {
    /// Of an open month, by currency and period.
    pub(crate) fn unbilled(cloud: &Cloud, what: What, body: &Bytes) -> Result<Self, Refusal> {
        let order: Unbilled = serde_json::from_slice(body)
            .map_err(|_| nested(400, "BadRequest", "currencyCode and billingPeriod are required."))?;
        let today = cloud.today();
        let months = match order.billing_period.to_lowercase().as_str() {
            "current" => 0,
            "last" => -1,
            _ => return Err(nested(400, "BadRequest", "billingPeriod is current or last.")),
        };
        let month = month_start(today, months);
        let late = cloud.fault(|f| f.late_usage);
        Ok(Self {
            what,
            scope: Scope::new(&order.currency_code.to_uppercase(), month, today, late),
            invoice: None,
            full: is_full(order.attribute_set.as_deref())?,
            empty: cloud.fault(|f| f.vanish_all),
            closed: invoices::is_billed(&cloud.world, month, today),
        })
    }

    /// Of an invoice or credit document that is out.
    pub(crate) fn billed(cloud: &Cloud, what: What, body: &Bytes) -> Result<Self, Refusal> {
        let order: Billed =
            serde_json::from_slice(body).map_err(|_| nested(400, "BadRequest", "invoiceId is required."))?;
        let full = is_full(order.attribute_set.as_deref())?;
        let invoice = invoices::find(&cloud.world, cloud.today(), order.invoice_id.trim())
            .ok_or_else(|| nested(404, "NotFound", "There is no such invoice."))?;
        Ok(Self {
            what,
            scope: Scope::billed(invoice.currency, invoice.month, cloud.fault(|f| f.late_usage)),
            invoice: Some(invoice),
            full,
            empty: cloud.fault(|f| f.vanish_all),
            closed: false,
        })
    }

    pub(crate) fn is_euro(&self) -> bool {
        self.scope.currency == "EUR"
    }

    /// `unbilled/EUR/2026-11/2026-11-23/full`, `recon-billed/G024000821/full`, with marks for what is switched.
    pub(crate) fn folder(&self) -> String {
        let set = if self.full { "full" } else { "basic" };
        let calm = if self.scope.late { "" } else { "-calm" };
        let empty = if self.empty { "-empty" } else { "" };
        let kind = match self.what {
            What::Usage => "",
            What::Reconciliation => "recon-",
        };
        let place = match &self.invoice {
            Some(invoice) => format!("billed/{}", invoice.id),
            None => {
                let Scope { currency, month: first, as_of, .. } = &self.scope;
                format!("unbilled/{currency}/{}/{as_of}", month(*first))
            }
        };
        format!("{kind}{place}/{set}{calm}{empty}")
    }

    /// The data set of a folder that was handed out.
    pub(crate) fn parse(world: &World, today: Date, folder: &str) -> Option<Self> {
        let (what, rest) = match folder.strip_prefix("recon-") {
            Some(rest) => (What::Reconciliation, rest),
            None => (What::Usage, folder),
        };
        let (place, set) = rest.rsplit_once('/')?;
        let late = !set.contains("-calm");
        let (scope, invoice) = match place.strip_prefix("billed/") {
            Some(id) => {
                let invoice = invoices::find(world, today, id)?;
                (Scope::billed(invoice.currency, invoice.month, late), Some(invoice))
            }
            None => {
                let mut parts = place.strip_prefix("unbilled/")?.split('/');
                let (currency, month, as_of) = (parts.next()?, parts.next()?, parts.next()?.parse().ok()?);
                let month: Date = format!("{month}-01").parse().ok()?;
                (Scope::new(currency, month, as_of, late), None)
            }
        };
        let full = set.starts_with("full");
        Some(Self { what, scope, invoice, full, empty: set.contains("-empty"), closed: false })
    }
}

fn is_full(set: Option<&str>) -> Result<bool, Refusal> {
    match set.unwrap_or("full") {
        "full" => Ok(true),
        "basic" => Ok(false),
        _ => Err(nested(400, "BadRequest", "attributeSet is full or basic.")),
    }
}
