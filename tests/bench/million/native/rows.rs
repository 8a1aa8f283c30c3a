//! Records to rows, with the same references and keys as Purser's.

use anyhow::Context as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use purser_domain::{Decimal, Digest};
use serde::Serialize;
use serde_json::value::RawValue;

use super::ask::Day;
use super::wire::{Record, text};
use crate::world::FEED;

/// The account's number: Purser's first.
const ACCOUNT: u32 = 1;

/// A row of the table.
pub struct Row {
    pub key: [u8; 32],
    pub reference: String,
    pub vendor_customer: String,
    pub vendor_subscription: String,
    pub product_key: String,
    pub product_text: String,
    pub category: String,
    pub quantity: Decimal,
    pub unit: String,
    pub starts: i64,
    pub ends: i64,
    pub vendor_period: String,
    pub metadata: String,
}

#[derive(Serialize)]
struct Metadata<'a> {
    subcategory: &'a str,
    region: &'a str,
    resource_uri: &'a str,
    location: &'a str,
    part_number: &'a str,
    order_number: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_info: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    info_fields: Option<&'a RawValue>,
}

impl Row {
    /// The row of a record.
    pub fn of(day: &Day, record: &Record<'_>) -> anyhow::Result<Self> {
        let start: Timestamp = record.usage_start_time.as_str().parse()?;
        let end: Timestamp = record.usage_end_time.as_str().parse()?;
        let meter = record.resource.id.as_str().to_ascii_lowercase();
        let subscription = day.subscription.to_ascii_lowercase();
        let uri = record.instance_data.resource_uri.as_str().to_ascii_lowercase();
        let date = start.to_zoned(TimeZone::UTC).date();
        let natural = format!("{start}|{end}|{meter}|{uri}").to_ascii_lowercase();
        let reference = format!("{subscription}/{date}/{natural}");
        Ok(Self {
            key: key(&subscription, start, &reference),
            reference,
            vendor_customer: day.customer.to_ascii_lowercase(),
            vendor_subscription: subscription,
            product_key: meter,
            product_text: text(&record.resource.name).to_owned(),
            category: text(&record.resource.category).to_owned(),
            quantity: record.quantity.get().trim_matches('"').parse().context("a quantity is none")?,
            unit: text(&record.unit).to_owned(),
            starts: start.as_second(),
            ends: end.as_second(),
            vendor_period: format!("{:04}-{:02}", date.year(), date.month()),
            metadata: metadata(record)?,
        })
    }
}

fn metadata(record: &Record<'_>) -> anyhow::Result<String> {
    let instance = &record.instance_data;
    Ok(serde_json::to_string(&Metadata {
        subcategory: text(&record.resource.subcategory),
        region: text(&record.resource.region),
        resource_uri: instance.resource_uri.as_str(),
        location: text(&instance.location),
        part_number: text(&instance.part_number),
        order_number: text(&instance.order_number),
        tags: instance.tags,
        additional_info: instance.additional_info,
        info_fields: record.info_fields.filter(|fields| fields.get() != "{}"),
    })?)
}

/// Account 4 bytes, scope 8, day 4, hash 16: neighbours in time are neighbours in the index.
fn key(scope: &str, start: Timestamp, reference: &str) -> [u8; 32] {
    let day = u32::try_from(start.as_second().div_euclid(86_400) + 5_000_000).unwrap_or(0);
    let (scope, hash) = (Digest::of(scope.as_bytes()), Digest::of(format!("{FEED}\0{reference}").as_bytes()));
    let parts = ACCOUNT.to_be_bytes().into_iter().chain(scope.as_bytes().iter().copied().take(8));
    let parts = parts.chain(day.to_be_bytes()).chain(hash.as_bytes().iter().copied().take(16));
    let mut key = [0; 32];
    key.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
    key
}

/// In key order; equal keys are summed.
pub fn folded(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_key(|row| row.key);
    rows.dedup_by(|later, first| {
        let is_same = later.key == first.key;
        if is_same {
            first.quantity = &first.quantity + &later.quantity;
        }
        is_same
    });
    rows
}
