//! Numbers as text: from JSON numbers and from strings that hold one, no digit lost.
//!
//! The host brings them to canonical form; here they are only recognised, and compared where an order is needed.

use std::borrow::Cow;
use std::cmp::Ordering;

use bigdecimal::BigDecimal;

/// The most digits a number may have in plain notation: what the host takes.
const MAX_DIGITS: i64 = 1_000;

/// Whether the text is a decimal number in plain or exponent notation, without blanks or separators.
#[must_use]
pub fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|e| (1..=3).contains(&e.len()) && digits(e));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent_fits
        && text.len() as i64 <= MAX_DIGITS
}

/// Which of two decimal texts is less; none where one is no decimal.
#[must_use]
pub fn compare(left: &str, right: &str) -> Option<Ordering> {
    Some(parse(left)?.cmp(&parse(right)?))
}

/// The one spelling of a value: plain notation, no trailing zeros, no `-0`. For keys only; amounts stay as they came.
#[must_use]
pub fn canonical(text: &str) -> Option<Cow<'_, str>> {
    let is_canonical_whole = text == "0"
        || (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0'));
    if is_canonical_whole {
        return Some(Cow::Borrowed(text));
    }
    Some(Cow::Owned(parse(text)?.normalized().to_plain_string()))
}

fn parse(text: &str) -> Option<BigDecimal> {
    if is_decimal(text) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_recognised_in_every_notation_vendors_use() {
        for good in ["0", "-1.50", "+2", ".5", "5.", "1e3", "1.2799888920023", "9223372036854780000", "1E-15"]
        {
            assert!(is_decimal(good), "{good}");
        }
        for bad in ["", ".", "-", "1,5", "1 000", "0x1", "NaN", "1e", "1e9999", "--1", "1.2.3", "∞"] {
            assert!(!is_decimal(bad), "{bad}");
        }
    }

    #[test]
    fn tiers_are_ordered_by_value_not_by_text() {
        assert_eq!(compare("51200", "512000"), Some(Ordering::Less));
        assert_eq!(compare("9", "10"), Some(Ordering::Less));
        assert_eq!(compare("1.0", "1"), Some(Ordering::Equal));
        assert_eq!(compare("9223372036854780000", "9223372036854775807"), Some(Ordering::Greater));
        assert_eq!(compare("x", "1"), None);
    }

    #[test]
    fn equal_values_have_one_spelling() {
        for spelling in ["0.15", ".15", "0.150", "15e-2", "+0.15"] {
            assert_eq!(canonical(spelling).unwrap(), "0.15", "{spelling}");
        }
        assert_eq!(canonical("-0.0").unwrap(), "0");
        assert_eq!(canonical("007").unwrap(), "7");
        assert_eq!(canonical("abc"), None);
    }
}
