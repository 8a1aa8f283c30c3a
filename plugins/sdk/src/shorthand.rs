//! Short ways to say what most plugins say: a descriptor with one endpoint, a GET that is kept, a step that asks more.
//!
//! The contract's records have a field for everything a connector may need; these start from what is usual, and the rest
//! is set by struct update or on the value itself.

use std::borrow::Cow;

use crate::crawl::{CallTarget, Incompleteness, Partition, Request, Response, Step, Target};
use crate::json;
use crate::localisation::{ProductText, Products, Rejection};
use crate::manifest::{
    Auth, Call, Descriptor, Endpoint, Feed, FeedKind, Framing, Locale, Method, Partitioning,
};
use crate::mapping::{Mapped, PageContext, Purchase};
use crate::pairs::{pair, pairs};
use crate::types::{Fact, Problem};

impl Descriptor {
    /// A connector that needs no consent and has no settings, with texts in American English.
    #[must_use]
    pub fn new(id: &str, version: &str, title: &str, publisher: &str) -> Self {
        let english = Locale { tag: "en-US".to_owned(), title: "English (United States)".to_owned() };
        Self {
            id: id.to_owned(),
            version: version.to_owned(),
            title: title.to_owned(),
            publisher: publisher.to_owned(),
            extends: None,
            endpoints: Vec::new(),
            calls: Vec::new(),
            download_hosts: Vec::new(),
            feeds: Vec::new(),
            coverage: Vec::new(),
            consent: None,
            settings_schema: r#"{"type":"object","properties":{}}"#.to_owned(),
            locales: vec![english],
            default_locale: "en-US".to_owned(),
        }
    }
}

impl Endpoint {
    /// One that is at this address in the cloud `main`.
    #[must_use]
    pub fn new(name: &str, base_url: &str, auth: Auth) -> Self {
        Self { name: name.to_owned(), base_urls: pairs([("main", base_url)]), auth }
    }
}

impl Call {
    /// A GET that may name these in its query. `purpose` is what an administrator reads when asked to allow it.
    #[must_use]
    pub fn get(name: &str, endpoint: &str, path: &str, query: &[&str], purpose: &str) -> Self {
        Self {
            name: name.to_owned(),
            endpoint: endpoint.to_owned(),
            method: Method::Get,
            path: path.to_owned(),
            query: query.iter().map(|&name| name.to_owned()).collect(),
            headers: Vec::new(),
            per_minute: None,
            purpose: purpose.to_owned(),
        }
    }
}

impl Feed {
    /// A feed of this kind, one partition each request scope.
    #[must_use]
    pub fn new(name: &str, title: &str, kind: FeedKind, framing: Framing) -> Self {
        Self {
            name: name.to_owned(),
            title: title.to_owned(),
            kind,
            invoice: false,
            clouds: Vec::new(),
            partitioning: Partitioning::Scope,
            framing,
            gives: Vec::new(),
            needs: Vec::new(),
            amount: Vec::new(),
            currency: Vec::new(),
            quantity: Vec::new(),
            unit: Vec::new(),
            customer: Vec::new(),
        }
    }
}

impl Request {
    /// A listed call whose answer is kept in a partition, framed like this.
    #[must_use]
    pub fn kept(call: &str, framing: Framing, partition: Partition) -> Self {
        Self { keep: Some(framing), partition: Some(partition), ..Self::unkept(call) }
    }

    /// A listed call whose answer only `next` reads.
    #[must_use]
    pub fn unkept(call: &str) -> Self {
        let target = CallTarget { name: call.to_owned(), path: Vec::new(), query: Vec::new() };
        Self {
            target: Target::Call(target),
            headers: Vec::new(),
            body: None,
            partition: None,
            keep: None,
            delay: 0,
            state: String::new(),
        }
    }

    /// Fills a part of the call's path.
    #[must_use]
    pub fn path(mut self, name: &str, value: impl Into<String>) -> Self {
        if let Target::Call(call) = &mut self.target {
            call.path.push(pair(name, value));
        }
        self
    }

    /// Says something in the query, in place of what was said under this name.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl Into<String>) -> Self {
        if let Target::Call(call) = &mut self.target {
            call.query.retain(|said| said.name != name);
            call.query.push(pair(name, value));
        }
        self
    }
}

impl Partition {
    /// A partition without months, currencies or stages.
    #[must_use]
    pub fn of(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            month: String::new(),
            currency: String::new(),
            stage: 0,
            parameters: Vec::new(),
            version: String::new(),
        }
    }

    /// Hands something to `map` that the vendor's items do not say themselves.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.parameters.push(pair(name, value));
        self
    }
}

impl Step {
    /// Asks these next; none: this way is walked to its end.
    #[must_use]
    pub fn asking(requests: impl IntoIterator<Item = Request>) -> Self {
        Self { requests: requests.into_iter().collect(), facts: Vec::new(), incomplete: None }
    }

