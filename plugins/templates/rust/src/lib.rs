//! A Purser connector for {{title}}: customers, what each used a day, and the names of products.
//!
//! A plugin has no network, clock or files. It says what to ask (`start`, `next`) and what an answer means (`map`,
//! `products`); Purser asks, keeps every answer, and calls again. See `wit/v0.1/connector.wit`, the whole contract.

mod manifest;

use purser_plugin_sdk::crawl::{Partition, Request, Response, Step};
use purser_plugin_sdk::json::{Fields, Names, find_text};
use purser_plugin_sdk::localisation::{ProductText, Products};
use purser_plugin_sdk::manifest::{Descriptor, Framing};
use purser_plugin_sdk::mapping::{Amount, Mapped, PageContext, Purchase};
use purser_plugin_sdk::types::{Fact, Problem, RunContext};
use purser_plugin_sdk::{Became, Connector, date, no_feed, page};

pub struct Plugin;

impl Connector for Plugin {
    fn describe() -> Descriptor {
        manifest::describe()
    }

    fn start(context: &RunContext, feed: &str, _facts: &[Fact]) -> Result<Step, Problem> {
        match feed {
            "customers" => Ok(Step::asking([list("customers", Partition::of("customers"))])),
            "usage" => usage(context).map_err(Problem::Bug),
            "products" => {
                let partition = Partition::of(context.locale.as_str());
                Ok(Step::asking([list("products", partition).query("language", context.locale.as_str())]))
            }
            other => Err(no_feed(other)),
        }
    }

    fn next(_: &RunContext, _: &str, request: &Request, response: &Response) -> Result<Step, Problem> {
        match response.status {
            // The vendor names the next page, or nothing.
            200 => Ok(match &*response.text("/next") {
                "" => Step::asking([]),
                page => Step::asking([request.clone().query("page", page)]),
            }),
            401 | 403 => Err(Problem::NeedsConsent("the key is refused · enter a new one".into())),
            429 | 503 => Err(Problem::RetryLater(30)),
            status => Ok(Step::broken(format!("VENDOR-{status} the vendor refused the request · try again later"))),
        }
    }

    fn map(context: &PageContext, page: &[u8]) -> Result<Mapped, Problem> {
        let records = page::records(&context.framing, page)?;
        match context.feed.as_str() {
            "customers" => Ok(Mapped::each(records, customer)),
            "usage" => {
                let free = free_products(context);
                Ok(Mapped::each(records, |record| purchase(record, &free)))
            }
            other => Err(no_feed(other)),
        }
    }

    fn products(context: &PageContext, page: &[u8]) -> Result<Products, Problem> {
        let answered = find_text(&context.envelope, "/language");
        Ok(Products::each(context, &answered, page::records(&context.framing, page)?, product))
    }
}

purser_plugin_sdk::export_connector!(Plugin);

/// The first page of a list whose items stand at `/items`.
fn list(call: &str, partition: Partition) -> Request {
    Request::kept(call, Framing::JsonItems("/items".into()), partition)
}

/// One partition a day: what a day's complete retrieval brings replaces what was stored of that day.
fn usage(context: &RunContext) -> Result<Step, String> {
    let days = date::days(&context.window_from, &context.window_to)?;
    let of_day = |day| list("usage", Partition::of(date::name(day))).query("day", date::name(day));
    Ok(Step::asking(days.into_iter().map(of_day)))
}

const CUSTOMER: Names<3> = [&["id"], &["name"], &["domain"]];

fn customer(record: &str) -> Result<Became<'_>, String> {
    let customer = Fields::read(&CUSTOMER, record)?;
    let id = customer.text(0)?;
    if id.is_empty() {
        return Err("id is missing".into());
    }
    Ok(Became::Fact(Fact::customer(&id, &customer.text(1)?, &customer.text(2)?)))
}

const USAGE: Names<8> =
    [&["customer"], &["service"], &["product"], &["day"], &["hours"], &["price"], &["amount"], &["currency"]];

/// Amounts and quantities cross as the text the vendor spelt: no number becomes a float.
fn purchase<'r>(record: &'r str, free: &[String]) -> Result<Became<'r>, String> {
    let usage = Fields::read(&USAGE, record)?;
    let (service, product, day) = (usage.text(1)?, usage.text(2)?, usage.text(3)?);
    if free.iter().any(|name| *name == product) {
        return Ok(Became::Ignored("free-product"));
    }
    let (start, end) = date::day(&day)?;
    Ok(Became::Purchase(Purchase {
        // What stays the same when the vendor restates: no price, no amount. Purser adds customer and day.
        reference: format!("{service}/{product}").into(),
        vendor_customer: usage.text(0)?,
        product_text: product.clone(),
        product_key: product,
        quantity: usage.required_decimal(4)?,
        unit: "Hour".into(),
        unit_price: usage.decimal(5)?,
        unit_price_currency: usage.text(7)?,
        cost: usage.required_decimal(6)?,
        currency: usage.text(7)?,
        start: date::rfc3339(start).into(),
        end: date::rfc3339(end).into(),
        amount: Amount::Given,
        metadata: vec![("service", service)],
        ..Purchase::default()
    }))
}

/// A setting: see the schema in `manifest.rs`.
fn free_products(context: &PageContext) -> Vec<String> {
    let settings: serde_json::Value = serde_json::from_str(&context.run.settings).unwrap_or_default();
    let free = settings.get("free-products").and_then(|free| free.as_array());
    free.into_iter().flatten().filter_map(|name| name.as_str()).map(str::to_owned).collect()
}

const PRODUCT: Names<3> = [&["id"], &["name"], &["unit"]];

fn product(record: &str) -> Result<ProductText, String> {
    let product = Fields::read(&PRODUCT, record)?;
    Ok(ProductText::named(product.text(0)?, product.text(1)?, product.text(2)?))
}

#[cfg(test)]
mod tests;
