//! Customers: facts by tenant. No money.

use purser_plugin_sdk::json::{Fields, Names};
use purser_plugin_sdk::mapping::Mapped;
use serde_json::json;

use super::{FACT_RULE, fact};
use crate::ids;

const CUSTOMER: Names<4> = [&["id"], &["companyProfile"], &["relationshipToPartner"], &["billingProfile"]];
const COMPANY: Names<3> = [&["tenantId"], &["domain"], &["companyName"]];
const BILLING: Names<2> = [&["culture"], &["defaultAddress"]];
const ADDRESS: Names<1> = [&["country"]];

pub fn record(mapped: &mut Mapped, ordinal: u32, record: &str) -> Result<(), String> {
    let customer = Fields::read(&CUSTOMER, record)?;
    let company = customer.object(1, &COMPANY)?;
    let billing = customer.object(3, &BILLING)?;
    let address = billing.object(1, &ADDRESS)?;
    let id = customer.text(0)?;
    if id.trim().is_empty() {
        return Err("id is missing".to_owned());
    }
    let mut value = json!({
        "name": company.text(2)?.trim(),
        "domain": company.text(1)?.trim(),
        "relationship": customer.text(2)?.trim(),
    });
    if let Some(members) = value.as_object_mut() {
        for (name, text) in [("culture", billing.text(0)?), ("country", address.text(0)?)] {
            if !text.trim().is_empty() {
                members.insert(name.to_owned(), text.trim().into());
            }
        }
    }
    mapped.fact(fact("customer", ids::id(&id), &value));
    mapped.ignore(FACT_RULE, ordinal);
    Ok(())
}
