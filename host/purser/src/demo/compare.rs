//! The demo's proof: Purchases against the simulator's own ledger, to the last digit.

use std::collections::BTreeMap;

use jiff::civil::Date;
use purser_domain::purchase::State;
use purser_domain::{Decimal, Purchase};
use purser_simulator::{BillingLedger, Class, LedgerLine, LegacyDay};

/// What both sides are compared by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The vendor's customer.
    pub customer: String,
    /// Product key, in lower case.
    pub product: String,
    /// UTC day.
    pub day: Date,
    /// Billing currency; empty where there is no money.
    pub currency: String,
}

/// Sums at one place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sums {
    /// Sum of quantities.
    pub quantity: Decimal,
    /// Sum of costs.
    pub cost: Decimal,
}

/// Where the two sides differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where.
    pub place: Place,
    /// What the simulator's ledger holds.
    pub ledger: Sums,
    /// What the Purchases hold.
    pub purchases: Sums,
}

/// One side of the comparison.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Side(BTreeMap<Place, Sums>);

impl Side {
    /// Adds an amount at a place.
    fn add(&mut self, place: Place, quantity: &Decimal, cost: Option<&Decimal>) {
        let sums = self.0.entry(place).or_default();
        sums.quantity = &sums.quantity + quantity;
        if let Some(cost) = cost {
            sums.cost = &sums.cost + cost;
        }
    }

    /// The Purchases' side.
    pub fn add_purchase(&mut self, purchase: &Purchase) {
        if purchase.state == State::Void {
            return;
        }
        let description = &purchase.description;
        let place = Place {
            customer: description.vendor_customer.clone(),
            product: description.product_key.to_lowercase(),
            day: description.start.to_zoned(jiff::tz::TimeZone::UTC).date(),
            currency: description.currency.as_ref().map(ToString::to_string).unwrap_or_default(),
        };
        self.add(place, &purchase.quantity, purchase.cost.as_ref());
    }

    /// The ledger's side: what the daily feeds say. Legacy Azure comes with its money ([`Self::add_legacy`]).
    ///
    /// # Errors
    /// Where the simulator gives something that is no number.
    pub fn of_ledger(lines: &[LedgerLine]) -> Result<Self, purser_domain::decimal::ParseError> {
        let mut side = Self::default();
        for line in lines.iter().filter(|line| line.class != Class::LegacyAzure) {
            let place = Place {
                customer: line.customer.clone(),
                product: line.product_key.to_lowercase(),
                day: line.day,
                currency: line.currency.unwrap_or_default().to_owned(),
            };
            let cost = line.cost.as_ref().map(|cost| cost.to_plain_string().parse()).transpose()?;
            side.add(place, &line.quantity.to_plain_string().parse()?, cost.as_ref());
        }
        Ok(side)
    }

    /// Adds to the ledger's side what legacy Azure costs by the rate card of a currency.
    ///
    /// # Errors
    /// Where the simulator gives something that is no number.
    pub fn add_legacy(
        &mut self,
        days: &[LegacyDay],
        currency: &str,
    ) -> Result<(), purser_domain::decimal::ParseError> {
        for day in days {
            let place = Place {
                customer: day.customer.clone(),
                product: day.meter.to_lowercase(),
                day: day.day,
                currency: if day.in_rate_card { currency.to_owned() } else { String::new() },
            };
            let cost = day.cost.to_plain_string().parse()?;
            self.add(place, &day.quantity.to_plain_string().parse()?, Some(&cost));
        }
        Ok(())
    }

