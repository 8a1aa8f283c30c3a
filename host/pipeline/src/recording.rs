//! A recording: what a plugin asked in one run and what the vendor answered, to read, to give away, and to run again.
//!
//! JSON: a head, then one object an exchange. What a vendor cannot be asked again it holds whole: answers that were kept
//! and those that only the crawl read. A run over a recording makes the same requests and the same Purchases, on any
//! machine; so the one file is an author's test, a case for the conformance suite, and what the demo's vendor answers from.
//!
//! **Invariant:** of a request's headers only those are in it that the plugin gave, who knows no token; see [`redact`] for
//! the rest.

mod answers;
mod recorder;
pub mod redact;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use purser_runtime::contract::crawl::{Request, Target};
use purser_runtime::contract::types::{Pair, RunContext};
use purser_vendor::client::{ATTEMPT_ID, REQUEST_ID};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use url::Url;

pub use answers::{Answers, NotRecorded};
pub use recorder::{Recorder, Source, Spool, Tape};

/// Grows where an older reader would misread it.
pub const FORMAT: u32 = 2;

/// A recording in memory.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Of which run.
    pub head: Head,
    /// In the order they were answered.
    pub exchanges: Vec<Exchange>,
}

/// What the recording is of.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Head {
    /// [`FORMAT`].
    pub purser_recording: u32,
    /// The connector's id.
    pub connector: String,
    /// What the run was started with.
    pub context: Context,
    /// The first day of feeds that reach back further than the window begins, or less far.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub first_days: BTreeMap<String, String>,
    /// Where downloads came from, where the operator's configuration named it in place of the plugin's own hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub download_hosts: Vec<Url>,
    /// Names the host wanted beside those of products that records told of: by key, the vendor's words. Which these are
    /// depends on what stood in the ledger at that moment. None: of every product that a Purchase names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted_products: Option<BTreeMap<String, String>>,
}

/// What the run was started with: the contract's run context, to be read by people.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Context {
    /// One JSON object.
    #[serde(default = "no_settings")]
    pub settings: Box<RawValue>,
    /// RFC 3339, UTC.
    pub as_of: String,
    /// `YYYY-MM-DD`.
    pub local_date: String,
    /// First UTC day.
    pub window_from: String,
    /// First UTC day after.
    pub window_to: String,
    /// One of the connector's clouds.
    pub cloud: String,
    /// BCP 47.
    pub locale: String,
}

/// One request and its answer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Exchange {
    /// The feed that asked.
    pub feed: String,
    /// One of the connector's calls …
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub call: String,
    /// … or the address of a download, without its query.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub download: String,
    /// What the call's path was filled with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub path: BTreeMap<String, String>,
    /// The call's query; no vendor needs one name twice.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, String>,
    /// Headers the plugin asked with. None: whatever it asks with, this is the answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub asked_with: BTreeMap<String, String>,
    /// What a POST said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The answer's status; 200 where it is not said.
    #[serde(default = "ok")]
    pub status: u16,
    /// Headers of the answer that a plugin may look at.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The answer's body, where it is JSON …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Box<RawValue>>,
    /// … where it is other text …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// … or anything else, in base 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// Records of a long answer that the recording leaves out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
}

/// Why a text is no recording.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is not JSON, or not of this shape.
    #[error("value {0} of the recording cannot be read: {1}")]
    Value(usize, String),
    /// A head is missing.
    #[error("the recording does not begin with its head, an object with \"purser-recording\"")]
    NoHead,
    /// Written by another version.
    #[error("the recording has the format {0}, this Purser reads {FORMAT}")]
    Format(u32),
}

