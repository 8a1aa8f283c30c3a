//! Recording while a run goes on: each exchange as it was answered, without its secrets, in a file nobody else can see;
//! at the end, with the names of all customers known, the recording that may be given away.
//!
//! **Invariant:** memory stays bounded however long the run and its answers: of a long answer so many whole records are
//! taken as fit, and the others are counted.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Seek as _, Write};
use std::sync::{Mutex, PoisonError};

use purser_domain::RunId;
use purser_runtime::contract::crawl::{Request, Response, Step};
use purser_runtime::contract::manifest::Framing;
use purser_runtime::contract::types::{self, RunContext};
use purser_store::runs::Fact;
use purser_store::texts::MissingText;
use url::Url;

use super::redact::{Known, Names, Pseudonyms, Secrets};
use super::{Exchange, Head};
use crate::framing::Cut;
use crate::json_tree::Tree;
use crate::records::{Record, Records};
use crate::work::Work;

/// The most bytes of records kept of one answer.
const ANSWER_BYTES: usize = 2 << 20;

/// Headers of an answer that say nothing a plugin could want, or too much.
const LEFT_OUT: [&str; 14] = [
    "date",
    "server",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-length",
    "content-encoding",
    "strict-transport-security",
    "vary",
    "cache-control",
    "pragma",
    "expires",
    "alt-svc",
    "via",
];

/// Takes what a run asks and is answered.
pub trait Recorder: Send + Sync {
    /// Whether this is the run that is recorded.
    fn records(&self, run: RunId) -> bool;
    /// Products the host asks names of, beside those the records told of.
    fn wants(&self, products: &[MissingText]);
    /// One exchange, what its feed was started with, and what was learnt from it.
    fn take(&self, context: &RunContext, exchange: Exchange, facts: &[Fact]);
}

/// What one answer brings, while it is received.
#[derive(Default)]
pub struct Tape {
    kept: Vec<Record>,
    page: Option<Records>,
    bytes: usize,
    left_out: u64,
    facts: Vec<Fact>,
}

impl Tape {
    /// For an answer of a run that somebody records.
    #[must_use]
    pub fn begin(work: &Work) -> Option<Self> {
        work.recorder.as_ref().map(|_| Self::default())
    }

    /// Records of the answer.
    pub fn cut(&mut self, framing: &Framing, cut: &Cut) {
        let Some(mut page) = Records::of(framing, &cut.bytes) else {
            self.left_out += u64::from(cut.records);
            return;
        };
        let count = page.all.len().max(1);
        for record in page.all.drain(..) {
            self.bytes += cut.bytes.len() / count;
            match self.bytes <= ANSWER_BYTES {
                true => self.kept.push(record),
                false => self.left_out += 1,
            }
        }
        self.page.get_or_insert(page);
    }

    /// What its pages said of customers and their subscriptions.
    pub fn learn(&mut self, facts: &[Fact]) {
        let tells = |fact: &&Fact| fact.kind == "customer" || fact.kind == "subscription";
        self.facts.extend(facts.iter().filter(tells).cloned());
    }

    /// Hands the whole exchange over, with what the plugin made of the answer.
    pub fn end(mut self, work: &Work, feed: &str, asked: &Request, response: &Response, step: Option<&Step>) {
        let Some(recorder) = &work.recorder else { return };
        let mut exchange = Exchange::asked(feed, asked);
        exchange.status = response.status;
        exchange.headers = headers(response);
        exchange.left_out = self.left_out;
        exchange.answer_with(&self.body(asked.keep.as_ref(), response));
        self.learn(&step.map(told).unwrap_or_default());
        recorder.take(&work.context_of(feed), exchange, &self.facts);
    }

    fn body(&mut self, framing: Option<&Framing>, response: &Response) -> Vec<u8> {
        let kept = std::mem::take(&mut self.kept);
        match (framing, &self.page) {
            (Some(Framing::JsonItems(pointer)), _) if (200..300).contains(&response.status) => {
                with_items(&response.envelope, pointer, kept)
            }
            (Some(_), Some(page)) => page.page_of(&kept),
            _ => response.envelope.clone().into_bytes(),
        }
    }
}

