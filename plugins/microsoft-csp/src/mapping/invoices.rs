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
    let (id, value) = document(record)?;
    let amendments = Fields::read(&AMENDMENTS, record)?;
    let amendments = json::items(amendments.raw(0).unwrap_or("[]"))?;
    let amendments = amendments.into_iter().map(document).collect::<Result<Vec<_>, _>>()?;
    mapped.fact(fact("invoice", id.as_str(), &value));
    for (amendment, mut value) in amendments {
        if value["amendsOf"].as_str().is_none_or(str::is_empty) {
            value["amendsOf"] = id.as_str().into();
        }
        mapped.fact(fact("invoice", amendment, &value));
    }
    mapped.ignore(FACT_RULE, ordinal);
    Ok(())
}

fn document(record: &str) -> Result<(String, Value), String> {
    let document = Fields::read(&DOCUMENT, record)?;
    let text = |at: usize| document.text(at).map(|text| text.trim().to_owned());
    let id = text(0)?;
    if id.is_empty() {
        return Err("id is missing".to_owned());
    }
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
        "amendsOf": text(9)?,
    });
    Ok((id, value))
}
