//! `utilizations/azure`: legacy Azure usage by the time it was *reported*, in pages of up to a thousand records.
//!
//! **Invariant:** a page is a function of subscription, window, size, position, the clock's day and the late-usage
//! switch; it is prepared once for that key.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use bytes::Bytes;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::answer::{Answer, Refusal, fault, json_body, query_of, value_of, with_header};
use super::gate::{self, Need};
use super::partner_center::{collection, customer_of, seek, write_token};
use crate::amount::Amount;
use crate::calendar::{Form, http_date, midnight_second, shift};
use crate::cloud::Cloud;
use crate::ledger::{Altered, Fate, LineId, UTILIZATION};
use crate::usage::{self, Record, ReportedDay, Writing};
use crate::world::meters::Meter;
use crate::world::{Customer, Kind, Subscription, World};

/// The most records a page may have, and how many it has when the request does not say.
const LARGEST_PAGE: u64 = 1_000;

/// A checked request, or what a continuation token carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ask {
    /// Seconds since 1970, half-open.
    from: i64,
    to: i64,
    size: u64,
    details: bool,
    hourly: bool,
    offset: u64,
}

pub(super) async fn list(
    State(cloud): State<Arc<Cloud>>,
    Path((customer, subscription)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    gate::partner_center(&cloud, &headers, Need::Billing)?;
    let customer = customer_of(&cloud, &customer)?;
    let subscription = customer
        .subscription(&subscription)
        .filter(|s| matches!(s.kind, Kind::Usage))
        .ok_or_else(|| fault(404, "20003", "There is no such usage subscription.", &[]))?;
    let query = query_of(query.as_deref());
    let ask = match seek(&query, "seek_operation", &headers, "utilization")? {
        Some(token) => {
            read(&token).ok_or_else(|| fault(400, "3000", "The continuation token is not valid.", &[]))?
        }
        None => check(&query)?,
    };
    if let Some(answer) = not_ready(&cloud, subscription) {
        return Ok(answer);
    }
    let page = Page {
        world: &cloud.world,
        altered: cloud.altered,
        customer,
        subscription,
        today: cloud.today(),
        late: cloud.fault(|f| f.late_usage),
        empty: cloud.fault(|f| f.vanish_all) || ask.hourly,
        repeated: cloud.fault(|f| f.repeated_page),
    };
    let key =
        format!("{}|{ask:?}|{}|{}|{}|{}", subscription.id, page.today, page.late, page.empty, page.repeated);
    Ok(json_body(cloud.bodies.get(key, || page.body(ask))))
}

fn check(query: &[(String, String)]) -> Result<Ask, Refusal> {
    let instant = |name: &str| {
        value_of(query, name)
            .and_then(|text| text.parse::<Timestamp>().ok())
            .map(Timestamp::as_second)
            .ok_or_else(|| fault(400, "2001", &format!("{name} is required."), &[name]))
    };
    let size = value_of(query, "size").map_or(Ok(LARGEST_PAGE), str::parse);
    let size = size.ok().filter(|s| (1..=LARGEST_PAGE).contains(s));
    let granularity = value_of(query, "granularity").unwrap_or("daily");
    let hourly = granularity.eq_ignore_ascii_case("hourly");
    if !hourly && !granularity.eq_ignore_ascii_case("daily") {
        return Err(fault(400, "3000", "The granularity is daily or hourly.", &["granularity"]));
    }
    Ok(Ask {
        from: instant("start_time")?,
        to: instant("end_time")?,
        size: size.ok_or_else(|| fault(400, "3000", "The size is between 1 and 1000.", &["size"]))?,
        details: !value_of(query, "show_details").unwrap_or("true").eq_ignore_ascii_case("false"),
        hourly,
        offset: 0,
    })
}

/// The first try of a day is too early for some subscriptions: 204, to be tried again.
fn not_ready(cloud: &Cloud, subscription: &Subscription) -> Option<axum::response::Response> {
    let early = matches!(subscription.index % 5, 1 | 3);
    let never = cloud.fault(|f| f.no_data);
    let early = early && !never && cloud.first_ask_today(subscription.index);
    if !(never || early) {
        return None;
    }
    let as_date = subscription.index % 5 == 3;
    let value = if as_date { http_date(cloud.now() + SignedDuration::from_secs(1)) } else { "0".to_owned() };
    Some(with_header(StatusCode::NO_CONTENT.into_response(), "Retry-After", &value))
}

fn read(token: &str) -> Option<Ask> {
    let mut numbers = token.split(',').map(str::parse::<i64>);
    let mut number = || numbers.next()?.ok();
    Some(Ask {
        from: number()?,
        to: number()?,
        size: u64::try_from(number()?).ok()?,
        details: number()? == 1,
        hourly: number()? == 1,
        offset: u64::try_from(number()?).ok()?,
    })
}

fn written(ask: Ask) -> String {
    let flag = u8::from;
    format!("{},{},{},{},{},{}", ask.from, ask.to, ask.size, flag(ask.details), flag(ask.hourly), ask.offset)
}

struct Page<'a> {
    world: &'a World,
    altered: Altered,
    customer: &'a Customer,
    subscription: &'a Subscription,
    today: Date,
    late: bool,
    empty: bool,
    repeated: bool,
}

