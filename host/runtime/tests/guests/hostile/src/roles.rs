//! The roles beside mapping.

use crate::exports::purser::connector::crawl::{self, Request, Response, Step};
use crate::exports::purser::connector::localisation::{self, Localised, ProductText};
use crate::purser::connector::types::{Fact, PageContext, Problem, RunContext};
use crate::{Hostile, misbehave};

impl crawl::Guest for Hostile {
    fn start(_context: RunContext, feed: String, facts: Vec<Fact>) -> Result<Step, Problem> {
        misbehave(&feed)?;
        let value = if feed == "bad-fact" { "{" } else { "{}" };
        let facts = facts.into_iter().map(|fact| Fact { value: value.into(), ..fact }).collect();
        Ok(Step { requests: Vec::new(), facts, incomplete: None })
    }

    fn next(_: RunContext, feed: String, request: Request, response: Response) -> Result<Step, Problem> {
        misbehave(&feed)?;
        Ok(Step {
            requests: vec![request],
            facts: Vec::new(),
            incomplete: Some(crawl::Incompleteness::Broken(response.envelope)),
        })
    }
}

impl localisation::Guest for Hostile {
    fn products(context: PageContext, _page: Vec<u8>) -> Result<Localised, Problem> {
        misbehave(&context.feed)?;
        let text = |key: &str, rate: &str| ProductText {
            key: key.into(),
            name: "Name".into(),
            category: String::new(),
            subcategory: String::new(),
            unit: String::new(),
            region: String::new(),
            currency: "EUR".into(),
            rates: vec![("0".into(), rate.into())],
            included_quantity: String::new(),
            record_ordinal: 0,
        };
        Ok(Localised {
            requested: context.run.locale.clone(),
            answered: context.run.locale,
            texts: vec![text("sound", "0.5"), text("unsound", "free")],
            rejected: Vec::new(),
            facts: Vec::new(),
        })
    }
}
