//! For any page: exact, complete, and the same whatever the order of its records.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use proptest::prelude::*;
use purser_plugin_sdk::unpack::Unpacked;

use crate::support::*;

/// A line with a quantity of many digits; sometimes a string, sometimes unreadable.
fn line() -> impl Strategy<Value = (String, Option<BigDecimal>)> {
    (0..4_u8, 1..29_u8, any::<i64>(), 0..18_i64, 0..8_u8).prop_map(|(meter, day, digits, scale, form)| {
        let exact = BigDecimal::new(digits.into(), scale);
        let cost = match form {
            0 => "\"much\"".to_owned(),
            1..4 => format!("\"{}\"", exact.to_plain_string()),
            4 => format!("{digits}e-{scale}"),
            _ => exact.to_plain_string(),
        };
        let text = format!(
            r#"{{"usageDate":"2026-11-{day:02}T00:00:00","METERID":"m{meter}","quantity":1,"BillingPreTaxTotal":{cost},"billingCurrency":"EUR"}}"#
        );
        (text, (form != 0).then_some(exact))
    })
}

fn by_reference(mapped: &Unpacked) -> BTreeMap<String, BigDecimal> {
    let mut sums = BTreeMap::new();
    for purchase in &mapped.purchases {
        let cost: BigDecimal = purchase.field("cost").parse().unwrap();
        *sums.entry(purchase.field("reference").to_owned()).or_default() += cost;
    }
    sums
}

proptest! {
    #[test]
    fn mapping_is_exact_complete_and_independent_of_order(lines in prop::collection::vec(line(), 0..40)) {
        let texts: Vec<_> = lines.iter().map(|(text, _)| text.as_str()).collect();
        let mapped = map(page("rated-usage"), &texts.join("\n"));
        let given: BigDecimal = lines.iter().filter_map(|(_, cost)| cost.as_ref()).sum();
        prop_assert_eq!(by_reference(&mapped).values().sum::<BigDecimal>(), given);

        let mut seen: Vec<_> = mapped.purchases.iter().flat_map(|p| p.records.clone()).collect();
        seen.extend(mapped.rejected.iter().map(|(ordinal, _)| *ordinal));
        seen.sort_unstable();
        let all: Vec<_> = (0..u32::try_from(lines.len()).unwrap()).collect();
        prop_assert_eq!(seen, all);

        let reversed: Vec<_> = texts.iter().rev().copied().collect();
        prop_assert_eq!(by_reference(&map(page("rated-usage"), &reversed.join("\n"))), by_reference(&mapped));
    }

    #[test]
    fn no_page_makes_the_mapping_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,200}") {
        use purser_plugin_sdk::Connector;
        for feed in ["customers", "licences", "utilization", "rated-usage", "reconciliation", "invoices"] {
            drop(purser_microsoft_csp::MicrosoftCsp::map(&page(feed), &bytes));
            drop(purser_microsoft_csp::MicrosoftCsp::map(&page(feed), text.as_bytes()));
        }
        for feed in ["rate-card", "catalogue"] {
            drop(purser_microsoft_csp::MicrosoftCsp::products(&page(feed), text.as_bytes()));
        }
    }
}
