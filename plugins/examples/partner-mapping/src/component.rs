//! The shell of the component: the world `mapping-plugin`, and its words in those of the SDK and back.

use purser_plugin_sdk::manifest::Framing;
use purser_plugin_sdk::mapping;
use purser_plugin_sdk::pairs::pair;
use purser_plugin_sdk::types;

use self::bindings::exports::purser::connector::manifest::{Descriptor, Guest as Manifest};
use self::bindings::exports::purser::connector::mapping::{Columns, Guest as Mapping, PageContext, Problem};
use self::bindings::purser::connector::types as theirs;

mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit/v0.1",
        world: "purser:connector/mapping-plugin",
        generate_all,
    });
}

struct PartnerMapping;

impl Manifest for PartnerMapping {
    /// A name, and whose mapping it is: all else is that connector's.
    fn describe() -> Descriptor {
        Descriptor {
            id: "partner-mapping".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            title: "Microsoft CSP with our articles".to_owned(),
            publisher: "A partner".to_owned(),
            extends: Some(crate::EXTENDS.to_owned()),
            endpoints: Vec::new(),
            calls: Vec::new(),
            download_hosts: Vec::new(),
            feeds: Vec::new(),
            coverage: Vec::new(),
            consent: None,
            settings_schema: String::new(),
            locales: Vec::new(),
            default_locale: String::new(),
        }
    }
}

impl Mapping for PartnerMapping {
    fn map(ctx: PageContext, page: Vec<u8>) -> Result<Columns, Problem> {
        match crate::map(&page_context(ctx), &page) {
            Ok(mapped) => {
                let mapping::Columns { text, counts } = mapped.pack();
                Ok(Columns { text, counts })
            }
            Err(problem) => Err(told(problem)),
        }
    }
}

fn page_context(ctx: PageContext) -> mapping::PageContext {
    let PageContext { run, feed, partition_key, month, currency, stage, parameters, framing, envelope, page } =
        ctx;
    let theirs::RunContext { settings, as_of, local_date, window_from, window_to, cloud, locale } = run;
    mapping::PageContext {
        run: types::RunContext { settings, as_of, local_date, window_from, window_to, cloud, locale },
        feed,
        partition_key,
        month,
        currency,
        stage,
        parameters: parameters.into_iter().map(|it| pair(&it.name, it.value)).collect(),
        framing: match framing {
            theirs::Framing::JsonItems(pointer) => Framing::JsonItems(pointer),
            theirs::Framing::JsonWhole => Framing::JsonWhole,
            theirs::Framing::Lines => Framing::Lines,
            theirs::Framing::Csv => Framing::Csv,
        },
        envelope,
        page,
    }
}

fn told(problem: types::Problem) -> Problem {
    match problem {
        types::Problem::RetryLater(seconds) => Problem::RetryLater(seconds),
        types::Problem::NeedsConsent(text) => Problem::NeedsConsent(text),
        types::Problem::Reject(text) => Problem::Reject(text),
        types::Problem::Bug(text) => Problem::Bug(text),
    }
}

#[allow(unsafe_code, clippy::allow_attributes, reason = "generated: the component's exports")]
const _: () = {
    self::bindings::export!(PartnerMapping with_types_in self::bindings);
};