impl Page<'_> {
    fn body(&self, ask: Ask) -> Bytes {
        let (mut items, mut count, mut total) = (String::new(), 0, 0);
        if ask.details && !self.empty {
            total = self.parts(ask).map(|(day, low, high)| day.count(low, high)).sum();
            let offset = if self.repeated { 0 } else { ask.offset };
            for record in self.page_records(ask, offset) {
                count += usize::from(self.write(&mut items, record));
            }
        } else if !self.empty {
            count = self.write_by_meter(&mut items, ask);
        }
        let path = format!(
            "customers/{}/subscriptions/{}/utilizations/azure",
            self.customer.id, self.subscription.id
        );
        let next_ask = Ask { offset: ask.offset + ask.size, ..ask };
        let token = write_token("utilization", &written(next_ask));
        let uri = format!("{path}?size={}?seek_operation=Next", ask.size);
        let next = (next_ask.offset < total).then_some((uri.as_str(), token.as_str()));
        Bytes::from(collection(&items, count, &format!("{path}?size={}", ask.size), next))
    }

    /// The reported days of the window with the positions inside it.
    fn parts(&self, ask: Ask) -> impl Iterator<Item = (ReportedDay, u64, u64)> {
        usage::readable_days(self.world, self.today).filter_map(move |day| {
            let reported = ReportedDay::read(self.world, self.subscription, day, self.today, self.late)?;
            let midnight = midnight_second(day);
            let (low, high) = reported.between(ask.from - midnight, ask.to - midnight);
            (low < high).then_some((reported, low, high))
        })
    }

    fn page_records(&self, ask: Ask, offset: u64) -> impl Iterator<Item = (Date, Record)> {
        let mut skip = offset;
        self.parts(ask)
            .filter_map(move |(day, low, high)| {
                let count = day.count(low, high);
                let here = skip.min(count);
                skip -= here;
                (here < count).then(|| day.records(low, high).skip(here as usize).map(move |r| (day.day, r)))
            })
            .flatten()
            .take(ask.size as usize)
    }

    /// Writes one record; false where it is altered away.
    fn write(&self, items: &mut String, (day, record): (Date, Record)) -> bool {
        let line =
            LineId { feed: UTILIZATION, subscription: self.subscription.index, day, index: record.index };
        let quantity = match self.altered.fate(line) {
            Fate::AsItIs => record.quantity,
            Fate::OneMore => record.quantity.bumped(),
            Fate::Dropped => return false,
        };
        let Some(meter) = self.world.meter(record.meter) else { return false };
        if !items.is_empty() {
            items.push(',');
        }
        self.write_head(items, meter, record.usage_day, record.twin);
        match record.writing {
            Writing::Number => write!(items, ",\"quantity\":{quantity}"),
            Writing::Text => write!(items, ",\"quantity\":\"{quantity}\""),
            Writing::Exponent => write!(items, ",\"quantity\":{}", quantity.exponent_text()),
        }
        .unwrap_or_default();
        self.write_tail(items, meter, &record);
        true
    }

    fn write_head(&self, items: &mut String, meter: &Meter, day: Date, position: u64) {
        let form = Form::with_offset(self.subscription.index);
        let text = meter.text(0);
        let id = if position % 6 == 1 { meter.id.to_uppercase() } else { meter.id.clone() };
        write!(
            items,
            "{{\"usageStartTime\":\"{}\",\"usageEndTime\":\"{}\",\"resource\":{{\"id\":\"{id}\",\"name\":\"{}\",\
             \"category\":\"{}\",\"subcategory\":\"{}\",\"region\":\"{}\"}}",
            form.midnight(day),
            form.midnight(shift(day, 1)),
            text.name,
            text.category,
            text.subcategory,
            text.region,
        )
        .unwrap_or_default();
    }

    fn write_tail(&self, items: &mut String, meter: &Meter, record: &Record) {
        write!(
            items,
            ",\"unit\":\"{}\",\"infoFields\":{{}},\"instanceData\":{{\"resourceUri\":\"/subscriptions/{}/resourceGroups/\
             rg-{}/providers/{}/res-{:06}\",\"location\":\"euwest\",\"partNumber\":\"\",\"orderNumber\":{}",
            meter.text(0).unit,
            self.subscription.entitlement,
            record.resource % 7,
            meter.service(),
            record.resource,
            if record.twin % 8 == 2 { "null" } else { "\"\"" },
        )
        .unwrap_or_default();
        match record.twin % 5 {
            0 => items.push_str(",\"tags\":{\"costCentre\":\"4100\",\"owner\":\"ops\"}"),
            1 => items
                .push_str(",\"additionalInfo\":{\"azureStack.MeterId\":\"\",\"ImageType\":\"Canonical\"}"),
            _ => {}
        }
        items.push('}');
        if record.twin % 10 == 6 {
            items.push_str(",\"billing-scope\":{\"kind\":\"preview\"},\"reportedBatch\":7");
        }
        items.push_str(",\"attributes\":{\"objectType\":\"AzureUtilizationRecord\"}}");
    }

    /// `show_details=false`: one record for each meter and usage day, without instance data.
    fn write_by_meter(&self, items: &mut String, ask: Ask) -> usize {
        let mut sums: BTreeMap<(u64, Date), Amount> = BTreeMap::new();
        for (day, low, high) in self.parts(ask) {
            for record in day.records(low, high) {
                let sum = sums.entry((record.meter, record.usage_day)).or_insert(Amount::ZERO);
                *sum = sum.plus(record.quantity);
            }
        }
        for ((meter, day), quantity) in &sums {
            let Some(meter) = self.world.meter(*meter) else { continue };
            if !items.is_empty() {
                items.push(',');
            }
            self.write_head(items, meter, *day, 0);
            let unit = json!(meter.text(0).unit);
            write!(items, ",\"quantity\":{quantity},\"unit\":{unit},\"infoFields\":{{}}}}")
                .unwrap_or_default();
        }
        sums.len()
    }
}
