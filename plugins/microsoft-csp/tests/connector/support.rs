//! Contexts, pages and answers with sensible contents, changed where a test cares.

use std::path::PathBuf;

use bigdecimal::BigDecimal;
use purser_microsoft_csp::MicrosoftCsp;
use purser_plugin_sdk::Connector;
use purser_plugin_sdk::crawl::{Request, Response, Step, Target};
use purser_plugin_sdk::json;
use purser_plugin_sdk::localisation::Products;
use purser_plugin_sdk::manifest::Framing;
use purser_plugin_sdk::mapping::PageContext;
use purser_plugin_sdk::pairs::{pair, pairs};
use purser_plugin_sdk::types::{Fact, Problem, RunContext};
use purser_plugin_sdk::unpack::{Unpacked, unpack};

pub fn run() -> RunContext {
    RunContext {
        settings: String::new(),
        as_of: "2026-11-23T18:00:00Z".into(),
        local_date: "2026-11-23".into(),
        window_from: "2026-11-20".into(),
        window_to: "2026-11-24".into(),
        cloud: "global".into(),
        locale: "nl-NL".into(),
    }
}

pub fn page(feed: &str) -> PageContext {
    let descriptor = MicrosoftCsp::describe();
    let framing = descriptor.feeds.into_iter().find(|f| f.name == feed).unwrap().framing;
    PageContext {
        run: run(),
        feed: feed.into(),
        partition_key: String::new(),
        month: String::new(),
        currency: String::new(),
        stage: 0,
        parameters: Vec::new(),
        framing,
        envelope: String::new(),
        page: 0,
    }
}

/// A body as the host hands it over: the bare array, and what stood beside it as the context's envelope.
pub fn cut(context: &mut PageContext, body: &str) -> Vec<u8> {
    let Framing::JsonItems(pointer) = &context.framing else { return body.into() };
    let Ok(Some(items)) = json::find(body, pointer) else { return body.into() };
    context.envelope = body.replacen(items, "[]", 1);
    items.into()
}

pub fn map(mut context: PageContext, body: &str) -> Unpacked {
    let page = cut(&mut context, body);
    unpack(&MicrosoftCsp::map(&context, &page).unwrap().pack()).unwrap()
}

pub fn products(mut context: PageContext, body: &str) -> Products {
    let page = cut(&mut context, body);
    MicrosoftCsp::products(&context, &page).unwrap()
}

pub fn start(context: &RunContext, feed: &str, facts: &[Fact]) -> Vec<Request> {
    let step = MicrosoftCsp::start(context, feed, facts).unwrap();
    assert_eq!((step.incomplete, step.facts), (None, Vec::new()));
    step.requests
}

pub fn next(feed: &str, request: &Request, response: &Response) -> Result<Step, Problem> {
    MicrosoftCsp::next(&run(), feed, request, response)
}

pub fn answer(status: u16, body: &str) -> Response {
    Response { status, headers: Vec::new(), envelope: body.into(), kept: 0, attempt: 1 }
}

pub fn answer_with(status: u16, header: (&str, &str), body: &str) -> Response {
    Response { headers: vec![pair(header.0, header.1)], ..answer(status, body) }
}

pub fn fact(kind: &str, key: &str, value: &serde_json::Value) -> Fact {
    Fact { kind: kind.into(), key: key.into(), value: value.to_string() }
}

pub type Pairs<'r> = Vec<(&'r str, &'r str)>;

/// Name, path parameters and query of a listed call.
pub fn call(request: &Request) -> (&str, Pairs<'_>, Pairs<'_>) {
    let Target::Call(call) = &request.target else { panic!("no listed call: {request:?}") };
    let path = call.path.iter().map(|p| (p.name.as_str(), p.value.as_str())).collect();
    let query = call.query.iter().map(|p| (p.name.as_str(), p.value.as_str())).collect();
    (&call.name, path, query)
}

pub fn partition_key(request: &Request) -> &str {
    &request.partition.as_ref().unwrap().key
}

pub fn with_parameters<const N: usize>(
    mut context: PageContext,
    parameters: [(&str, &str); N],
) -> PageContext {
    context.parameters = pairs(parameters);
    context
}

pub fn sum<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let total: BigDecimal = texts.into_iter().map(|text| text.parse::<BigDecimal>().unwrap()).sum();
    total.normalized().to_plain_string()
}

/// A payload of the samples' folder; none, with a message, where the folder is not named.
pub fn sample(name: &str) -> Option<String> {
    let Some(folder) = std::env::var_os("PURSER_SAMPLES") else {
        println!("skipped: PURSER_SAMPLES does not name the folder of vendor samples");
        return None;
    };
    let path = PathBuf::from(folder).join(name);
    Some(std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// The sample as the one item of a collection.
pub fn collected(name: &str) -> Option<String> {
    sample(name).map(|item| format!(r#"{{"totalCount":1,"items":[{item}]}}"#))
}
