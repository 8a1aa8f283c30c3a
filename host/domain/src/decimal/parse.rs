//! From text to [`Decimal`], without ever expanding what a hostile exponent asks for.

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::{BigInt, Sign};

use super::{Decimal, MAX_DIGITS, ParseError, SMALL_DIGITS};

/// `[+-] digits [. digits] [e [+-] digits]`, with a digit on at least one side of the point.
pub(super) fn parse(text: &str) -> Result<Decimal, ParseError> {
    let number = Number::scan(text)?;
    if text.len() as i64 > MAX_DIGITS {
        return Err(ParseError::TooLong);
    }
    match number.short() {
        Some(short) => Ok(short),
        None => number.long(),
    }
}

/// The parts of a number's text.
struct Number<'a> {
    is_negative: bool,
    integer: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Number<'a> {
    fn scan(text: &'a str) -> Result<Self, ParseError> {
        let (is_negative, unsigned) = sign(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = integer.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        if !all_digits || (integer.is_empty() && fraction.is_empty()) {
            return Err(ParseError::Malformed);
        }
        Ok(Self { is_negative, integer, fraction, exponent })
    }

    /// Digits after the point.
    fn scale(&self) -> i64 {
        (self.fraction.len() as i64).saturating_sub(self.exponent)
    }

    /// The number where it fits a word.
    fn short(&self) -> Option<Decimal> {
        let scale = u32::try_from(self.scale()).ok()?;
        if self.integer.len() + self.fraction.len() > SMALL_DIGITS as usize {
            return None;
        }
        let digits = self.integer.bytes().chain(self.fraction.bytes());
        let digits = digits.fold(0_i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
        Decimal::small(if self.is_negative { -digits } else { digits }, scale)
    }

    /// The number however long it is, up to the limit.
    fn long(&self) -> Result<Decimal, ParseError> {
        let digits = format!("{}{}", self.integer, self.fraction);
        let short = digits.trim_end_matches('0');
        let scale = self.scale().saturating_sub((digits.len() - short.len()) as i64);
        let short = short.trim_start_matches('0');
        if short.is_empty() {
            return Ok(Decimal::zero());
        }
        let before_point = (short.len() as i64).saturating_sub(scale);
        let plain = before_point.max(0).saturating_add(scale.max(0));
        if plain > MAX_DIGITS {
            return Err(ParseError::TooLong);
        }
        let magnitude = BigInt::parse_bytes(short.as_bytes(), 10).ok_or(ParseError::Malformed)?;
        let sign = if self.is_negative { Sign::Minus } else { Sign::Plus };
        let value = BigInt::from_biguint(sign, magnitude.magnitude().clone());
        Ok(Decimal::exact(&BigDecimal::new(value, scale)))
    }
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// An exponent beyond any limit is as good as the greatest one: the number is too long, or 0.
fn read_exponent(text: &str) -> Result<i64, ParseError> {
    let (is_negative, digits) = sign(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ParseError::Malformed);
    }
    let exponent = digits.parse().map_or(i64::from(i32::MAX), |exponent: i32| i64::from(exponent));
    Ok(if is_negative { -exponent } else { exponent })
}
