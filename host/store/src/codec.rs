//! The compact form of what no query looks into: staged contributions, the rest of a Purchase, shares.
//!
//! Every store writes these bytes, so that a database can be moved from one to another row by row. The first byte is
//! the form's number: an older Purser refuses what it does not know instead of reading it wrongly.

use jiff::Timestamp;
use purser_domain::purchase::{Amount, Description, Evidence};
use purser_domain::{Contribution, Currency, Decimal, Digest, Month, PartitionNo, Share};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

const FORM: u8 = 1;

/// What a Purchase's columns do not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Rest {
    /// See [`Description::vendor_subscription`].
    pub vendor_subscription: String,
    /// See [`Description::category`].
    pub category: String,
    /// See [`Description::unit_price`].
    pub unit_price: Option<Decimal>,
    /// See [`Description::unit_price_currency`].
    pub unit_price_currency: Option<Currency>,
    /// See [`Description::exchange_rate`].
    pub exchange_rate: Option<Decimal>,
    /// See [`Description::start`].
    pub start: Timestamp,
    /// See [`Description::end`].
    pub end: Timestamp,
    /// See [`Description::amount`].
    pub amount: Amount,
    /// See [`Description::metadata`].
    pub metadata: Vec<(String, String)>,
    /// See [`Contribution::evidence`].
    pub evidence: Vec<Evidence>,
}

/// `N`: the text of a number, owned when written and borrowed when read.
#[derive(Serialize, Deserialize)]
struct PackedRest<'a, N> {
    vendor_subscription: &'a str,
    category: &'a str,
    unit_price: Option<N>,
    #[serde(borrow)]
    unit_price_currency: Option<&'a str>,
    exchange_rate: Option<N>,
    start: (i64, i32),
    end: (i64, i32),
    #[serde(borrow)]
    amount: PackedAmount<'a>,
    #[serde(borrow)]
    metadata: Vec<(&'a str, &'a str)>,
    #[serde(borrow)]
    evidence: Vec<(&'a [u8], u32)>,
}

#[derive(Serialize, Deserialize)]
enum PackedAmount<'a> {
    Given,
    Tiered(&'a str, &'a str),
    None,
}

#[derive(Serialize, Deserialize)]
struct PackedContribution<'a, N> {
    reference: &'a str,
    vendor_customer: &'a str,
    product_key: &'a str,
    product_text: &'a str,
    unit: &'a str,
    #[serde(borrow)]
    currency: Option<&'a str>,
    quantity: N,
    cost: Option<N>,
    #[serde(borrow, bound(deserialize = "N: Deserialize<'de>"))]
    rest: PackedRest<'a, N>,
}

#[derive(Serialize, Deserialize)]
struct PackedShare<'a, N> {
    partition: i64,
    vendor_period: &'a str,
    #[serde(borrow, bound(deserialize = "N: Deserialize<'de>"))]
    contribution: PackedContribution<'a, N>,
}

/// Packs what the columns of a Purchase do not hold.
pub fn pack_rest(description: &Description, evidence: &[Evidence]) -> Result<Vec<u8>> {
    pack(&PackedRest::of(description, evidence))
}

/// Unpacks what [`pack_rest`] packed.
pub fn unpack_rest(bytes: &[u8]) -> Result<Rest> {
    unpack::<PackedRest<'_, &str>>(bytes)?.read()
}

/// Packs shares.
pub fn pack_shares(shares: &[Share]) -> Result<Vec<u8>> {
    let packed = shares.iter().map(|share| PackedShare {
        partition: share.partition.0,
        vendor_period: share.vendor_period.as_str(),
        contribution: PackedContribution::of(&share.contribution),
    });
    pack(&packed.collect::<Vec<_>>())
}

/// Unpacks what [`pack_shares`] packed.
pub fn unpack_shares(bytes: &[u8]) -> Result<Vec<Share>> {
    let shares = unpack::<Vec<PackedShare<'_, &str>>>(bytes)?;
    let read = shares.into_iter().map(|share| {
        let vendor_period: Month = parse(share.vendor_period)?;
        let contribution = share.contribution.read()?;
        Ok(Share { partition: PartitionNo(share.partition), vendor_period, contribution })
    });
    read.collect()
}

/// Appends a contribution.
pub(crate) fn append_contribution(contribution: &Contribution, out: Vec<u8>) -> Result<Vec<u8>> {
    postcard::to_extend(&PackedContribution::of(contribution), out)
        .map_err(|error| Error::Failed(Box::new(error)))
}

/// Reads what [`append_contribution`] wrote.
pub(crate) fn read_contribution(bytes: &[u8]) -> Result<Contribution> {
    postcard::from_bytes::<PackedContribution<'_, &str>>(bytes).map_err(|_| unknown())?.read()
}