fn told(step: &Step) -> Vec<Fact> {
    let fact = |fact: &types::Fact| Fact {
        kind: fact.kind.clone(),
        key: fact.key.clone(),
        value: fact.value.clone(),
    };
    step.facts.iter().map(fact).collect()
}

/// The items put back into the document they were cut from.
fn with_items(envelope: &str, pointer: &str, records: Vec<Record>) -> Vec<u8> {
    let items = records.into_iter().filter_map(|record| record.tree().cloned()).collect();
    let put_back = || {
        let mut document = Tree::parse(envelope)?;
        let path = document.path_of(pointer)?;
        *document.at_mut(&path)? = Tree::Array(items);
        Some(document.json().into_bytes())
    };
    put_back().unwrap_or_else(|| envelope.as_bytes().to_vec())
}

fn headers(response: &Response) -> BTreeMap<String, String> {
    let said = response.headers.iter().filter(|header| !LEFT_OUT.contains(&header.name.as_str()));
    said.map(|header| (header.name.clone(), header.value.clone())).collect()
}

/// Who answered.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The connector's id.
    pub connector: &'a str,
    /// What the operator's configuration says in place of the plugin's own download hosts.
    pub download_hosts: &'a [Url],
}

/// Keeps the exchanges of one run in a file without a name.
pub struct Spool {
    run: RunId,
    key: [u8; 32],
    inner: Mutex<Inner>,
}

struct Inner {
    file: BufWriter<File>,
    known: Known,
    secrets: Secrets,
    head: Option<Head>,
    wanted: BTreeMap<String, String>,
    failed: Option<std::io::Error>,
}

impl Spool {
    /// For one run. `key` is random, and thrown away with the spool; `file` has no name, or goes away with the process.
    #[must_use]
    pub fn new(run: RunId, key: [u8; 32], file: File) -> Self {
        let (secrets, known) = (Secrets::new(key), Known::default());
        let inner = Inner {
            file: BufWriter::new(file),
            known,
            secrets,
            head: None,
            wanted: BTreeMap::new(),
            failed: None,
        };
        Self { run, key, inner: Mutex::new(inner) }
    }

    /// Writes the recording; gives how many exchanges are in it.
    ///
    /// # Errors
    /// Where a file cannot be read or written.
    pub fn finish(&self, source: Source<'_>, names: Names, out: &mut impl Write) -> std::io::Result<u64> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = inner.failed.take() {
            return Err(error);
        }
        inner.file.flush()?;
        let mut pseudonyms = (names == Names::Replaced).then(|| Pseudonyms::new(self.key, &inner.known));
        let Some(head) = inner.head.take() else { return Ok(0) };
        let (connector, download_hosts) = (source.connector.to_owned(), source.download_hosts.to_vec());
        let mut wanted = std::mem::take(&mut inner.wanted);
        if let Some(pseudonyms) = &mut pseudonyms {
            wanted.values_mut().for_each(|words| pseudonyms.text("words", words));
        }
        write_line(out, &Head { connector, download_hosts, wanted_products: Some(wanted), ..head })?;
        let spooled = inner.file.get_mut();
        spooled.rewind()?;
        let mut count = 0;
        for line in BufReader::new(spooled).lines() {
            let mut exchange: Exchange = serde_json::from_str(&line?)?;
            if let Some(pseudonyms) = &mut pseudonyms {
                pseudonyms.replace(&mut exchange);
            }
            write_line(out, &exchange)?;
            count += 1;
        }
        out.flush()?;
        Ok(count)
    }
}

impl Recorder for Spool {
    fn records(&self, run: RunId) -> bool {
        self.run == run
    }

    fn wants(&self, products: &[MissingText]) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { wanted, secrets, .. } = &mut *inner;
        for product in products {
            let mut words = product.product_text.clone();
            secrets.text("words", &mut words);
            wanted.insert(product.key.clone(), words);
        }
    }

    fn take(&self, context: &RunContext, mut exchange: Exchange, facts: &[Fact]) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.secrets.redact(&mut exchange);
        inner.known.learn(facts);
        inner.head.get_or_insert_with(|| Head::new("", context)).begins(&exchange.feed, context);
        if let Err(error) = write_line(&mut inner.file, &exchange) {
            inner.failed.get_or_insert(error);
        }
    }
}

fn write_line(out: &mut impl Write, line: &impl serde::Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
