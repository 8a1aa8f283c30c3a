//! Legacy Azure utilization: quantities by meter and resource. The host prices them from the rate card.
//!
//! A record says neither customer nor subscription: the request did. Equal records of one report are summed by the host.

use std::borrow::Cow;

use purser_plugin_sdk::json::{Fields, Names};
use purser_plugin_sdk::mapping::{Amount, Mapped, PageContext, Purchase};
use purser_plugin_sdk::pairs;

use crate::ids;

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
}

impl<'c> Report<'c> {
    pub fn of(context: &'c PageContext) -> Self {
        let parameter = |name| pairs::get(&context.parameters, name).unwrap_or_default();
        Self { customer: parameter("customer"), subscription: parameter("subscription") }
    }

    pub fn record(&self, mapped: &mut Mapped, ordinal: u32, record: &str) -> Result<(), String> {
        let record = Fields::read(&RECORD, record)?;
        let resource = record.object(2, &RESOURCE)?;
        let instance = record.object(6, &INSTANCE)?;
        let (start, end) = (instant(&record, 0)?, instant(&record, 1)?);
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
            amount: amount(&subscription, &meter),
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

/// Tiers are counted per subscription and meter; without a subscription there is nothing to count over.
fn amount<'p>(subscription: &Cow<'p, str>, meter: &Cow<'p, str>) -> Amount<'p> {
    if subscription.is_empty() {
        return Amount::None;
    }
    Amount::Tiered { group: subscription.clone(), key: meter.clone() }
}

fn instant(record: &Fields<'_, 7>, at: usize) -> Result<String, String> {
    match record.moment(at)?.text() {
        text if text.is_empty() => {
            Err(format!("{} is missing", if at == 0 { "usageStartTime" } else { "usageEndTime" }))
        }
        text => Ok(text),
    }
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
