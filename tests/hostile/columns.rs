//! Columns that break the contract, and what a host would read that took them as they are.

use crate::components::{Cell, tight};
use crate::guests::fails;
use crate::house::Plan;
use crate::vendor::GOOD;

fn refused(verb: &str, code: &str) {
    let record = format!("{{\"amount\":\"1\",\"currency\":\"EUR\",\"do\":\"{verb}\"}}");
    fails(Plan::of("records"), &record, code);
    let cell = Cell::with(tight());
    assert_eq!(cell.code(&[GOOD, &record]), code);
    assert_eq!(cell.code(&[GOOD, GOOD]), "ok", "and the next call works");
}

pub fn wrong_counts(code: &'static str) {
    refused("wrong-counts", code);
}

pub fn shifted(code: &'static str) {
    refused("shifted", code);
}

pub fn not_utf8(code: &'static str) {
    refused("not-utf8", code);
}

pub fn twice(code: &'static str) {
    refused("twice", code);
}

pub fn missing(code: &'static str) {
    refused("missing", code);
}

pub fn far_ordinal(code: &'static str) {
    refused("far-ordinal", code);
}

pub fn invented(code: &'static str) {
    refused("invented", code);
}

/// Reads columns as a host would that trusts them: reference, cost and records of each purchase.
fn trusting(text: &[u8], counts: &[u32]) -> Vec<(String, String, Vec<u32>)> {
    let text = String::from_utf8_lossy(text);
    let strings: Vec<&str> = text.split_terminator('\0').collect();
    let (mut at, mut purchases) = (1, Vec::new());
    for number in 0..counts[0] as usize {
        let records = counts[at + 1] as usize;
        let field = |field: usize| strings.get(number * 18 + field).copied().unwrap_or_default().to_owned();
        purchases.push((field(0), field(10), counts[at + 2..at + 2 + records].to_vec()));
        at += 2 + records;
    }
    purchases
}

/// The columns of purchases of one record each, by reference and cost.
fn columns(purchases: &[(&[u8], &str, &[u32])]) -> (Vec<u8>, Vec<u32>) {
    let (mut text, mut counts) = (Vec::new(), vec![purchases.len() as u32]);
    for (reference, cost, records) in purchases {
        counts.extend([0, records.len() as u32]);
        counts.extend_from_slice(records);
        for field in 0..18 {
            let own: &[u8] = match field {
                0 => reference,
                6 => b"7",
                10 => cost.as_bytes(),
                11 => b"EUR",
                _ => b"",
            };
            text.extend_from_slice(own);
            text.push(0);
        }
    }
    counts.extend([0, 0, 0]);
    (text, counts)
}

fn costs(purchases: &[(String, String, Vec<u32>)]) -> Vec<&str> {
    purchases.iter().map(|(_, cost, _)| cost.as_str()).collect()
}

pub fn loses_a_record() {
    let (text, mut counts) = columns(&[(b"a", "1", &[0]), (b"b", "2", &[1])]);
    counts[0] = 1;
    assert_eq!(costs(&trusting(&text, &counts)), ["1"], "2 EUR are gone, without a word");
}

pub fn shifts_fields() {
    let (text, counts) = columns(&[(b"", "1", &[0])]);
    assert_eq!(costs(&trusting(&text[1..], &counts)), ["EUR"], "another field is taken for the cost");
}

pub fn merges_references() {
    let (text, counts) = columns(&[(&[0xff], "1", &[0]), (&[0xfe], "2", &[1])]);
    let purchases = trusting(&text, &counts);
    assert_eq!(purchases[0].0, purchases[1].0, "two references have become one");
}

pub fn charges_twice() {
    let (text, counts) = columns(&[(b"a", "1", &[0]), (b"b", "1", &[0])]);
    assert_eq!(costs(&trusting(&text, &counts)), ["1", "1"], "one record is charged twice");
}

pub fn has_no_evidence() {
    let (text, counts) = columns(&[(b"a", "1", &[4_000_000])]);
    let purchases = trusting(&text, &counts);
    assert_eq!(purchases[0].2, [4_000_000], "the charge rests on a record that nobody has");
}

pub fn drops_a_record() {
    let (text, counts) = columns(&[(b"a", "1", &[0])]);
    let seen: Vec<u32> = trusting(&text, &counts).into_iter().flat_map(|(_, _, records)| records).collect();
    assert_eq!(seen, [0], "of two records one is nowhere");
}

pub fn charges_for_nothing() {
    let (text, counts) = columns(&[(b"a", "1", &[0]), (b"b", "1000", &[])]);
    assert_eq!(costs(&trusting(&text, &counts)), ["1", "1000"], "1000 EUR that no record has");
}
