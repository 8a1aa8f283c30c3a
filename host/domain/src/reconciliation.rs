//! Reconciliation: what the vendor's invoice says of a month against what we bill for it, and why the two differ.
//!
//! Both sides are laid side by side for each subscription (or customer, where a charge has none) and currency, feed by
//! feed: an invoice line that another feed bills stands against that feed's Purchases, every other line against the
//! Purchase it became. Whatever differs is named by the first cause that holds:
//!
//! | Cause | Holds where | Amount |
//! |---|---|---|
//! | unmapped | our Purchases have no customer | what they cost, less |
//! | ignored | their customer is ignored on purpose | what they cost, less |
//! | not-on-invoice | the vendor bills the feed's charges on no invoice that is retrieved | all of it |
//! | quantity-only | we bill a quantity and no money | the vendor's amount, less |
//! | period-shift | Purchases that begin in the month are booked in another vendor period, or the reverse | theirs |
//! | late | the feed's own figures of the month are not final yet | what is left |
//! | rounding | at most 0.01 for each line of either side is left | what is left |
//! | price-drift | the quantities are the same on both sides | what is left |
//!
//! What no cause explains is **unexplained**, and somebody must look at it.
//!
//! **Invariant:** difference = sum of the causes + unexplained, exactly, in every row.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Currency, Decimal};

/// A line of the vendor's invoice that another feed bills.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InvoiceLine {
    /// The rule it was left out by: `covered-by-…`.
    pub rule: String,
    /// The feed that bills it.
    pub billed_by: String,
    /// The vendor's id of the customer.
    pub vendor_customer: String,
    /// The vendor's id of the subscription; may be empty.
    pub vendor_subscription: String,
    /// The product, language-free.
    pub product_key: String,
    /// The vendor's own words for it.
    pub product_text: String,
    /// In `unit`.
    pub quantity: Decimal,
    /// As the vendor spells it.
    pub unit: String,
    /// What the vendor charges, without tax.
    pub cost: Decimal,
    /// That of `cost`.
    pub currency: Currency,
    /// First instant it is for.
    pub start: Timestamp,
    /// First instant after.
    pub end: Timestamp,
}

/// What the invoice says of one scope, feed and currency.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Charged {
    /// Lines.
    pub lines: u64,
    /// Sum of their costs.
    pub amount: Decimal,
    /// Quantity by unit.
    pub quantities: BTreeMap<String, Decimal>,
}

/// What our Purchases of the vendor's month say of the same; frozen ones with their corrections.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Billed {
    /// Purchases.
    pub lines: u64,
    /// Cost of those that have a customer.
    pub billed: Decimal,
    /// Cost of those that wait for one.
    pub unmapped: Decimal,
    /// Cost of those whose customer is ignored.
    pub ignored: Decimal,
    /// Quantity by unit, of all.
    pub quantities: BTreeMap<String, Decimal>,
    /// Cost of those that begin in another month than the vendor's.
    pub shifted_in: Decimal,
    /// Cost of Purchases that begin in this month and are counted in another.
    pub shifted_out: Decimal,
}

impl Billed {
    fn all(&self) -> Decimal {
        &(&self.billed + &self.unmapped) + &self.ignored
    }
}

/// What is known of a feed in the month.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Feed {
    /// Its records are the invoice's own lines.
    pub is_invoice: bool,
    /// Its charges stand on the invoice too.
    pub is_on_invoice: bool,
    /// It bills quantities, and no money.
    pub is_quantity_only: bool,
    /// Its figures of the month are final.
    pub is_final: bool,
}

/// Why the sides differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Our Purchases wait for a customer.
    Unmapped,
    /// Their customer is ignored on purpose.
    Ignored,
    /// The vendor bills it apart.
    NotOnInvoice,
    /// We bill a quantity and no money.
    QuantityOnly,
    /// Counted in another month.
    PeriodShift,
    /// Not final yet.
    Late,
    /// Daily lines are cut to fewer digits than their sum.
    Rounding,
    /// The same quantity at another price.
    PriceDrift,
}

impl Cause {
    /// Every cause, in the order they are looked for.
    pub const ALL: [Self; 8] = [
        Self::Unmapped,
        Self::Ignored,
        Self::NotOnInvoice,
        Self::QuantityOnly,
        Self::PeriodShift,
        Self::Late,
        Self::Rounding,
        Self::PriceDrift,
    ];

    /// Stable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unmapped => "unmapped",
            Self::Ignored => "ignored",
            Self::NotOnInvoice => "not-on-invoice",
            Self::QuantityOnly => "quantity-only",
            Self::PeriodShift => "period-shift",
            Self::Late => "late",
            Self::Rounding => "rounding",
            Self::PriceDrift => "price-drift",
        }
    }

    /// What it means, and what to do about it.
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Self::Unmapped => "Purchases without a customer: map it, and they are billed",
            Self::Ignored => "Purchases of a customer that is ignored on purpose",
            Self::NotOnInvoice => {
                "charges that the vendor bills on no invoice retrieved here: compare them by hand"
            }
            Self::QuantityOnly => "licences are billed by their daily count, not by the vendor's amount",
            Self::PeriodShift => "Purchases at the border of the month, counted in the month beside it",
            Self::Late => "the daily figures of the month are not final yet: look again after the next run",
            Self::Rounding => {
                "daily lines are cut to fewer digits than the invoice's sum: at most 0.01 a line"
            }
            Self::PriceDrift => "the same quantity at another price: ask the vendor",
        }
    }
}