    /// What was asked for will not come, and the partition must not replace what is stored. The text is for the
    /// administrator: a code, what happened, what to do.
    #[must_use]
    pub fn broken(words: impl Into<String>) -> Self {
        Self { incomplete: Some(Incompleteness::Broken(words.into())), ..Self::asking([]) }
    }
}

impl Response {
    /// The text a JSON pointer leads to in the envelope; empty where there is none.
    #[must_use]
    pub fn text(&self, pointer: &str) -> Cow<'_, str> {
        json::find_text(&self.envelope, pointer)
    }
}

/// What one record became.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "it lives for one record, and is mostly the large one")]
pub enum Became<'r> {
    /// A Purchase.
    Purchase(Purchase<'r>),
    /// Left out on purpose, by this rule.
    Ignored(&'static str),
    /// Something later feeds need.
    Fact(Fact),
}

impl Mapped {
    /// Reads each record by itself; one that cannot be read is set aside with the reason, and the others are read.
    pub fn each<'r, R: Copy>(
        records: impl IntoIterator<Item = R>,
        read: impl Fn(R) -> Result<Became<'r>, String>,
    ) -> Self {
        let mut mapped = Self::default();
        for (ordinal, record) in (0..).zip(records) {
            match read(record) {
                Ok(Became::Purchase(purchase)) => mapped.purchase(&purchase, &[ordinal]),
                Ok(Became::Ignored(rule)) => mapped.ignore(rule, ordinal),
                Ok(Became::Fact(fact)) => {
                    mapped.fact(fact);
                    mapped.ignore("fact", ordinal);
                }
                Err(reason) => mapped.reject(ordinal, reason),
            }
        }
        mapped
    }
}

impl Products {
    /// Reads each record of a page of texts by itself. `answered` is the language the vendor says it answers in; empty: the
    /// one that was asked.
    pub fn each<R: Copy>(
        context: &PageContext,
        answered: &str,
        records: impl IntoIterator<Item = R>,
        read: impl Fn(R) -> Result<ProductText, String>,
    ) -> Self {
        let requested = context.run.locale.clone();
        let answered = if answered.is_empty() { requested.clone() } else { answered.to_owned() };
        let mut products =
            Self { requested, answered, texts: Vec::new(), rejected: Vec::new(), facts: Vec::new() };
        for (record_ordinal, record) in (0..).zip(records) {
            match read(record) {
                Ok(text) => products.texts.push(ProductText { record_ordinal, ..text }),
                Err(reason) => products.rejected.push(Rejection { record_ordinal, reason }),
            }
        }
        products
    }
}

impl ProductText {
    /// A name and a unit, without rates.
    #[must_use]
    pub fn named(key: impl Into<String>, name: impl Into<String>, unit: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            name: name.into(),
            category: String::new(),
            subcategory: String::new(),
            unit: unit.into(),
            region: String::new(),
            currency: String::new(),
            rates: Vec::new(),
            included_quantity: String::new(),
            record_ordinal: 0,
        }
    }
}

impl Fact {
    /// A customer, as the host reads it.
    #[must_use]
    pub fn customer(id: &str, name: &str, domain: &str) -> Self {
        let value = serde_json::json!({ "name": name, "domain": domain }).to_string();
        Self { kind: "customer".to_owned(), key: id.to_owned(), value }
    }
}

/// A problem of the plugin itself: a feed it does not have.
#[must_use]
pub fn no_feed(name: &str) -> Problem {
    Problem::Bug(format!("there is no feed {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unpack::unpack;

    #[test]
    fn each_record_stands_in_exactly_one_place() {
        let read = |record: &'static str| match record {
            "skip" => Ok(Became::Ignored("rule")),
            "fact" => Ok(Became::Fact(Fact::customer("1", "N", ""))),
            "bad" => Err("no good".to_owned()),
            record => Ok(Became::Purchase(Purchase { reference: record.into(), ..Purchase::default() })),
        };
        let mapped = unpack(&Mapped::each(["a", "skip", "fact", "bad", "b"], read).pack()).unwrap();
        let places: Vec<_> = mapped.purchases.iter().map(|one| one.records.clone()).collect();
        assert_eq!(places, [vec![0], vec![4]]);
        assert_eq!(mapped.ignored, [("rule".to_owned(), vec![1]), ("fact".to_owned(), vec![2])]);
        assert_eq!(mapped.rejected, [(3, "no good".to_owned())]);
        assert_eq!(mapped.facts.len(), 1);
    }

    #[test]
    fn a_query_says_one_thing_under_a_name() {
        let request = Request::unkept("usage").query("page", "1").query("day", "d").query("page", "2");
        let Target::Call(call) = request.target else { panic!("a call") };
        assert_eq!(call.query, pairs([("day", "d"), ("page", "2")]));
    }
}
