//! `GET /v1/products/{product}/skus/{sku}`: titles of what is in use, in the account's language and in English.

use purser_plugin_sdk::crawl::{Request, Response, Step};
use purser_plugin_sdk::json;
use purser_plugin_sdk::manifest::Framing;
use purser_plugin_sdk::pairs::{self, pair, pairs};
use purser_plugin_sdk::types::{Fact, Problem, RunContext};

use super::{asking, done, fault, kept_call, languages, partition};
use crate::manifest::calls;
use crate::settings::Settings;

/// The kind of fact that says which product the catalogue does not know.
pub const UNLISTED: &str = "unlisted-product";
const NOT_FOUND: u16 = 404;

pub fn start(context: &RunContext, products: &[Fact]) -> Result<Step, Problem> {
    let settings = Settings::read(&context.settings)?;
    let languages = languages(context);
    let named = products.iter().filter_map(|fact| Some((fact.key.as_str(), product_and_sku(fact)?)));
    let of = |(key, sku): (&str, (String, String))| {
        languages.iter().map(|locale| request(&settings, locale, key, &sku)).collect::<Vec<_>>()
    };
    Ok(asking(named.flat_map(of).collect()))
}

/// As a record named them; where it is the host that asks, the key says the same. None for what is in no catalogue, such
/// as a meter.
fn product_and_sku(fact: &Fact) -> Option<(String, String)> {
    let (product, sku) = (json::find_text(&fact.value, "/product"), json::find_text(&fact.value, "/sku"));
    if !product.is_empty() {
        return Some((product.into_owned(), sku.into_owned()));
    }
    let (product, sku) = fact.key.split_once(':')?;
    Some((product.to_uppercase(), sku.to_uppercase()))
}

/// What is no longer sold is not in the catalogue: no error of the run. The title that is stored stays, since an answer
/// without a text takes none away; a fact tells which it is.
pub fn next(context: &RunContext, request: &Request, response: &Response) -> Result<Step, Problem> {
    match response.status {
        200..300 => Ok(done()),
        NOT_FOUND => Ok(Step { facts: unlisted(request).into_iter().collect(), ..done() }),
        _ => fault::settle(context, response),
    }
}

fn unlisted(request: &Request) -> Option<Fact> {
    let partition = request.partition.as_ref()?;
    let market = pairs::get(&partition.parameters, "market")?;
    let value = serde_json::json!({ "market": market }).to_string();
    Some(Fact { kind: UNLISTED.to_owned(), key: partition.key.clone(), value })
}

fn request(settings: &Settings, locale: &str, key: &str, (id, sku): &(String, String)) -> Request {
    let parameters =
        pairs([("market", settings.market.as_str()), ("locale", locale), ("product", id), ("sku", sku)]);
    let key = format!("{}/{locale}/{key}", settings.market);
    let path = vec![pair("product", &**id), pair("sku", &**sku)];
    let query = pairs([("country", &settings.market)]);
    let mut request = kept_call(calls::SKU, path, query, "", partition(key, parameters));
    request.keep = Some(Framing::JsonWhole);
    request.headers.push(pair("x-locale", locale));
    request
}