impl Recording {
    /// Reads a recording. Values may be spread over lines, so that people can write one.
    ///
    /// # Errors
    /// Where it is none, with the number of the value that is at fault.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<Box<RawValue>>().enumerate();
        let told =
            |position: usize, error: serde_json::Error| Unreadable::Value(position + 1, error.to_string());
        let (_, first) = values.next().ok_or(Unreadable::NoHead)?;
        let first = first.map_err(|error| told(0, error))?;
        let marked: serde_json::Value = serde_json::from_str(first.get()).map_err(|error| told(0, error))?;
        match marked.get("purser-recording").and_then(serde_json::Value::as_u64) {
            None => return Err(Unreadable::NoHead),
            Some(format) if format != u64::from(FORMAT) => {
                return Err(Unreadable::Format(u32::try_from(format).unwrap_or(u32::MAX)));
            }
            Some(_) => {}
        }
        let head = serde_json::from_str(first.get()).map_err(|error| told(0, error))?;
        let exchange = |(position, value): (usize, Result<Box<RawValue>, serde_json::Error>)| {
            let value = value.map_err(|error| told(position, error))?;
            serde_json::from_str(value.get()).map_err(|error| told(position, error))
        };
        Ok(Self { head, exchanges: values.map(exchange).collect::<Result<_, _>>()? })
    }
}

impl Head {
    /// Of a run.
    #[must_use]
    pub fn new(connector: &str, context: &RunContext) -> Self {
        let (connector, context) = (connector.to_owned(), Context::of(context));
        let (first_days, download_hosts) = (BTreeMap::new(), Vec::new());
        let wanted_products = None;
        Self { purser_recording: FORMAT, connector, context, first_days, download_hosts, wanted_products }
    }

    /// Notes where a feed begins.
    pub fn begins(&mut self, feed: &str, context: &RunContext) {
        if context.window_from != self.context.window_from {
            self.first_days.insert(feed.to_owned(), context.window_from.clone());
        }
    }

    /// What a feed was started with.
    #[must_use]
    pub fn context_of(&self, feed: &str) -> RunContext {
        let context = self.context.run();
        match self.first_days.get(feed) {
            Some(first) => RunContext { window_from: first.clone(), ..context },
            None => context,
        }
    }
}

impl Context {
    /// For people.
    #[must_use]
    pub fn of(context: &RunContext) -> Self {
        Self {
            settings: RawValue::from_string(context.settings.clone()).unwrap_or_else(|_| no_settings()),
            as_of: context.as_of.clone(),
            local_date: context.local_date.clone(),
            window_from: context.window_from.clone(),
            window_to: context.window_to.clone(),
            cloud: context.cloud.clone(),
            locale: context.locale.clone(),
        }
    }

    /// For a plugin.
    #[must_use]
    pub fn run(&self) -> RunContext {
        RunContext {
            settings: self.settings.get().to_owned(),
            as_of: self.as_of.clone(),
            local_date: self.local_date.clone(),
            window_from: self.window_from.clone(),
            window_to: self.window_to.clone(),
            cloud: self.cloud.clone(),
            locale: self.locale.clone(),
        }
    }
}

impl Exchange {
    /// What a request asks; nothing of an answer yet.
    #[must_use]
    pub fn asked(feed: &str, request: &Request) -> Self {
        let map = |pairs: &[Pair]| pairs.iter().map(|pair| (pair.name.clone(), pair.value.clone())).collect();
        // Ids that are filled in say nothing of what is asked, and are others each time.
        let is_filled_in = |pair: &&Pair| [REQUEST_ID, ATTEMPT_ID].iter().any(|id| pair.value.contains(id));
        let headers: Vec<Pair> = request.headers.iter().filter(|pair| !is_filled_in(pair)).cloned().collect();
        let asked = Self { feed: feed.to_owned(), status: ok(), ..Self::default() };
        match &request.target {
            Target::Call(call) => Self {
                call: call.name.clone(),
                path: map(&call.path),
                query: map(&call.query),
                asked_with: map(&headers),
                body: request.body.clone(),
                ..asked
            },
            Target::Absolute(url) => Self { download: redact::address(url), ..asked },
        }
    }

