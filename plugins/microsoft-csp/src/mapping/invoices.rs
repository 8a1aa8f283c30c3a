//! Invoices and credit notes: a fact each, those that amend one as well. No money: their lines have it.

use purser_plugin_sdk::json::{self, Fields, Names};
use purser_plugin_sdk::mapping::Mapped;
use serde_json::{Value, json};

use super::{FACT_RULE, fact};

const DOCUMENT: Names<10> = [
    &["id"],
    &["invoiceDate"],
    &["billingPeriodStartDate"],
    &["billingPeriodEndDate"],
    &["totalCharges"],
    &["paidAmount"],
    &["currencyCode"],
    &["documentType"],
    &["invoiceType"],
    &["amendsOf"],
];
const AMENDMENTS: Names<1> = [&["amendments"]];

pub fn record(mapped: &mut Mapped, ordinal: u32, record: &str) -> Result<(), String> {
    let (id, value) = document(record, "")?;
    let amendments = Fields::read(&AMENDMENTS, record)?;
    let amendments = json::items(amendments.raw(0).unwrap_or("[]"))?;
    let amendments =
        amendments.into_iter().map(|record| document(record, &id)).collect::<Result<Vec<_>, _>>()?;
    mapped.fact(fact("invoice", id.as_str(), &value));
    for (amendment, value) in amendments {
        mapped.fact(fact("invoice", amendment, &value));
    }
    mapped.ignore(FACT_RULE, ordinal);
    Ok(())
}

/// A document's number and fact; `amended` is the invoice it stands under, which it need not name itself.
fn document(record: &str, amended: &str) -> Result<(String, Value), String> {
    let document = Fields::read(&DOCUMENT, record)?;
    let text = |at: usize| document.text(at).map(|text| text.trim().to_owned());
    let id = text(0)?;
    if id.is_empty() {
        return Err("id is missing".to_owned());
    }
    let named = text(9)?;
    let value = json!({
        "id": id,
        "date": document.moment(1)?.text(),
        "periodStart": document.moment(2)?.text(),
        "periodEnd": document.moment(3)?.text(),
        "total": document.decimal(4)?,
        "paid": document.decimal(5)?,
        "currency": text(6)?.to_ascii_uppercase(),
        "documentType": text(7)?.to_ascii_lowercase(),
        "type": text(8)?.to_ascii_lowercase(),
        "amendsOf": if named.is_empty() { amended } else { &named },
    });
    Ok((id, value))
}