/// One subscription and currency.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Row {
    /// What the invoice says.
    pub vendor: Decimal,
    /// What we bill.
    pub ours: Decimal,
    /// Why they differ: ours less the vendor's, by cause.
    pub causes: BTreeMap<Cause, Decimal>,
    /// The rest of the difference.
    pub unexplained: Decimal,
}

impl Row {
    /// Ours less the vendor's.
    #[must_use]
    pub fn difference(&self) -> Decimal {
        &self.ours - &self.vendor
    }

    /// Whether what is left is within a tolerance.
    #[must_use]
    pub fn is_reconciled(&self, tolerance: &Decimal) -> bool {
        self.unexplained.abs() <= *tolerance
    }

    /// Adds another row: for totals.
    pub fn add(&mut self, other: &Self) {
        self.vendor += &other.vendor;
        self.ours += &other.ours;
        self.unexplained += &other.unexplained;
        other.causes.iter().for_each(|(cause, amount)| self.name(*cause, amount));
    }

    /// Takes one feed's part of the row into account.
    pub fn take(&mut self, feed: Feed, charged: &Charged, billed: &Billed) {
        // The invoice's own lines are its Purchases: there the vendor's side is what all of them say.
        let vendor = if feed.is_invoice { &charged.amount + &billed.all() } else { charged.amount.clone() };
        self.vendor += &vendor;
        self.ours += &billed.billed;
        self.name(Cause::Unmapped, &-&billed.unmapped);
        self.name(Cause::Ignored, &-&billed.ignored);
        let mut left = &billed.all() - &vendor;
        let shift = &billed.shifted_in - &billed.shifted_out;
        if feed.is_on_invoice && !feed.is_quantity_only && (&left - &shift).abs() < left.abs() {
            self.name(Cause::PeriodShift, &shift);
            left = &left - &shift;
        }
        match cause_of(feed, charged, billed, &left) {
            Some(cause) => self.name(cause, &left),
            None => self.unexplained += &left,
        }
    }

    fn name(&mut self, cause: Cause, amount: &Decimal) {
        if !amount.is_zero() {
            *self.causes.entry(cause).or_default() += amount;
            self.causes.retain(|_, amount| !amount.is_zero());
        }
    }
}

