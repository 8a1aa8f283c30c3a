//! `GET /v1/ratecards/azure`: names, units and rates of meters, in the account's language and in English.
//!
//! Market, currency and language are always all three sent: without them the vendor's documents disagree on defaults.

use purser_plugin_sdk::crawl::{Request, Response, Step};
use purser_plugin_sdk::pairs::{self, pair, pairs};
use purser_plugin_sdk::types::{Problem, RunContext};

use super::{asking, done, kept_call, languages, partition};
use crate::localisation;
use crate::manifest::calls;
use crate::settings::Settings;

pub fn start(context: &RunContext) -> Result<Step, Problem> {
    let settings = Settings::read(&context.settings)?;
    Ok(asking(languages(context).into_iter().map(|locale| request(&settings, locale)).collect()))
}

/// Terms that apply to the whole card stand beside its meters.
pub fn next(request: &Request, response: &Response) -> Result<Step, Problem> {
    let parameters = request.partition.as_ref().map_or(&[][..], |partition| &partition.parameters);
    let market = pairs::get(parameters, "market").unwrap_or_default();
    let facts = localisation::offer_terms(&response.envelope, market).into_iter().collect();
    Ok(Step { facts, ..done() })
}

fn request(settings: &Settings, locale: &str) -> Request {
    let query = pairs([("currency", &settings.currency), ("region", &settings.market)]);
    let parameters =
        pairs([("market", settings.market.as_str()), ("currency", &settings.currency), ("locale", locale)]);
    let key = format!("{}/{}/{locale}", settings.market, settings.currency);
    let mut request = kept_call(calls::RATE_CARD, Vec::new(), query, "/meters", partition(key, parameters));
    request.headers.push(pair("x-locale", locale));
    request
}
