//! Whatever a file holds: every row ends somewhere, and the Purchases cost what the chosen column says, by currency.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use proptest::prelude::*;
use purser_focus_csv::sources::{CURRENCY_COLUMNS, SOURCES, cost_columns};

use crate::support::{map, sums};

/// A cell of a cost: mostly a number, in any notation exports use.
fn cost() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?[0-9]{1,12}",
        "-?[0-9]{0,6}\\.[0-9]{1,20}",
        "-?[0-9]\\.[0-9]{1,15}[eE]-[0-9]{1,2}",
        "[0-9]{1,3}[eE]\\+?[0-9]",
        Just(String::new()),
        Just("n/a".to_owned()),
    ]
}

fn currency() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just("EUR".to_owned()), 4 => Just("USD".to_owned()), 1 => Just("credits".to_owned())]
}

proptest! {
    #[test]
    fn purchases_sum_to_the_chosen_column_and_no_row_is_lost(
        source in prop::sample::select(&SOURCES[..]),
        rows in prop::collection::vec((cost(), cost(), currency(), "[a-c]", "[a-z ,\"\n]{0,8}"), 0..30),
    ) {
        let (cost, currency) = (cost_columns(source.feed)[0], CURRENCY_COLUMNS[0]);
        let mut file = csv::Writer::from_writer(Vec::new());
        file.write_record(["Other", cost, "Tags", currency, "SkuId", "ChargePeriodStart", "start",
            "lineItem/UsageStartDate", "usage_start_time"]).unwrap();
        let day = "2026-11-02T00:00:00Z";
        for (chosen, other, currency, sku, text) in &rows {
            file.write_record([other, chosen, text, currency, sku, day, day, day, day]).unwrap();
        }
        let text = String::from_utf8(file.into_inner().unwrap()).unwrap();
        let mapped = map(source.id, "", &text);

        let mut seen: Vec<u32> = mapped.purchases.iter().flat_map(|it| it.records.clone()).collect();
        seen.extend(mapped.rejected.iter().map(|(ordinal, _)| *ordinal));
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..u32::try_from(rows.len()).unwrap()).collect::<Vec<_>>());

        let mut expected: BTreeMap<String, BigDecimal> = BTreeMap::new();
        for (chosen, _, currency, ..) in rows.iter().filter(|row| row.2 != "credits") {
            if let Ok(cost) = chosen.parse::<BigDecimal>() {
                *expected.entry(currency.clone()).or_default() += cost;
            }
        }
        prop_assert_eq!(sums(&mapped.purchases), expected);
    }
}
