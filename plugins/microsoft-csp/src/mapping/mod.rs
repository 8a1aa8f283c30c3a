//! Records to Purchases, per feed. Pure: the same page in the same context gives the same Purchases for ever.

mod customers;
mod invoices;
mod licences;
mod rated_usage;
mod reconciliation;
mod utilization;

use purser_plugin_sdk::mapping::{Mapped, PageContext};
use purser_plugin_sdk::page;
use purser_plugin_sdk::types::{Fact, Problem};

use crate::manifest::feeds;
use crate::settings::Settings;

/// Records that only tell later feeds something.
const FACT_RULE: &str = "fact";

/// Maps a page.
pub fn map(context: &PageContext, page: &[u8]) -> Result<Mapped, Problem> {
    let records = page::records(&context.framing, page)?;
    match context.feed.as_str() {
        feeds::CUSTOMERS => Ok(each(&records, customers::record)),
        feeds::LICENCES => {
            let snapshot = licences::Snapshot::of(context, Settings::read(&context.run.settings)?)?;
            Ok(each(&records, |mapped, ordinal, record| snapshot.record(mapped, ordinal, record)))
        }
        feeds::UTILIZATION => {
            let report = utilization::Report::of(context, &Settings::read(&context.run.settings)?);
            Ok(each(&records, |mapped, ordinal, record| report.record(mapped, ordinal, record)))
        }
        feeds::RATED_USAGE => Ok(each(&records, rated_usage::record)),
        feeds::RECONCILIATION => {
            let billing = reconciliation::Billing::of(context, Settings::read(&context.run.settings)?);
            Ok(each(&records, |mapped, ordinal, record| billing.record(mapped, ordinal, record)))
        }
        feeds::INVOICES => Ok(each(&records, invoices::record)),
        other => Err(Problem::Bug(format!("the feed {other:?} is not mapped"))),
    }
}

/// A record that cannot be read is set aside with its reason; the others go on.
fn each(records: &[&str], read: impl Fn(&mut Mapped, u32, &str) -> Result<(), String>) -> Mapped {
    let mut mapped = Mapped::default();
    for (ordinal, record) in (0..).zip(records) {
        if let Err(reason) = read(&mut mapped, ordinal, record) {
            mapped.reject(ordinal, reason);
        }
    }
    mapped
}

/// What the catalogue is asked for.
fn product_fact(key: String, product: &str, sku: &str) -> Option<Fact> {
    let is_asked = !product.is_empty() && !sku.is_empty();
    is_asked.then(|| fact("product", key, &serde_json::json!({ "product": product, "sku": sku })))
}

fn fact(kind: &str, key: impl Into<String>, value: &serde_json::Value) -> Fact {
    Fact { kind: kind.to_owned(), key: key.into(), value: value.to_string() }
}
