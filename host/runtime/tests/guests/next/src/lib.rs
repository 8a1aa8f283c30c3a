//! A connector built for the version that does not exist: it says what it was told that version 0.1 does not know.

wit_bindgen::generate!({
    path: "../../contract/v0.2",
    world: "purser:connector/connector",
    generate_all,
});

use exports::purser::connector::crawl::{Request, Response, Step};
use exports::purser::connector::localisation::Localised;
use exports::purser::connector::manifest::{Call, Descriptor, Endpoint, Feed, Method, Auth, FeedKind, Partitioning};
use exports::purser::connector::mapping::Columns;
use exports::purser::connector::{crawl, localisation, manifest, mapping};
use purser::connector::types::{Fact, Framing, PageContext, Pair, Problem, RunContext};

struct Component;

impl manifest::Guest for Component {
    fn describe() -> Descriptor {
        Descriptor {
            id: "next".into(),
            extends: None,
            version: "1.0.0".into(),
            title: "Next".into(),
            publisher: "Purser tests".into(),
            endpoints: vec![Endpoint {
                name: "api".into(),
                base_urls: vec![Pair { name: "main".into(), value: "https://api.example".into() }],
                auth: Auth::None,
            }],
            calls: vec![Call {
                name: "all".into(),
                endpoint: "api".into(),
                method: Method::Get,
                path: "/all".into(),
                query: vec![],
                headers: vec![],
                per_minute: None,
                purpose: "read all".into(),
            }],
            download_hosts: vec![],
            feeds: vec![Feed {
                name: "any".into(),
                title: "Any".into(),
                kind: FeedKind::Facts,
                invoice: false,
                clouds: vec![],
                partitioning: Partitioning::Scope,
                framing: Framing::Lines,
                gives: vec![],
                needs: vec![],
                amount: vec![],
                currency: vec![],
                quantity: vec![],
                unit: vec![],
                customer: vec![],
            }],
            coverage: vec![],
            consent: None,
            settings_schema: r#"{"type":"object","properties":{}}"#.into(),
            locales: vec![],
            default_locale: "en-US".into(),
        }
    }
}

impl crawl::Guest for Component {
    fn start(ctx: RunContext, _: String, _: Vec<Fact>) -> Result<Step, Problem> {
        let remark = ctx.partner.map(|partner| format!("the books of {partner}"));
        Ok(Step { requests: vec![], facts: vec![], incomplete: None, remark })
    }

    fn next(_: RunContext, _: String, _: Request, _: Response) -> Result<Step, Problem> {
        Ok(Step { requests: vec![], facts: vec![], incomplete: None, remark: None })
    }
}

impl mapping::Guest for Component {
    fn map(_: PageContext, _: Vec<u8>) -> Result<Columns, Problem> {
        Ok(Columns { text: vec![], counts: vec![0, 0, 0, 0] })
    }
}

impl localisation::Guest for Component {
    fn products(_: PageContext, _: Vec<u8>) -> Result<Localised, Problem> {
        Err(Problem::Bug("no texts".into()))
    }
}

export!(Component);
