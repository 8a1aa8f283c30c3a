//! Exact decimals of any length, and their one canonical text.
//!
//! **Invariant:** no binary float ever touches a [`Decimal`], and no digit is cut: rounding happens only where a rule
//! names it. The canonical text is plain notation without exponent, without trailing zeros and without `-0`, so equal
//! values are equal texts — in the database, in exports and in hashes.
//!
//! Nearly every number of a vendor fits a machine word with a scale; those are kept so, since a run reads, compares and
//! adds millions. Anything longer is an arbitrary-precision number. Which of the two a value is depends on the value
//! alone, so equality and hashing can compare what is stored.

mod arithmetic;
mod parse;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::{BigInt, Sign};
use bigdecimal::num_traits::Euclid as _;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest plain notation that is still taken for a number: far beyond any vendor's, and a bound on the memory that
/// a hostile `1e999999999` can ask for.
pub const MAX_DIGITS: i64 = 1_000;

/// Digits, and digits after the point, of a [`Repr::Small`]. Two of them can be added in 128 bits.
const SMALL_DIGITS: u32 = 36;
const SMALL_LIMIT: u128 = 10_u128.pow(SMALL_DIGITS);

/// An exact decimal number.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Decimal(Repr);

/// **Invariant:** without trailing zeros after the point; small if and only if it fits.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    /// `digits` · 10^-`scale`, with less than [`SMALL_LIMIT`] digits and at most [`SMALL_DIGITS`] scale.
    Small { digits: i128, scale: u8 },
    /// Anything longer, with a scale of 0 or more.
    Big(Box<BigDecimal>),
}

/// Why a text is no decimal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not a decimal number.
    #[error("not a decimal number")]
    Malformed,
    /// More than [`MAX_DIGITS`] digits in plain notation.
    #[error("more than {MAX_DIGITS} digits")]
    TooLong,
}

impl Decimal {
    /// Nothing.
    #[must_use]
    pub fn zero() -> Self {
        Self(Repr::Small { digits: 0, scale: 0 })
    }

    /// A number of things.
    #[must_use]
    pub fn from_count(count: u64) -> Self {
        Self(Repr::Small { digits: i128::from(count), scale: 0 })
    }

