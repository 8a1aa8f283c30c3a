//! Lies about amounts and references, which only the host's own count and the commit can see.

use std::collections::BTreeMap;

use bytes::Bytes;
use purser_domain::{Cast, Contribution, Decimal};
use purser_pipeline::framing::Cut;
use purser_pipeline::mapping::map_page;

use crate::components::{Cell, page, tight};
use crate::guests::fails;
use crate::house::{House, Plan};
use crate::vendor::GOOD;
use crate::wait;

const WRONG: &str = r#"{"amount":"1","currency":"EUR","do":"wrong-amount"}"#;

pub fn wrong_amount(code: &'static str) {
    let (_, outcome) = fails(Plan::of("records"), WRONG, code);
    let told = outcome.report.notes.iter().find(|note| note.code == code).unwrap();
    assert!(told.what.contains('3') && told.what.contains('4'), "the difference is shown: {told:?}");
}

/// What a page of these records contributes, as the commit gets it.
fn contributions(records: &[&str]) -> Vec<Contribution> {
    let plugin = Cell::with(tight()).plugin;
    let feed = plugin.descriptor().feeds.iter().find(|feed| feed.name == "records").unwrap().clone();
    let bytes = Bytes::from(records.join("\n") + "\n");
    let cut = Cut { bytes, records: u32::try_from(records.len()).unwrap() };
    map_page(&Cast::one(plugin), &feed, &page("records"), &cut, &|_| None).unwrap().contributions
}

fn total<'a>(contributions: impl IntoIterator<Item = &'a Contribution>) -> String {
    let costs = contributions.into_iter().filter_map(|said| said.cost.clone());
    costs.fold(Decimal::zero(), |sum, cost| &sum + &cost).canonical()
}

/// Before the balance is compared, the lie is what would be committed.
pub fn charges_wrong() {
    assert_eq!(total(&contributions(&[GOOD, WRONG, GOOD])), "4", "the vendor said 3");
}

/// Equal references are summed by record: nothing is lost, and each record is evidence.
pub fn duplicates(_: &'static str) {
    wait(async {
        let house = House::with(Plan::of("records")).await;
        let outcome = house.attack(&crate::house::good()).await;
        assert_eq!(outcome.rows, ["3 3 EUR"], "{:?}", outcome.report);
        assert_eq!(outcome.report.balance.purchased.records, 3);
    });
}

/// A store that keeps one row a reference, and no sum, keeps the last.
pub fn last_one_wins() {
    let contributions = contributions(&[GOOD, GOOD, GOOD]);
    let rows: BTreeMap<_, _> = contributions.iter().map(|said| (&said.reference, said)).collect();
    assert_eq!((total(&contributions).as_str(), total(rows.into_values()).as_str()), ("3", "1"));
}

pub fn repeats(code: &'static str) {
    wait(async {
        let house = House::with(Plan::of("repeat")).await;
        let outcome = house.attack(&crate::house::good()).await;
        assert!(outcome.codes().contains(&code.to_owned()), "{:?}", outcome.report);
        assert_eq!(outcome.rows, Vec::<String>::new());
    });
}

/// Two pages of one partition add up; the same page twice would too.
pub fn charges_a_page_twice() {
    let page = contributions(&[GOOD, GOOD, GOOD]);
    assert_eq!(total(page.iter().chain(&page)), "6", "the vendor said 3");
}
