//! Exact decimals of a fixed scale: what the generator counts with.
//!
//! **Invariant:** no binary float; a product keeps every digit, and only [`Amount::cut`] takes some away. Numbers are
//! generated small enough (mantissas under 10^36) that nothing overflows.

use std::fmt;

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::BigInt;

/// `mantissa / 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount {
    mantissa: i128,
    scale: u32,
}

impl Amount {
    pub(crate) const ZERO: Self = Self { mantissa: 0, scale: 0 };

    pub(crate) const fn new(mantissa: i128, scale: u32) -> Self {
        Self { mantissa, scale }
    }

    pub(crate) fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// At most `scale` digits after the point; the rest is cut off, not rounded.
    pub(crate) fn cut(self, scale: u32) -> Self {
        if scale >= self.scale {
            return self;
        }
        Self { mantissa: self.mantissa / 10_i128.pow(self.scale - scale), scale }
    }

    /// At most `scale` digits after the point, half away from zero.
    pub(crate) fn rounded(self, scale: u32) -> Self {
        let half = Self::new(5 * self.mantissa.signum(), scale + 1);
        self.plus(half).cut(scale)
    }

    /// The quotient with `scale` digits, the rest cut off; zero where there is nothing to divide by.
    pub(crate) fn over(self, divisor: Self, scale: u32) -> Self {
        let digits = scale + divisor.scale;
        let mantissa = self.at_scale(digits.max(self.scale)).checked_div(divisor.mantissa).unwrap_or(0);
        let quotient = Self { mantissa, scale: digits.max(self.scale) - divisor.scale };
        quotient.cut(scale)
    }

    /// That many of it.
    pub(crate) fn count(self, many: i64) -> Self {
        self.times(Self::new(i128::from(many), 0))
    }

    pub(crate) fn times(self, other: Self) -> Self {
        Self { mantissa: self.mantissa * other.mantissa, scale: self.scale + other.scale }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        let scale = self.scale.max(other.scale);
        Self { mantissa: self.at_scale(scale) + other.at_scale(scale), scale }
    }

    pub(crate) fn negated(self) -> Self {
        Self { mantissa: -self.mantissa, ..self }
    }

    /// One more in the last digit.
    pub(crate) fn bumped(self) -> Self {
        Self { mantissa: self.mantissa + 1, ..self }
    }

    pub(crate) fn to_big(self) -> BigDecimal {
        BigDecimal::new(BigInt::from(self.mantissa), i64::from(self.scale)).normalized()
    }

    /// The other way vendors write a number: `1.25E-05`.
    pub(crate) fn exponent_text(self) -> String {
        let digits = self.mantissa.unsigned_abs().to_string();
        let (first, rest) = digits.split_at_checked(1).unwrap_or((&digits, ""));
        let exponent = i64::from(self.scale) - rest.len() as i64;
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let point = if rest.is_empty() { "" } else { "." };
        format!("{sign}{first}{point}{rest}E{}{:02}", if exponent > 0 { "-" } else { "+" }, exponent.abs())
    }

    fn at_scale(self, scale: u32) -> i128 {
        self.mantissa * 10_i128.pow(scale.saturating_sub(self.scale))
    }
}

impl fmt::Display for Amount {
    /// Plain notation with all digits of the scale, as vendors send it: `24.0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scale == 0 {
            return write!(f, "{}", self.mantissa);
        }
        let unit = 10_u128.pow(self.scale);
        let value = self.mantissa.unsigned_abs();
        let sign = if self.mantissa < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:0width$}", value / unit, value % unit, width = self.scale as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_products_and_cuts_keep_every_digit_they_should() {
        let price = Amount::new(12_799_888_920_023, 13);
        let total = price.times(Amount::new(240, 1));
        assert_eq!(total.to_string(), "30.71973340805520");
        assert_eq!(total.cut(2).to_string(), "30.71");
        assert_eq!(total.plus(Amount::new(-1, 15)).to_string(), "30.719733408055199");
        assert_eq!(total.negated().cut(1).to_string(), "-30.7");
        assert_eq!(total.to_big().to_plain_string(), "30.7197334080552");
    }

    #[test]
    fn the_exponent_form_is_the_same_number() {
        let small = Amount::new(125, 7);
        assert_eq!(small.exponent_text(), "1.25E-05");
        assert_eq!(small.exponent_text().parse::<BigDecimal>().unwrap(), small.to_big());
    }

    #[test]
    fn bumping_changes_the_last_digit_by_one() {
        assert_eq!(Amount::new(1_999, 3).bumped().to_string(), "2.000");
    }
}