    /// Adds to the ledger's side the billed and unbilled charges that no daily feed has.
    ///
    /// # Errors
    /// Where the simulator gives something that is no number.
    pub fn add_charges(&mut self, ledger: &BillingLedger) -> Result<(), purser_domain::decimal::ParseError> {
        let in_daily_feeds = |class: Class| class.is_counted_daily() || class == Class::AzurePlanUsage;
        for line in ledger.lines.iter().filter(|line| !in_daily_feeds(line.class)) {
            let place = Place {
                customer: line.customer.clone(),
                product: line.product_key.to_lowercase(),
                day: line.from,
                currency: line.currency.to_owned(),
            };
            let cost = line.amount.to_plain_string().parse()?;
            self.add(place, &line.quantity.to_plain_string().parse()?, Some(&cost));
        }
        Ok(())
    }

    /// Summed cost by currency.
    #[must_use]
    pub fn currencies(&self) -> BTreeMap<String, Decimal> {
        let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
        for (place, at) in self.0.iter().filter(|(place, _)| !place.currency.is_empty()) {
            let sum = sums.entry(place.currency.clone()).or_default();
            *sum = &*sum + &at.cost;
        }
        sums
    }

    /// Places where the sides differ, in order.
    #[must_use]
    pub fn differences(ledger: &Self, purchases: &Self) -> Vec<Difference> {
        let mut places: Vec<&Place> = ledger.0.keys().chain(purchases.0.keys()).collect();
        places.sort();
        places.dedup();
        let at = |side: &Self, place: &Place| side.0.get(place).cloned().unwrap_or_default();
        let both = places.into_iter().map(|place| Difference {
            place: place.clone(),
            ledger: at(ledger, place),
            purchases: at(purchases, place),
        });
        both.filter(|difference| difference.ledger != difference.purchases).collect()
    }

    /// Purchases minus ledger, by currency; an entry for each currency of either side.
    #[must_use]
    pub fn difference_by_currency(ledger: &Self, purchases: &Self) -> BTreeMap<String, Decimal> {
        let (ledger, purchases) = (ledger.currencies(), purchases.currencies());
        let of = |side: &BTreeMap<String, Decimal>, currency: &str| {
            side.get(currency).cloned().unwrap_or_default()
        };
        let currencies = ledger.keys().chain(purchases.keys());
        currencies
            .map(|currency| (currency.clone(), &of(&purchases, currency) - &of(&ledger, currency)))
            .collect()
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Place { customer, product, day, currency } = &self.place;
        write!(
            f,
            "customer {customer}, product {product}, day {day}: the ledger has quantity {} and cost {} {currency}, \
             the Purchases have quantity {} and cost {} {currency}",
            self.ledger.quantity, self.ledger.cost, self.purchases.quantity, self.purchases.cost
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(rows: &[(&str, &str, &str)]) -> Side {
        let mut side = Side::default();
        for (customer, quantity, cost) in rows {
            let place = Place {
                customer: (*customer).into(),
                product: "meter".into(),
                day: jiff::civil::date(2026, 11, 16),
                currency: "EUR".into(),
            };
            side.add(place, &quantity.parse().unwrap(), Some(&cost.parse().unwrap()));
        }
        side
    }

    #[test]
    fn reconciliation_finds_one_in_the_last_digit_and_names_the_place() {
        let ledger = side(&[("a", "1", "0.1000000000000000000001"), ("b", "2", "3")]);
        let purchases = side(&[("a", "1", "0.1000000000000000000002"), ("b", "1.5", "2"), ("b", "0.5", "1")]);
        let differences = Side::differences(&ledger, &purchases);
        assert_eq!(differences.len(), 1);
        assert!(differences[0].to_string().contains("customer a, product meter, day 2026-11-16"));
        let by_currency = Side::difference_by_currency(&ledger, &purchases);
        assert_eq!(by_currency["EUR"].canonical(), "0.0000000000000000000001");
    }

    #[test]
    fn reconciliation_finds_what_only_one_side_has() {
        let missing = Side::differences(&side(&[("a", "1", "0")]), &side(&[]));
        assert_eq!(missing.len(), 1, "a line without money counts by its quantity");
        assert_eq!(Side::differences(&side(&[]), &side(&[("a", "1", "1")])).len(), 1);
    }
}