/// Why so much is left; none: nothing tells.
fn cause_of(feed: Feed, charged: &Charged, billed: &Billed, left: &Decimal) -> Option<Cause> {
    let lines = charged.lines.saturating_add(billed.lines);
    // A hundredth for each line.
    let is_rounding = &left.abs() * &Decimal::from(100) <= Decimal::from_count(lines);
    let is_same_quantity = !charged.quantities.is_empty() && charged.quantities == billed.quantities;
    let table = [
        (charged.lines == 0 && !feed.is_on_invoice && !feed.is_invoice, Cause::NotOnInvoice),
        (feed.is_quantity_only && billed.all().is_zero(), Cause::QuantityOnly),
        (!feed.is_final, Cause::Late),
        (is_rounding, Cause::Rounding),
        (is_same_quantity, Cause::PriceDrift),
    ];
    table.into_iter().find(|(holds, _)| *holds).map(|(_, cause)| cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONEY: Feed =
        Feed { is_invoice: false, is_on_invoice: true, is_quantity_only: false, is_final: true };

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn charged(lines: u64, amount: &str, quantity: &str) -> Charged {
        let quantities = BTreeMap::from([("h".to_owned(), decimal(quantity))]);
        Charged { lines, amount: decimal(amount), quantities }
    }

    fn billed(lines: u64, amount: &str, quantity: &str) -> Billed {
        let quantities = BTreeMap::from([("h".to_owned(), decimal(quantity))]);
        Billed { lines, billed: decimal(amount), quantities, ..Billed::default() }
    }

    fn told(feed: Feed, charged: &Charged, billed: &Billed) -> (String, Vec<(&'static str, String)>, String) {
        let mut row = Row::default();
        row.take(feed, charged, billed);
        let causes = row.causes.iter().map(|(cause, amount)| (cause.code(), amount.canonical())).collect();
        let sum: Decimal = row.causes.values().sum();
        assert_eq!(row.difference(), &sum + &row.unexplained);
        (row.difference().canonical(), causes, row.unexplained.canonical())
    }

    fn expect(
        difference: &str,
        causes: &[(&'static str, &str)],
        unexplained: &str,
    ) -> (String, Vec<(&'static str, String)>, String) {
        let causes = causes.iter().map(|(cause, amount)| (*cause, (*amount).to_owned())).collect();
        (difference.to_owned(), causes, unexplained.to_owned())
    }

    #[test]
    fn reconcile_each_cause_holds_in_its_case_alone() {
        let nothing = Charged::default();
        let licences = Feed { is_quantity_only: true, ..MONEY };
        let table = [
            (MONEY, charged(1, "10", "5"), billed(30, "10", "5"), expect("0", &[], "0")),
            (
                MONEY,
                charged(1, "10", "5"),
                billed(30, "10.3", "5"),
                expect("0.3", &[("rounding", "0.3")], "0"),
            ),
            (
                MONEY,
                charged(1, "10", "5"),
                billed(30, "10.32", "5"),
                expect("0.32", &[("price-drift", "0.32")], "0"),
            ),
            (MONEY, charged(1, "10", "5"), billed(30, "10.32", "6"), expect("0.32", &[], "0.32")),
            (MONEY, charged(1, "10", "5"), Billed::default(), expect("-10", &[], "-10")),
            (MONEY, nothing.clone(), billed(1, "10", "5"), expect("10", &[], "10")),
            (
                Feed { is_on_invoice: false, ..MONEY },
                nothing.clone(),
                billed(1, "10", "5"),
                expect("10", &[("not-on-invoice", "10")], "0"),
            ),
            (
                Feed { is_final: false, ..MONEY },
                charged(1, "10", "5"),
                billed(1, "4", "2"),
                expect("-6", &[("late", "-6")], "0"),
            ),
            (
                licences,
                charged(1, "10", "5"),
                billed(30, "0", "150"),
                expect("-10", &[("quantity-only", "-10")], "0"),
            ),
            (
                licences,
                charged(1, "10", "5"),
                Billed::default(),
                expect("-10", &[("quantity-only", "-10")], "0"),
            ),
        ];
        for (feed, charged, billed, expected) in table {
            assert_eq!(told(feed, &charged, &billed), expected, "{feed:?} {charged:?} {billed:?}");
        }
    }

    #[test]
    fn reconcile_what_is_billed_to_nobody_is_less_than_the_invoice() {
        let ours = Billed { unmapped: decimal("3"), ignored: decimal("2"), ..billed(3, "5", "1") };
        let causes = [("unmapped", "-3"), ("ignored", "-2")];
        assert_eq!(told(MONEY, &charged(1, "10", "1"), &ours), expect("-5", &causes, "0"));
        let invoice = Feed { is_invoice: true, ..MONEY };
        assert_eq!(told(invoice, &Charged::default(), &ours), expect("-5", &causes, "0"));
    }

    #[test]
    fn reconcile_a_shift_is_named_only_where_it_explains() {
        let shifted = |amount: &str| Billed { shifted_out: decimal("4"), ..billed(3, amount, "1") };
        let charged = charged(1, "10", "9");
        assert_eq!(told(MONEY, &charged, &shifted("6")), expect("-4", &[("period-shift", "-4")], "0"));
        assert_eq!(told(MONEY, &charged, &shifted("10")), expect("0", &[], "0"));
        assert_eq!(told(MONEY, &charged, &shifted("5")), expect("-5", &[("period-shift", "-4")], "-1"));
        let both = Billed { shifted_in: decimal("2"), ..shifted("8") };
        assert_eq!(told(MONEY, &charged, &both), expect("-2", &[("period-shift", "-2")], "0"));
    }

    #[test]
    fn reconcile_rows_add_up_cause_by_cause() {
        let mut total = Row::default();
        for (vendor, ours) in [("10", "10.01"), ("10", "9.99"), ("1", "5")] {
            let mut row = Row::default();
            row.take(MONEY, &charged(1, vendor, "1"), &billed(1, ours, "2"));
            total.add(&row);
        }
        assert_eq!((total.vendor.canonical(), total.unexplained.canonical()), ("21".into(), "4".into()));
        assert!(total.causes.is_empty(), "what cancels out is no cause");
        assert!(!total.is_reconciled(&decimal("0.01")) && total.is_reconciled(&decimal("4")));
    }

    proptest::proptest! {
        #[test]
        fn reconcil_causes_and_what_is_left_are_always_the_whole_difference(
            amounts in proptest::array::uniform6(-100_000_i64..100_000),
            lines in proptest::array::uniform2(0_u64..50),
            flags in proptest::array::uniform4(proptest::bool::ANY),
        ) {
            let cents = |at: usize| &Decimal::from(amounts[at]) * &decimal("0.01");
            let feed = Feed { is_invoice: flags[0], is_on_invoice: flags[1], is_quantity_only: flags[2], is_final: flags[3] };
            let charged = Charged { lines: lines[0], amount: cents(0), quantities: BTreeMap::new() };
            let billed = Billed {
                lines: lines[1], billed: cents(1), unmapped: cents(2), ignored: cents(3),
                shifted_in: cents(4), shifted_out: cents(5), quantities: BTreeMap::new(),
            };
            let mut row = Row::default();
            row.take(feed, &charged, &billed);
            let sum: Decimal = row.causes.values().sum();
            proptest::prop_assert_eq!(row.difference(), &sum + &row.unexplained);
        }
    }
}