    /// Everything in it that stands under a name, but for bodies.
    pub fn named_texts(&mut self) -> impl Iterator<Item = (&String, &mut String)> {
        let asked = self.path.iter_mut().chain(&mut self.query).chain(&mut self.asked_with);
        asked.chain(&mut self.headers)
    }

    /// Takes the body in the form that reads best.
    pub fn answer_with(&mut self, body: &[u8]) {
        match std::str::from_utf8(body) {
            Err(_) => self.base64 = Some(STANDARD.encode(body)),
            // A line break would end the line the exchange stands on; blanks between tokens say nothing.
            Ok(text) => match crate::json_tree::Tree::parse(text) {
                Some(tree) => self.json = RawValue::from_string(tree.json()).ok(),
                None => self.text = Some(text.to_owned()),
            },
        }
    }

    /// The answer's body.
    #[must_use]
    pub fn answer_body(&self) -> Vec<u8> {
        match (&self.json, &self.text, &self.base64) {
            (Some(json), _, _) => json.get().as_bytes().to_vec(),
            (_, Some(text), _) => text.as_bytes().to_vec(),
            (_, _, Some(base64)) => STANDARD.decode(base64).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// The request in a few words: `usage day=2026-11-01 ?page=2`.
    #[must_use]
    pub fn words(&self) -> String {
        if !self.download.is_empty() {
            return format!("download {}", self.download);
        }
        let pairs = |mark: &str, pairs: &BTreeMap<String, String>| {
            pairs.iter().map(|(name, value)| format!(" {mark}{name}={value}")).collect::<String>()
        };
        let with = pairs("with ", &self.asked_with);
        format!("{}{}{}{with}", self.call, pairs("", &self.path), pairs("?", &self.query))
    }
}

fn ok() -> u16 {
    200
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn no_settings() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"{"purser-recording":2,"connector":"c","context":{"as-of":"2026-11-14T18:00:00Z",
        "local-date":"2026-11-14","window-from":"2026-11-11","window-to":"2026-11-15","cloud":"main","locale":"en-US"}}"#;

    #[test]
    fn a_recording_is_read_as_people_write_it_and_keeps_every_digit() {
        let text = format!(
            "{HEAD}\n{{\n \"feed\": \"usage\", \"call\": \"usage\", \"query\": {{\"page\": \"1\"}},\n \"json\": {{\"cost\": 1.50}} }}"
        );
        let recording = Recording::parse(&text).unwrap();
        assert_eq!(recording.head.context.run().settings, "{}");
        let exchange = &recording.exchanges[0];
        assert_eq!((exchange.status, exchange.words()), (200, "usage ?page=1".to_owned()));
        assert_eq!(exchange.answer_body(), br#"{"cost": 1.50}"#);
        let mut again = exchange.clone();
        again.answer_with(&exchange.answer_body());
        assert_eq!(again.answer_body(), br#"{"cost":1.50}"#);
    }

    #[test]
    fn what_is_no_recording_says_which_value_is_at_fault() {
        assert!(matches!(Recording::parse(""), Err(Unreadable::NoHead)));
        assert!(matches!(Recording::parse("{}"), Err(Unreadable::NoHead)));
        assert!(matches!(Recording::parse(r#"{"purser-recording":1}"#), Err(Unreadable::Format(1))));
        let misspelt = format!("{HEAD}\n{{\"feed\":\"usage\",\"cal\":\"usage\"}}");
        assert!(matches!(Recording::parse(&misspelt), Err(Unreadable::Value(2, _))));
    }

    #[test]
    fn a_body_that_is_no_text_comes_back_byte_for_byte() {
        for body in [&b"a,b\n1,2\n"[..], b"\xff\x00\xfe", b""] {
            let mut exchange = Exchange::default();
            exchange.answer_with(body);
            assert_eq!(exchange.answer_body(), body);
        }
    }
}
