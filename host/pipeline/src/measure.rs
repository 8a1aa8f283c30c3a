//! The host's own count of what came in: records, and their raw amounts by the descriptor's pointers.
//!
//! This is deliberately not the plugin's reading: conservation means something only when two readers agree.

mod pick;

use std::borrow::Cow;
use std::ops::Range;

use purser_domain::{Decimal, Tally};
use purser_runtime::contract::manifest::{Feed, Framing};

pub use pick::Picker;

/// What one record measures: a currency and an amount, or a unit and a quantity, or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Measure(Option<(String, Decimal)>);

impl Measure {
    /// Money, or a quantity where there is no money: the one rule both sides of the balance follow.
    #[must_use]
    pub fn new(amount: Option<(&str, Decimal)>, quantity: Option<(&str, Decimal)>) -> Self {
        Self(match (amount, quantity) {
            (Some((currency, amount)), _) => Some((currency.to_owned(), amount)),
            (None, Some((unit, quantity))) => Some((format!("quantity:{unit}"), quantity)),
            (None, None) => None,
        })
    }

    /// Counts one more record in a tally.
    pub fn count_in(&self, tally: &mut Tally) {
        tally.records += 1;
        self.add_to(tally);
    }

    /// Adds the measure without counting a record.
    pub fn add_to(&self, tally: &mut Tally) {
        if let Some((measure, value)) = &self.0 {
            match tally.sums.get_mut(measure) {
                Some(sum) => *sum = &*sum + value,
                None => drop(tally.sums.insert(measure.clone(), value.clone())),
            }
        }
    }
}

/// Measures the records of one feed.
pub struct Measurer {
    amount: Picker,
    has_amount: bool,
    has_quantity: bool,
}

/// Slots of the picker, in the order their pointers are given to it.
const AMOUNT: usize = 0;
const CURRENCY: usize = 1;
const QUANTITY: usize = 2;
const UNIT: usize = 3;

impl Measurer {
    /// By the feed's pointers.
    #[must_use]
    pub fn new(feed: &Feed) -> Self {
        Self {
            amount: Picker::new(&[&feed.amount, &feed.currency, &feed.quantity, &feed.unit]),
            has_amount: !feed.amount.is_empty(),
            has_quantity: !feed.quantity.is_empty(),
        }
    }

    /// Whether Purchases of the feed are measured in money, where they have any.
    #[must_use]
    pub fn measures(&self) -> (bool, bool) {
        (self.has_amount, self.has_quantity)
    }

    /// The measures of a page's records, in order. A record that cannot be read measures nothing: the mapping must
    /// reject it.
    #[must_use]
    pub fn page(&self, framing: &Framing, page: &[u8], records: &[Range<usize>]) -> Vec<Measure> {
        match framing {
            Framing::Csv => self.rows(page),
            _ => records.iter().map(|range| self.json(page.get(range.clone()).unwrap_or_default())).collect(),
        }
    }

    fn json(&self, record: &[u8]) -> Measure {
        self.measure(self.amount.json(record))
    }

    fn rows(&self, page: &[u8]) -> Vec<Measure> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(page);
        let Ok(header) = reader.headers().cloned() else { return Vec::new() };
        let rows = reader.records().map(|row| match row {
            Ok(row) => self.measure(self.amount.row(&header, &row)),
            Err(_) => Measure::default(),
        });
        rows.collect()
    }

    fn measure(&self, picked: Vec<Option<Cow<'_, str>>>) -> Measure {
        let text = |slot: usize| picked.get(slot).and_then(|value| value.as_deref()).unwrap_or_default();
        let number = |slot: usize| text(slot).trim().parse::<Decimal>().ok();
        Measure::new(
            number(AMOUNT).map(|amount| (text(CURRENCY), amount)),
            number(QUANTITY).map(|quantity| (text(UNIT), quantity)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(amount: &[&str], quantity: &[&str]) -> Feed {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Feed {
            name: "usage".into(),
            title: String::new(),
            kind: purser_runtime::contract::manifest::FeedKind::Purchases,
            invoice: false,
            clouds: Vec::new(),
            partitioning: purser_runtime::contract::manifest::Partitioning::Scope,
            framing: Framing::Lines,
            gives: Vec::new(),
            needs: Vec::new(),
            amount: owned(amount),
            currency: owned(&["/Currency"]),
            quantity: owned(quantity),
            unit: owned(&["/resource/unit", "/unit"]),
            customer: Vec::new(),
        }
    }

    fn tally(feed: &Feed, framing: &Framing, page: &[u8]) -> Tally {
        let ranges = crate::framing::records(framing, page).unwrap();
        let mut tally = Tally::default();
        for measure in Measurer::new(feed).page(framing, page, &ranges) {
            measure.count_in(&mut tally);
        }
        tally
    }

    #[test]
    fn conservation_counts_numbers_and_strings_to_the_last_digit() {
        let page = b"{\"CURRENCY\":\"EUR\",\"cost\":0.1000000000000000000001}\n{\"cost\":\"-2\",\"currency\":\"EUR\"}\n{\"cost\":null}\nbroken\n";
        let tally = tally(&feed(&["/cost"], &[]), &Framing::Lines, page);
        assert_eq!(tally.records, 4);
        assert_eq!(tally.sums["EUR"].canonical(), "-1.8999999999999999999999");
    }

    #[test]
    fn conservation_falls_back_to_the_quantity_per_unit() {
        let page = br#"[{"quantity":1.5,"resource":{"unit":"GB"}},{"quantity":2,"unit":"h"},{"quantity":"0.5","resource":{"Unit":"GB"}}]"#;
        let tally = tally(&feed(&["/cost"], &["/quantity"]), &Framing::JsonItems(String::new()), page);
        assert_eq!(tally.sums["quantity:GB"].canonical(), "2");
        assert_eq!(tally.sums["quantity:h"].canonical(), "2");
    }

    #[test]
    fn conservation_reads_csv_by_its_header() {
        let page = b"Cost,Currency\n1.25,USD\n\"2\",USD\n";
        assert_eq!(tally(&feed(&["/cost"], &[]), &Framing::Csv, page).sums["USD"].canonical(), "3.25");
    }

    #[test]
    fn conservation_loses_no_digit_of_scientific_notation() {
        let page = b"Cost,Currency\n1.0000000000000000000001E-7,USD\n2E-7,USD\n";
        let tally = tally(&feed(&["/cost"], &[]), &Framing::Csv, page);
        assert_eq!(tally.sums["USD"].canonical(), "0.00000030000000000000000000001");
    }
}
