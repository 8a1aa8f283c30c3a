//! The list of invoices as the month-wise feeds read it: which document bills which month in which currency.

use std::borrow::Cow;

use purser_plugin_sdk::json;
use serde::{Deserialize, Serialize};

use super::months;

/// A document of new commerce.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Document {
    pub id: String,
    /// That it bills, or corrects.
    pub month: String,
    pub currency: String,
    /// An adjustment or void note, which stands beside the month's invoices.
    pub is_credit: bool,
}

/// The documents of a page, those that amend others as well.
pub fn read(page: &str) -> Result<Vec<Document>, String> {
    let items = json::find(page, "/items")?.ok_or("the answer has no array at /items")?;
    let mut documents = Vec::new();
    for item in json::items(items)? {
        documents.extend(document(item, None));
        let amendments = json::find(item, "/amendments")?.unwrap_or("[]");
        documents.extend(
            json::items(amendments)?.into_iter().filter_map(|amendment| document(amendment, Some(item))),
        );
    }
    Ok(documents)
}

/// How many documents the page lists at its first level: what paging counts by.
pub fn count(page: &str) -> u32 {
    let items = json::find(page, "/items").ok().flatten().unwrap_or("[]");
    json::items(items).map_or(0, |items| u32::try_from(items.len()).unwrap_or(u32::MAX))
}

/// None for the documents before new commerce, whose lines are no exports.
fn document(item: &str, amended: Option<&str>) -> Option<Document> {
    let text = |pointer: &str| {
        let own = json::find_text(item, pointer);
        match amended {
            Some(amended) if own.trim().is_empty() => json::find_text(amended, pointer),
            _ => own,
        }
    };
    let id = json::find_text(item, "/id").trim().to_owned();
    let kind = json::find_text(item, "/documentType").trim().to_ascii_lowercase();
    if id.is_empty() || !is_modern(&id, &text("/invoiceType")) {
        return None;
    }
    Some(Document {
        id,
        month: month(&text("/billingPeriodStartDate"), &text("/invoiceDate"))?,
        currency: text("/currencyCode").trim().to_ascii_uppercase(),
        is_credit: amended.is_some() || !matches!(kind.as_str(), "invoice" | ""),
    })
}

/// Ids of new commerce begin with `G`, older ones with `D`; of any other the type tells.
fn is_modern(id: &str, kind: &str) -> bool {
    match id.as_bytes().first() {
        Some(b'G' | b'g') => true,
        Some(b'D' | b'd') => false,
        _ => !kind.trim().eq_ignore_ascii_case("recurring"),
    }
}

/// The month of the billing period; where it is not told, the one before the date: an invoice follows its month.
fn month(period_start: &str, date: &str) -> Option<String> {
    let day =
        |text: &str| text.trim().get(..10).map(ToOwned::to_owned).filter(|day| !day.starts_with("0001"));
    match day(period_start) {
        Some(start) => Some(start.get(..7)?.to_owned()),
        None => months::before(&day(date)?),
    }
}

/// The currencies of documents that the settings do not name.
pub fn unnamed<'d>(documents: &'d [Document], named: &[String]) -> Vec<Cow<'d, str>> {
    let mut currencies: Vec<Cow<'d, str>> = documents
        .iter()
        .filter(|document| !document.currency.is_empty() && !named.contains(&document.currency))
        .map(|document| Cow::Borrowed(document.currency.as_str()))
        .collect();
    currencies.sort();
    currencies.dedup();
    currencies
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(items: &serde_json::Value) -> Vec<(String, String, bool)> {
        let page = serde_json::json!({ "items": items }).to_string();
        read(&page).unwrap().into_iter().map(|it| (it.id, it.month, it.is_credit)).collect()
    }

    #[test]
    fn documents_tell_their_month_and_whether_they_correct_one() {
        let items = serde_json::json!([
            { "id": "G1", "invoiceDate": "2026-11-08T00:00:00Z", "billingPeriodStartDate": "2026-10-01T00:00:00Z",
              "documentType": "invoice", "invoiceType": "OneTime", "currencyCode": "eur",
              "amendments": [{ "id": "G2", "invoiceDate": "2026-11-09T00:00:00Z", "documentType": "adjustment_note" }] },
            { "id": "G3", "invoiceDate": "2026-11-08T01:22:47.603895Z", "documentType": "void_note", "currencyCode": "EUR" },
            { "id": "D4", "invoiceDate": "2026-11-08T00:00:00Z", "documentType": "invoice", "invoiceType": "Recurring" },
            { "id": "T5", "invoiceDate": "2026-01-03T00:00:00Z", "billingPeriodStartDate": "0001-01-01T00:00:00",
              "documentType": "Credit Note" },
            { "id": "" },
        ]);
        let expected = [
            ("G1", "2026-10", false),
            ("G2", "2026-10", true),
            ("G3", "2026-10", true),
            ("T5", "2025-12", true),
        ];
        assert_eq!(
            listed(&items),
            expected.map(|(id, month, credit)| (id.to_owned(), month.to_owned(), credit))
        );
    }
}
