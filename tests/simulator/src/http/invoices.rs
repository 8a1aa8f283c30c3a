//! `invoices`: every modern invoice and credit document that is out, in one answer: `size` and `offset` do not count for
//! these. A credit document is listed by itself *and* among the `amendments` of its invoice.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal, fault, json_body, query_of, value_of};
use super::gate::{self, Need};
use super::partner_center::collection;
use crate::billing::invoices::{self, Invoice};
use crate::billing::ledger::total;
use crate::calendar::month_end;
use crate::cloud::Cloud;

pub(super) async fn list(
    State(cloud): State<Arc<Cloud>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    gate::partner_center(&cloud, &headers, Need::Billing)?;
    let query = query_of(query.as_deref());
    let wanted = value_of(&query, "filter").map(Filter::read).transpose()?;
    let gone = cloud.fault(|f| f.vanish_all);
    let all = invoices::out_on(&cloud.world, cloud.today());
    let wanted = all.iter().filter(|i| !gone && wanted.as_ref().is_none_or(|filter| filter.takes(i.out)));
    let items: Vec<_> = wanted.map(|invoice| item(&cloud, &all, invoice).to_string()).collect();
    Ok(json_body(collection(&items.join(","), items.len(), "/invoices?size=200&offset=0", None)))
}

pub(super) async fn by_id(
    State(cloud): State<Arc<Cloud>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    gate::partner_center(&cloud, &headers, Need::Billing)?;
    let all = invoices::out_on(&cloud.world, cloud.today());
    let invoice = all.iter().find(|invoice| invoice.id.eq_ignore_ascii_case(&id));
    let invoice = invoice.ok_or_else(|| fault(404, "1000", "There is no such invoice.", &[]))?;
    let mut item = item(&cloud, &all, invoice);
    // The document's address is given here only, for half an hour.
    if let Some(members) = item.as_object_mut() {
        let link = format!(
            "{}/blobs/documents/{}.pdf?se={}",
            cloud.base,
            invoice.id,
            cloud.now().as_second() + 1_800
        );
        members.insert("pdfDownloadLink".into(), json!(link));
    }
    Ok(json_body(item.to_string()))
}

fn item(cloud: &Cloud, all: &[Invoice], invoice: &Invoice) -> Value {
    let mut item = bare(cloud, invoice);
    let amendments: Vec<_> =
        all.iter().filter(|i| i.amends.as_deref() == Some(&*invoice.id)).map(|i| bare(cloud, i)).collect();
    if let (false, Some(members)) = (amendments.is_empty(), item.as_object_mut()) {
        members.insert("amendments".into(), json!(amendments));
    }
    item
}

fn bare(cloud: &Cloud, invoice: &Invoice) -> Value {
    let charges = cloud.books.of_invoice(&cloud.world, invoice, cloud.fault(|f| f.late_usage));
    let total = total(&charges).to_string();
    let odd = invoice.month.month() % 2 == 1;
    let mut item = json!({
        "id": invoice.id,
        "invoiceDate": format!("{}{}", invoice.out, if odd { "T00:00:00Z" } else { "T01:22:47.603895Z" }),
        "billingPeriodStartDate": format!("{}T00:00:00", invoice.month),
        "billingPeriodEndDate": format!("{}{}", month_end(invoice.month), if odd { "T00:00:00Z" } else { "T23:59:59.9990000Z" }),
        "totalCharges": number(&total, invoice.currency == "USD"),
        "paidAmount": 0,
        "currencyCode": invoice.currency,
        "currencySymbol": invoice.symbol,
        "pdfDownloadLink": format!("/invoices/{}/documents/statement", invoice.id),
        "taxReceipts": [],
        "invoiceDetails": [details(invoice, "billing_line_items", "BillingLineItems"), details(invoice, "usage_line_items", "UsageLineItems")],
        "documentType": invoice.document,
        "invoiceType": "OneTime",
        "links": link(format!("/invoices/OneTime-{}", invoice.id)),
        "attributes": { "objectType": "Invoice" }
    });
    if let (Some(amended), Some(members)) = (&invoice.amends, item.as_object_mut()) {
        members.insert("amendsOf".into(), json!(amended));
    }
    item
}

/// The digits as they are: a number, or the same as a text.
fn number(digits: &str, as_text: bool) -> Value {
    let number = serde_json::from_str::<serde_json::Number>(digits);
    if as_text { json!(digits) } else { number.map_or(Value::Null, Value::Number) }
}

fn details(invoice: &Invoice, kind: &str, path: &str) -> Value {
    json!({
        "invoiceLineItemType": kind,
        "billingProvider": "one_time",
        "links": link(format!("/invoices/OneTime-{}/lineitems/OneTime/{path}", invoice.id)),
        "attributes": { "objectType": "InvoiceDetail" }
    })
}

fn link(uri: String) -> Value {
    json!({ "self": { "uri": uri, "method": "GET", "headers": [] } })
}

/// A condition on the invoice's date.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Filter {
    Both(Box<Self>, Box<Self>),
    Either(Box<Self>, Box<Self>),
    Compare(&'static str, Date),
}

/// Operators that compare, as they are written.
const OPERATORS: [&str; 5] =
    ["equals", "greater_than", "greater_than_or_equals", "less_than", "less_than_or_equals"];

impl Filter {
    fn read(text: &str) -> Result<Self, Refusal> {
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        Self::of(&value).ok_or_else(|| {
            fault(400, "2000", "The filter compares InvoiceDate, with and or or.", &["filter"])
        })
    }

    fn of(value: &Value) -> Option<Self> {
        let operator = value.get("Operator")?.as_str()?.to_lowercase();
        let side = |name: &str| Some(Box::new(Self::of(value.get(name)?)?));
        match operator.as_str() {
            "and" => Some(Self::Both(side("LeftFilter")?, side("RightFilter")?)),
            "or" => Some(Self::Either(side("LeftFilter")?, side("RightFilter")?)),
            _ => {
                let operator = *OPERATORS.iter().find(|known| **known == operator)?;
                let is_date = value.get("Field")?.as_str()?.eq_ignore_ascii_case("InvoiceDate");
                let day = value.get("Value")?.as_str()?.get(..10)?.parse().ok()?;
                is_date.then_some(Self::Compare(operator, day))
            }
        }
    }

    fn takes(&self, day: Date) -> bool {
        match self {
            Self::Both(left, right) => left.takes(day) && right.takes(day),
            Self::Either(left, right) => left.takes(day) || right.takes(day),
            Self::Compare("equals", value) => day == *value,
            Self::Compare("greater_than", value) => day > *value,
            Self::Compare("greater_than_or_equals", value) => day >= *value,
            Self::Compare("less_than", value) => day < *value,
            Self::Compare(_, value) => day <= *value,
        }
    }
}
