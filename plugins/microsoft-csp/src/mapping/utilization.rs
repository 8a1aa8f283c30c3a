//! Legacy Azure utilization: quantities by meter and resource. The host prices them from the rate card.
//!
//! A record says neither customer nor subscription: the request did. Equal records of one report are summed by the host.

use std::borrow::Cow;

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan as _};
use purser_plugin_sdk::json::{Fields, Names};
use purser_plugin_sdk::mapping::{Amount, Mapped, PageContext, Purchase};
use purser_plugin_sdk::{date, pairs};

use crate::ids;
use crate::settings::Settings;

const RECORD: Names<7> = [
    &["usageStartTime"],
    &["usageEndTime"],
    &["resource"],
    &["quantity"],
    &["unit"],
    &["infoFields"],
    &["instanceData"],
];
const RESOURCE: Names<5> = [&["id"], &["name"], &["category"], &["subcategory"], &["region"]];
const INSTANCE: Names<6> =
    [&["resourceUri"], &["location"], &["partNumber"], &["orderNumber"], &["tags"], &["additionalInfo"]];

/// What the request of a page said.
pub struct Report<'c> {
    customer: &'c str,
    subscription: &'c str,
    /// Of the account's billing cycle.
    billing_day: i8,
}

impl<'c> Report<'c> {
    pub fn of(context: &'c PageContext, settings: &Settings) -> Self {
        let parameter = |name| pairs::get(&context.parameters, name).unwrap_or_default();
        Self {
            customer: parameter("customer"),
            subscription: parameter("subscription"),
            billing_day: settings.billing_day,
        }
    }

    pub fn record(&self, mapped: &mut Mapped, ordinal: u32, record: &str) -> Result<(), String> {
        let record = Fields::read(&RECORD, record)?;
        let resource = record.object(2, &RESOURCE)?;
        let instance = record.object(6, &INSTANCE)?;
        let (began, ended) = (instant(&record, 0)?, instant(&record, 1)?);
        let cycle = cycle_of(Offset::UTC.to_datetime(began).date(), self.billing_day);
        let (start, end) = (date::rfc3339(began), date::rfc3339(ended));
        let meter = resource.text(0)?;
        let meter = ids::id(&meter);
        if meter.is_empty() {
            return Err("resource.id is missing".to_owned());
        }
        let uri = instance.text(0)?;
        let subscription = self.subscription(&uri);
        let purchase = Purchase {
            reference: ids::reference(&[&start, &end, &meter, &uri]).into(),
            vendor_customer: self.customer.into(),
            product_text: resource.text(1)?,
            category: resource.text(2)?,
            quantity: record.required_decimal(3)?,
            unit: record.text(4)?,
            start: start.into(),
            end: end.into(),
            amount: amount(&subscription, cycle, &meter),
            metadata: metadata(&record, &resource, &instance, uri.clone())?,
            vendor_subscription: subscription,
            product_key: meter,
            ..Purchase::default()
        };
        mapped.purchase(&purchase, &[ordinal]);
        Ok(())
    }

    /// As the request named it. An answer tried without its request still tells by its resources' addresses.
    fn subscription<'s>(&self, resource_uri: &'s str) -> Cow<'s, str>
    where
        'c: 's,
    {
        match self.subscription {
            "" => ids::id(ids::subscription_of(resource_uri).unwrap_or_default()),
            asked => ids::id(asked),
        }
    }
}

/// Tiers are counted per subscription, billing cycle and meter; without a subscription there is nothing to count over.
fn amount<'p>(subscription: &str, cycle: Date, meter: &Cow<'p, str>) -> Amount<'p> {
    if subscription.is_empty() {
        return Amount::None;
    }
    let group = format!("{subscription}/{}", date::name(cycle));
    Amount::Tiered { group: group.into(), key: meter.clone() }
}

/// The first day of the billing cycle a UTC day of use lies in.
fn cycle_of(day: Date, billing_day: i8) -> Date {
    let month = if day.day() < billing_day { day.saturating_sub(1.month()) } else { day };
    // Every month has the days a cycle may begin on; the end of the calendar has no month before.
    Date::new(month.year(), month.month(), billing_day).unwrap_or(month)
}

fn instant(record: &Fields<'_, 7>, at: usize) -> Result<Timestamp, String> {
    let name = if at == 0 { "usageStartTime" } else { "usageEndTime" };
    record.moment(at)?.at().ok_or_else(|| format!("{name} is missing"))
}

fn metadata<'r>(
    record: &Fields<'r, 7>,
    resource: &Fields<'r, 5>,
    instance: &Fields<'r, 6>,
    uri: Cow<'r, str>,
) -> Result<Vec<(&'static str, Cow<'r, str>)>, String> {
    Ok(vec![
        ("subcategory", resource.text(3)?),
        ("region", resource.text(4)?),
        ("resource_uri", uri),
        ("location", instance.text(1)?),
        ("part_number", instance.text(2)?),
        ("order_number", instance.text(3)?),
        ("tags", instance.json(4)?),
        ("additional_info", instance.json(5)?),
        ("info_fields", record.json(5)?),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_cycle_begins_on_the_billing_day() {
        let table = [
            ("2026-11-30", 1, "2026-11-01"),
            ("2026-11-01", 1, "2026-11-01"),
            ("2026-11-14", 15, "2026-10-15"),
            ("2026-11-15", 15, "2026-11-15"),
            ("2027-01-05", 28, "2026-12-28"),
            ("2028-03-01", 28, "2028-02-28"),
        ];
        for (day, billing_day, cycle) in table {
            assert_eq!(cycle_of(day.parse().unwrap(), billing_day), cycle.parse().unwrap(), "{day}");
        }
    }
}
