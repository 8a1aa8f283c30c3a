//! Identifiers: parsed once, shown safely.

use purser_domain::purchase::Key;
use purser_domain::{AccountId, ConnectorId, Currency, Digest, Locale, Month};

use crate::support::{contribution, month};

#[test]
fn identifiers_are_accepted_by_this_table() {
    assert!(["microsoft-csp", "a", "x9"].iter().all(|text| text.parse::<ConnectorId>().is_ok()));
    assert!(["", "Microsoft", "a b", "é"].iter().all(|text| text.parse::<ConnectorId>().is_err()));
    assert!(["EUR", "USD"].iter().all(|text| text.parse::<Currency>().is_ok()));
    assert!(["eur", "EURO", "", "E1R"].iter().all(|text| text.parse::<Currency>().is_err()));
    assert!(["nl", "nl-NL", "zh-Hans-CN"].iter().all(|text| text.parse::<Locale>().is_ok()));
    assert!(["n", "nl_NL", "nl-", "nl NL"].iter().all(|text| text.parse::<Locale>().is_err()));
    assert!(["2026-01", "1999-12"].iter().all(|text| text.parse::<Month>().is_ok()));
    assert!(["2026-13", "2026-1", "202601", "2026-00"].iter().all(|text| text.parse::<Month>().is_err()));
}

#[test]
fn what_lands_in_the_wrong_field_is_not_repeated_when_it_may_be_a_secret() {
    let error = "eyJ0eXAiOiJKV1QiLCJhbGciOi".parse::<Currency>().unwrap_err().to_string();
    assert_eq!(error, "a text of 26 characters is not a currency code (three upper-case letters)");
    let error = "euro".parse::<Currency>().unwrap_err().to_string();
    assert_eq!(error, "\"euro\" is not a currency code (three upper-case letters)");
}

#[test]
fn months_follow_each_other_through_the_year() {
    assert_eq!(month("2026-12").next(), month("2027-01"));
    assert_eq!(month("2026-01").next(), month("2026-02"));
    assert_eq!(month("2026-02").first_day().to_string(), "2026-02-01");
}

#[test]
fn keys_sort_by_account_then_scope_then_day() {
    let key = |account, days: i64, name: &str| {
        let mut description = contribution(name, "1", "1").description;
        description.start = jiff::Timestamp::from_second(days * 86_400).unwrap();
        Key::new(AccountId(account), "usage", &description.reference(name), &description)
    };
    let sorted = [key(1, -1, "z"), key(1, 0, "b"), key(1, 1, "a"), key(2, 0, "a")];
    assert!(sorted.is_sorted());
    assert_eq!(key(1, 0, "a"), key(1, 0, "a"));
    assert_eq!(key(1, 0, "a").to_string().parse(), Ok(key(1, 0, "a")));
    assert_ne!(key(1, 0, "a"), key(1, 0, "b"));
}

#[test]
fn a_digest_reads_back_from_its_text() {
    let digest = Digest::of(b"page");
    assert_eq!(digest.to_string().parse(), Ok(digest));
}