    /// Whether this is nothing.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        matches!(self.0, Repr::Small { digits: 0, .. })
    }

    /// Whether this is less than nothing.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        match &self.0 {
            Repr::Small { digits, .. } => digits.is_negative(),
            Repr::Big(value) => value.sign() == Sign::Minus,
        }
    }

    /// The amount without its sign.
    #[must_use]
    pub fn abs(&self) -> Self {
        if self.is_negative() { -self } else { self.clone() }
    }

    /// Digits after the point.
    #[must_use]
    pub fn scale(&self) -> u64 {
        match &self.0 {
            Repr::Small { scale, .. } => u64::from(*scale),
            Repr::Big(value) => u64::try_from(value.fractional_digit_count()).unwrap_or(0),
        }
    }

    /// How often a measure of more than nothing goes into this, in whole steps of 10^-`scale` and rounded down, and what
    /// is left: `self = quotient · measure + rest`, and the rest is less than one step of the measure.
    ///
    /// None: the measure is nothing or less.
    #[must_use]
    pub fn div_floor(&self, measure: &Self, scale: u64) -> Option<(Self, Self)> {
        if measure.is_zero() || measure.is_negative() {
            return None;
        }
        let scale = i64::try_from(scale).ok()?;
        let (dividend, divisor) = (self.to_big(), measure.to_big());
        // Both as whole numbers of one size: the dividend in steps.
        let digits = (dividend.fractional_digit_count() - scale).max(divisor.fractional_digit_count()).max(0);
        let whole = |value: &BigDecimal, scale: i64| value.with_scale(scale).into_bigint_and_scale().0;
        let (steps, divisor) = (whole(&dividend, digits + scale), whole(&divisor, digits));
        let floor = steps.div_euclid(&divisor);
        let quotient = Self::exact(&BigDecimal::new(floor, scale));
        let rest = self - &(&quotient * measure);
        Some((quotient, rest))
    }

    /// The smallest step with so many digits after the point.
    #[must_use]
    pub fn step(scale: u64) -> Self {
        Self::exact(&BigDecimal::new(BigInt::from(1), i64::try_from(scale).unwrap_or(MAX_DIGITS)))
    }

    /// The canonical text. [`fmt::Display`] writes the same.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.to_string()
    }

    /// Digits and scale, where they are short enough after trailing zeros are gone.
    fn small(mut digits: i128, mut scale: u32) -> Option<Self> {
        while scale > 0 && digits != 0 {
            // A machine word divides ten times faster, and nearly all numbers fit one.
            match i64::try_from(digits) {
                Ok(word) if word % 10 == 0 => digits = i128::from(word / 10),
                Err(_) if digits % 10 == 0 => digits /= 10,
                _ => break,
            }
            scale -= 1;
        }
        let scale = if digits == 0 { 0 } else { scale };
        let fits = scale <= SMALL_DIGITS && digits.unsigned_abs() < SMALL_LIMIT;
        let scale = u8::try_from(scale).ok().filter(|_| fits)?;
        Some(Self(Repr::Small { digits, scale }))
    }

    /// Any number, in the representation its value asks for.
    fn exact(value: &BigDecimal) -> Self {
        let value = value.normalized();
        let value = if value.fractional_digit_count() < 0 { value.with_scale(0) } else { value };
        let (digits, scale) = value.as_bigint_and_scale();
        let small = i128::try_from(digits.as_ref()).ok().zip(u32::try_from(scale).ok());
        small
            .and_then(|(digits, scale)| Self::small(digits, scale))
            .unwrap_or_else(|| Self(Repr::Big(Box::new(value.clone()))))
    }

    fn to_big(&self) -> BigDecimal {
        match &self.0 {
            Repr::Small { digits, scale } => BigDecimal::new(BigInt::from(*digits), i64::from(*scale)),
            Repr::Big(value) => BigDecimal::clone(value),
        }
    }

    /// Both as digits of one scale, where that fits a word.
    fn aligned(&self, other: &Self) -> Option<(i128, i128, u8)> {
        let (Repr::Small { digits: one, scale: fine }, Repr::Small { digits: two, scale: coarse }) =
            (&self.0, &other.0)
        else {
            return None;
        };
        let scale = *fine.max(coarse);
        let lift = |digits: i128, from: u8| {
            let power = 10_i128.checked_pow(u32::from(scale.saturating_sub(from)))?;
            digits.checked_mul(power)
        };
        Some((lift(*one, *fine)?, lift(*two, *coarse)?, scale))
    }
}

impl Default for Decimal {
    fn default() -> Self {
        Self::zero()
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Self(Repr::Small { digits: i128::from(value), scale: 0 })
    }
}

impl FromStr for Decimal {
    type Err = ParseError;

    /// Takes plain and exponent notation, as JSON numbers and vendors' strings have them; no blanks, no separators.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse::parse(text)
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match self.aligned(other) {
            Some((one, two, _)) => one.cmp(&two),
            None => self.to_big().cmp(&other.to_big()),
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, scale) = match &self.0 {
            Repr::Big(value) => return f.write_str(&value.to_plain_string()),
            Repr::Small { digits, scale } => (digits, usize::from(*scale)),
        };
        let sign = if digits.is_negative() { "-" } else { "" };
        let digits = digits.unsigned_abs();
        if scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let one = 10_u128.saturating_pow(u32::try_from(scale).unwrap_or(0));
        match (u64::try_from(digits), u64::try_from(one)) {
            (Ok(digits), Ok(one)) => write!(f, "{sign}{}.{:0>scale$}", digits / one, digits % one),
            _ => write!(f, "{sign}{}.{:0>scale$}", digits / one, digits % one),
        }
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text)
    }
}

/// Reads a decimal from a text in place.
struct Text;

impl Visitor<'_> for Text {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal number as text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Decimal, E> {
        text.parse().map_err(E::custom)
    }
}
