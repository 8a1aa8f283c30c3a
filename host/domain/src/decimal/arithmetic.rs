//! Exact arithmetic on [`Decimal`]s. There is no division: whoever divides must say how to round.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg, Sub};

use super::{Decimal, Repr};

impl Add for &Decimal {
    type Output = Decimal;
    fn add(self, other: &Decimal) -> Decimal {
        self.aligned(other)
            .and_then(|(one, two, scale)| Decimal::small(one.checked_add(two)?, u32::from(scale)))
            .unwrap_or_else(|| Decimal::exact(&(self.to_big() + other.to_big())))
    }
}

impl AddAssign<&Decimal> for Decimal {
    fn add_assign(&mut self, other: &Decimal) {
        *self = &*self + other;
    }
}

impl Sub for &Decimal {
    type Output = Decimal;
    fn sub(self, other: &Decimal) -> Decimal {
        self + &-other
    }
}

impl Mul for &Decimal {
    type Output = Decimal;
    fn mul(self, other: &Decimal) -> Decimal {
        let product = match (&self.0, &other.0) {
            (Repr::Small { digits: one, scale: fine }, Repr::Small { digits: two, scale: coarse }) => one
                .checked_mul(*two)
                .and_then(|digits| Decimal::small(digits, u32::from(*fine) + u32::from(*coarse))),
            _ => None,
        };
        product.unwrap_or_else(|| Decimal::exact(&(self.to_big() * other.to_big())))
    }
}

impl Neg for &Decimal {
    type Output = Decimal;
    fn neg(self) -> Decimal {
        match &self.0 {
            Repr::Small { digits, scale } => Decimal(Repr::Small { digits: -digits, scale: *scale }),
            Repr::Big(value) => Decimal(Repr::Big(Box::new(-value.as_ref()))),
        }
    }
}

impl<'a> Sum<&'a Decimal> for Decimal {
    fn sum<I: Iterator<Item = &'a Decimal>>(values: I) -> Self {
        values.fold(Self::zero(), |sum, value| &sum + value)
    }
}
