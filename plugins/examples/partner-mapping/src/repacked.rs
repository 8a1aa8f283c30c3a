//! A mapping's result as it was read, to be given on.

use purser_plugin_sdk::mapping::{Amount, Mapped, Purchase};
use purser_plugin_sdk::unpack::{Unpacked, UnpackedPurchase};

/// Everything of it, in its order.
pub fn repacked(read: &Unpacked) -> Mapped {
    let mut mapped = Mapped::default();
    for it in &read.purchases {
        mapped.purchase(&purchase(it), &it.records);
    }
    for line in &read.covered {
        let (rule, billed_by) = (line.field("tier-group"), line.field("tier-key"));
        line.records.iter().for_each(|record| mapped.covered(&purchase(line), rule, billed_by, *record));
    }
    // Records of covered lines stand among the ignored ones as well, as the host counts them.
    let is_covered = |record: &u32| read.covered.iter().any(|line| line.records.contains(record));
    for (rule, records) in &read.ignored {
        records.iter().filter(|record| !is_covered(record)).for_each(|record| mapped.ignore(rule, *record));
    }
    read.rejected.iter().for_each(|(record, reason)| mapped.reject(*record, reason));
    read.facts.iter().for_each(|fact| mapped.fact(fact.clone()));
    mapped
}

fn purchase(it: &UnpackedPurchase) -> Purchase<'_> {
    let text = |name: &str| it.field(name).into();
    Purchase {
        reference: text("reference"),
        vendor_customer: text("vendor-customer"),
        vendor_subscription: text("vendor-subscription"),
        product_key: text("product-key"),
        product_text: text("product-text"),
        category: text("category"),
        quantity: text("quantity"),
        unit: text("unit"),
        unit_price: text("unit-price"),
        unit_price_currency: text("unit-price-currency"),
        cost: text("cost"),
        currency: text("currency"),
        exchange_rate: text("exchange-rate"),
        start: text("start"),
        end: text("end"),
        amount: match it.field("amount") {
            "tiered" => Amount::Tiered { group: text("tier-group"), key: text("tier-key") },
            "given" => Amount::Given,
            _ => Amount::None,
        },
        metadata: it.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str().into())).collect(),
    }
}
