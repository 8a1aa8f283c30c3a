//! Exact numbers and their one text.

use bigdecimal::BigDecimal;
use proptest::prelude::*;
use purser_domain::Decimal;
use purser_domain::decimal::ParseError;

use crate::support::decimal;

#[test]
fn numbers_have_one_text_by_this_table() {
    let table = [
        ("0", "0"),
        ("-0", "0"),
        ("-0.000", "0"),
        ("0e999999999999999999999", "0"),
        ("+5", "5"),
        ("007", "7"),
        (".5", "0.5"),
        ("5.", "5"),
        ("-.25", "-0.25"),
        ("1.500", "1.5"),
        ("100", "100"),
        ("1e2", "100"),
        ("1E+2", "100"),
        ("1.5e-7", "0.00000015"),
        ("-12.3400e1", "-123.4"),
        ("61.4394668161102", "61.4394668161102"),
        ("0.1000000000000000000000000000000000001", "0.1000000000000000000000000000000000001"),
        ("1234567890123456789012345678901234567890.10", "1234567890123456789012345678901234567890.1"),
        ("999999999999999999999999999999999999", "999999999999999999999999999999999999"),
        ("1000000000000000000000000000000000000", "1000000000000000000000000000000000000"),
        ("1e40", "10000000000000000000000000000000000000000"),
        ("1e-40", "0.0000000000000000000000000000000000000001"),
    ];
    for (text, canonical) in table {
        assert_eq!(decimal(text).canonical(), canonical, "{text}");
        assert_eq!(decimal(text), decimal(canonical), "{text}");
    }
}

#[test]
fn what_is_no_number_is_refused_by_this_table() {
    for text in [
        "", " 1", "1 ", "1,5", "1_000", "-", "+", ".", "e5", "1e", "1e+", "--1", "1.2.3", "NaN", "1e5.0", "١",
    ] {
        assert_eq!(text.parse::<Decimal>(), Err(ParseError::Malformed), "{text}");
    }
    let long = "1".repeat(1_001);
    for text in ["1e999999999", "1e-999999999", "1e99999999999999999999", "5e1000", "1e-1001", &long] {
        assert_eq!(text.parse::<Decimal>(), Err(ParseError::TooLong), "{text}");
    }
    assert!("1".repeat(1_000).parse::<Decimal>().is_ok());
    assert!("1e-1000".parse::<Decimal>().is_ok());
    assert!("1e999".parse::<Decimal>().is_ok());
}

#[test]
fn json_holds_the_text() {
    assert_eq!(serde_json::to_string(&decimal("1.50")).unwrap(), "\"1.5\"");
    assert_eq!(serde_json::from_str::<Decimal>("\"1.50\"").unwrap(), decimal("1.5"));
    assert!(serde_json::from_str::<Decimal>("1.5").is_err(), "a JSON number may have passed through a float");
}

/// Plain and exponent notation, short and far beyond a machine word.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?[0-9]{1,18}(\\.[0-9]{1,18})?",
        "-?[0-9]{1,60}(\\.[0-9]{1,60})?",
        "-?[0-9]{1,5}(\\.[0-9]{1,5})?0{0,40}",
        "-?[0-9]{1,20}(\\.[0-9]{1,20})?[eE][+-]?[0-9]{1,2}",
    ]
    .prop_filter("a decimal", |text| text.parse::<Decimal>().is_ok())
}

fn reference(text: &str) -> BigDecimal {
    text.parse().unwrap()
}

fn hash(value: &Decimal) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn canonical_text_round_trips_in_plain_notation(text in texts()) {
        let value = decimal(&text);
        let canonical = value.canonical();
        prop_assert_eq!(&decimal(&canonical), &value);
        prop_assert_eq!(decimal(&canonical).canonical(), canonical.clone());
        prop_assert!(!canonical.contains(['e', 'E', '+']));
        prop_assert_ne!(&canonical, "-0");
        prop_assert!(!(canonical.contains('.') && canonical.ends_with(['0', '.'])), "{}", canonical);
        let integer = canonical.trim_start_matches('-').split('.').next().unwrap();
        prop_assert!(integer == "0" || !integer.starts_with('0'), "{}", canonical);
        prop_assert_eq!(reference(&canonical), reference(&text));
    }

    #[test]
    fn arithmetic_agrees_with_arbitrary_precision(one in texts(), two in texts()) {
        let (a, b) = (decimal(&one), decimal(&two));
        let (x, y) = (reference(&one), reference(&two));
        let expect = |value: BigDecimal| value.normalized().to_plain_string();
        prop_assert_eq!((&a + &b).canonical(), expect(&x + &y));
        prop_assert_eq!((&a - &b).canonical(), expect(&x - &y));
        prop_assert_eq!((&a * &b).canonical(), expect(&x * &y));
        prop_assert_eq!((-&a).canonical(), expect(-&x));
        prop_assert_eq!(a.abs().canonical(), expect(x.abs()));
        prop_assert_eq!(a.cmp(&b), x.cmp(&y));
        prop_assert_eq!(a == b, x == y);
        prop_assert_eq!(&(&(&a + &b) - &b), &a);
    }

    #[test]
    fn equal_values_are_equal_however_they_came_about(text in texts(), other in texts(), zeros in 0..30_usize) {
        let value = decimal(&text);
        let detour = &(&value + &decimal(&other)) - &decimal(&other);
        prop_assert_eq!(hash(&value), hash(&detour));
        if text.contains('.') && !text.contains(['e', 'E']) {
            let padded = decimal(&format!("{text}{}", "0".repeat(zeros)));
            prop_assert_eq!((hash(&padded), &padded), (hash(&value), &value));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic_or_run_away(text in "\\PC{0,40}") {
        let _ = text.parse::<Decimal>();
    }

    #[test]
    fn no_number_like_text_makes_the_parser_panic_or_run_away(text in "[-+.eE0-9]{0,40}") {
        let _ = text.parse::<Decimal>();
    }
}