impl<'a> PackedRest<'a, String> {
    fn of(description: &'a Description, evidence: &'a [Evidence]) -> Self {
        Self {
            vendor_subscription: &description.vendor_subscription,
            category: &description.category,
            unit_price: description.unit_price.as_ref().map(Decimal::canonical),
            unit_price_currency: description.unit_price_currency.as_ref().map(Currency::as_str),
            exchange_rate: description.exchange_rate.as_ref().map(Decimal::canonical),
            start: instant(description.start),
            end: instant(description.end),
            amount: match &description.amount {
                Amount::Given => PackedAmount::Given,
                Amount::Tiered { group, key } => PackedAmount::Tiered(group, key),
                Amount::None => PackedAmount::None,
            },
            metadata: description
                .metadata
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect(),
            evidence: evidence.iter().map(|it| (it.page.as_bytes().as_slice(), it.ordinal)).collect(),
        }
    }
}

impl PackedRest<'_, &str> {
    fn read(self) -> Result<Rest> {
        Ok(Rest {
            vendor_subscription: self.vendor_subscription.to_owned(),
            category: self.category.to_owned(),
            unit_price: self.unit_price.map(parse).transpose()?,
            unit_price_currency: self.unit_price_currency.map(parse).transpose()?,
            exchange_rate: self.exchange_rate.map(parse).transpose()?,
            start: timestamp(self.start)?,
            end: timestamp(self.end)?,
            amount: match self.amount {
                PackedAmount::Given => Amount::Given,
                PackedAmount::Tiered(group, key) => {
                    Amount::Tiered { group: group.to_owned(), key: key.to_owned() }
                }
                PackedAmount::None => Amount::None,
            },
            metadata: self
                .metadata
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            evidence: self
                .evidence
                .iter()
                .map(|(page, ordinal)| evidence(page, *ordinal))
                .collect::<Result<_>>()?,
        })
    }
}

impl<'a> PackedContribution<'a, String> {
    fn of(contribution: &'a Contribution) -> Self {
        let description = &contribution.description;
        Self {
            reference: &contribution.reference,
            vendor_customer: &description.vendor_customer,
            product_key: &description.product_key,
            product_text: &description.product_text,
            unit: &description.unit,
            currency: description.currency.as_ref().map(Currency::as_str),
            quantity: contribution.quantity.canonical(),
            cost: contribution.cost.as_ref().map(Decimal::canonical),
            rest: PackedRest::of(description, &contribution.evidence),
        }
    }
}

impl PackedContribution<'_, &str> {
    fn read(self) -> Result<Contribution> {
        let rest = self.rest.read()?;
        let columns = Columns {
            vendor_customer: self.vendor_customer.to_owned(),
            product_key: self.product_key.to_owned(),
            product_text: self.product_text.to_owned(),
            unit: self.unit.to_owned(),
            currency: self.currency.map(parse).transpose()?,
        };
        let (description, evidence) = rest.describe(columns);
        Ok(Contribution {
            reference: self.reference.to_owned(),
            description,
            quantity: parse(self.quantity)?,
            cost: self.cost.map(parse).transpose()?,
            evidence,
        })
    }
}

/// What of a description stands in columns.
#[derive(Debug, Clone)]
pub struct Columns {
    /// See [`Description::vendor_customer`].
    pub vendor_customer: String,
    /// See [`Description::product_key`].
    pub product_key: String,
    /// See [`Description::product_text`].
    pub product_text: String,
    /// See [`Description::unit`].
    pub unit: String,
    /// See [`Description::currency`].
    pub currency: Option<Currency>,
}

impl Rest {
    /// The whole description, and the evidence.
    #[must_use]
    pub fn describe(self, columns: Columns) -> (Description, Vec<Evidence>) {
        let description = Description {
            vendor_customer: columns.vendor_customer,
            vendor_subscription: self.vendor_subscription,
            product_key: columns.product_key,
            product_text: columns.product_text,
            category: self.category,
            unit: columns.unit,
            unit_price: self.unit_price,
            unit_price_currency: self.unit_price_currency,
            currency: columns.currency,
            exchange_rate: self.exchange_rate,
            start: self.start,
            end: self.end,
            amount: self.amount,
            metadata: self.metadata.into_iter().collect(),
        };
        (description, self.evidence)
    }
}

fn instant(at: Timestamp) -> (i64, i32) {
    (at.as_second(), at.subsec_nanosecond())
}

fn timestamp((second, nanosecond): (i64, i32)) -> Result<Timestamp> {
    Timestamp::new(second, nanosecond).map_err(|_| unknown())
}

fn evidence(page: &[u8], ordinal: u32) -> Result<Evidence> {
    let page = page.try_into().map(Digest::from_bytes).map_err(|_| unknown())?;
    Ok(Evidence { page, ordinal })
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| unknown())
}

fn pack<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    postcard::to_extend(value, vec![FORM]).map_err(|error| Error::Failed(Box::new(error)))
}

fn unpack<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T> {
    match bytes.split_first() {
        Some((&FORM, packed)) => postcard::from_bytes(packed).map_err(|_| unknown()),
        _ => Err(unknown()),
    }
}

/// The error of bytes this version does not know.
pub(crate) fn unknown() -> Error {
    Error::Damaged(
        "a stored record has an unknown form; it was written by a newer Purser, or is damaged".into(),
    )
}
