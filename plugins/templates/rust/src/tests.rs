//! Plain functions, tested natively; `purser plugin test` tries them in the sandbox.

use purser_plugin_sdk::mapping::Purchase;

use super::*;

fn read(record: &str) -> Result<Became<'_>, String> {
    purchase(record, &["trial".to_owned()])
}

#[test]
fn every_digit_of_an_amount_is_kept() {
    let record = r#"{"customer":"c","service":"s","product":"vm","day":"2026-11-13","hours":24,
        "price":"0.041","amount":0.9840000000000000000001,"currency":"EUR"}"#;
    let Ok(Became::Purchase(Purchase { reference, cost, start, .. })) = read(record) else {
        panic!("a Purchase");
    };
    assert_eq!((&*reference, &*cost), ("s/vm", "0.9840000000000000000001"));
    assert_eq!(&*start, "2026-11-13T00:00:00Z");
}

#[test]
fn what_is_free_is_left_out_and_what_cannot_be_read_says_why() {
    assert_eq!(read(r#"{"product":"trial"}"#), Ok(Became::Ignored("free-product")));
    let without = r#"{"customer":"c","service":"s","product":"vm","day":"2026-11-13","hours":1}"#;
    assert_eq!(read(without).unwrap_err(), "amount is missing");
    assert!(read("17").is_err());
}
