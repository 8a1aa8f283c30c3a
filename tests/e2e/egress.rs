//! A plugin that asks for what it may not: each request is refused with its code, shown on the run, and never sent.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Response};
use purser_pipeline::report::Report;
use purser_store::runs::RunState;
use purser_store::sent::Sent;
use purser_store::{Runs as _, SentLogs as _};

use crate::second_connector::{Bench, Given, KEY};

/// A vendor that answers what it is told to, and notes what it is asked.
#[derive(Clone, Default)]
struct Vendor(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    answer: String,
    asked: Vec<String>,
    keys: Vec<Option<String>>,
}

impl Vendor {
    fn answering(answer: &str) -> Self {
        let vendor = Self::default();
        vendor.answer(answer);
        vendor
    }

    fn answer(&self, answer: &str) {
        self.0.lock().unwrap().answer = answer.to_owned();
    }

    fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }

    fn given<'a>(&self, feeds: &'a [&'a str]) -> Given<'a> {
        let vendor = Router::new().fallback(answer).with_state(self.clone());
        Given { package: "hostile", cloud: "main", endpoint: "api", feeds, vendor }
    }
}

async fn answer(State(vendor): State<Vendor>, uri: Uri, headers: HeaderMap) -> Response {
    let mut seen = vendor.0.lock().unwrap();
    seen.asked.push(uri.to_string());
    let key = headers.get("x-hostile-key").map(|key| key.to_str().unwrap().to_owned());
    seen.keys.push(key);
    ([("set-cookie", "session=planted-cookie-of-the-vendor")], seen.answer.clone()).into_response()
}

async fn last_run(bench: &Bench) -> Vec<Sent> {
    let run = bench.store.runs(None, 1).await.unwrap().remove(0);
    bench.store.sent(run.id).await.unwrap().lines.into_iter().map(|(_, sent)| sent).collect()
}

fn codes(report: &Report) -> Vec<&str> {
    report.notes.iter().map(|note| note.code.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_asks_for_orders_cancellations_or_users_is_refused_and_shown() {
    let vendor = Vendor::default();
    let bench = Bench::of(vendor.given(&["stray-calls"])).await;
    let (state, report) = bench.run().await;
    assert_ne!(state, RunState::Succeeded, "{report:?}");
    assert_eq!(vendor.asked(), Vec::<String>::new(), "nothing was sent");
    let mut sent = last_run(&bench).await;
    sent.sort_by(|one, other| one.call.cmp(&other.call));
    let told: Vec<_> =
        sent.iter().map(|line| (line.call.as_str(), line.method.as_str(), line.code.as_str())).collect();
    let refused = |call: &'static str| (call, "", "VND-NOT-GRANTED");
    assert_eq!(told, ["Records", "cancel-subscription", "create-order", "list-users"].map(refused));
    for call in ["create-order", "cancel-subscription", "list-users", "Records"] {
        let is_told = |what: &str, code: &str| what.contains(call) && code == "VND-NOT-GRANTED";
        assert!(report.notes.iter().any(|note| is_told(&note.what, &note.code)), "{call}: {report:?}");
    }
    assert!(report.notes.iter().all(|note| !note.remedy.is_empty()), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_sets_a_header_of_its_own_or_begins_with_an_address_is_refused() {
    for (feed, code) in
        [("stray-call", "VND-NOT-GRANTED"), ("stray-header", "VND-NOT-GRANTED"), ("stray-url", "RUN-EGRESS")]
    {
        let vendor = Vendor::default();
        let bench = Bench::of(vendor.given(&[feed])).await;
        let (state, report) = bench.run().await;
        assert_ne!(state, RunState::Succeeded, "{feed}");
        assert_eq!(codes(&report), [code], "{feed}: {report:?}");
        assert_eq!(vendor.asked(), Vec::<String>::new(), "{feed}");
    }
}

const REFUSED: &str = "VND-HOST-REFUSED";
const UNHEARD: &str = "RUN-EGRESS";

/// An address as the vendor sent it, as the plugin asks for it, and the code it is refused with.
const ADDRESSES: &[(&str, &str, &str)] = &[
    ("https://evil.example/x", "https://evil.example/x", REFUSED),
    ("", "https://a.blob.hostile.example/never-received", UNHEARD),
    // Look-alikes of `*.blob.hostile.example`.
    (
        "https://a.blob.hostile.example.evil.example/x",
        "https://a.blob.hostile.example.evil.example/x",
        REFUSED,
    ),
    ("https://a-blob.hostile.example/x", "https://a-blob.hostile.example/x", REFUSED),
    ("https://evilblob.hostile.example/x", "https://evilblob.hostile.example/x", REFUSED),
    ("https://blob.hostile.example/x", "https://blob.hostile.example/x", REFUSED),
    ("https://a.blob.hostile.example./x", "https://a.blob.hostile.example./x", REFUSED),
    ("https://a.blob.hostile.example:8443/x", "https://a.blob.hostile.example:8443/x", REFUSED),
    ("http://a.blob.hostile.example/x", "http://a.blob.hostile.example/x", REFUSED),
    ("https://a.bl\u{43e}b.hostile.example/x", "https://a.bl\u{43e}b.hostile.example/x", REFUSED),
    ("https://a.xn--blb-ided.hostile.example/x", "https://a.xn--blb-ided.hostile.example/x", REFUSED),
    (
        "https://a.blob.hostile.example@evil.example/x",
        "https://a.blob.hostile.example@evil.example/x",
        UNHEARD,
    ),
    ("https://me:pw@a.blob.hostile.example/x", "https://me:pw@a.blob.hostile.example/x", UNHEARD),
    ("https://a.blob.hostile.example/x", "https://A.BLOB.HOSTILE.EXAMPLE/x", UNHEARD),
    ("HTTPS://A.BLOB.HOSTILE.EXAMPLE/x", "HTTPS://A.BLOB.HOSTILE.EXAMPLE/x", UNHEARD),
    // The vendor's own hosts, with something of the plugin's.
    ("https://a.blob.hostile.example/x/1", "https://a.blob.hostile.example/x/2", UNHEARD),
    ("https://a.blob.hostile.example/x/1", "https://a.blob.hostile.example/x/1/../../stolen", UNHEARD),
    ("https://a.blob.hostile.example/x/1", "https://a.blob.hostile.example/x/1/%2e%2e/stolen", UNHEARD),
    ("https://a.blob.hostile.example/x/1", "https://a.blob.hostile.example/x/1-and-stolen", UNHEARD),
    ("https://a.blob.hostile.example/x/1", "https://stolen.blob.hostile.example/x/1", UNHEARD),
    // This machine and its network, in the spellings an address has.
    ("https://127.0.0.1/x", "https://127.0.0.1/x", REFUSED),
    ("https://2130706433/x", "https://2130706433/x", REFUSED),
    ("https://0x7f000001/x", "https://0x7f000001/x", REFUSED),
    ("https://0177.0.0.1/x", "https://0177.0.0.1/x", REFUSED),
    ("https://127.1/x", "https://127.1/x", REFUSED),
    ("https://[::ffff:127.0.0.1]/x", "https://[::ffff:127.0.0.1]/x", REFUSED),
    ("https://[::1]/x", "https://[::1]/x", REFUSED),
    ("https://169.254.169.254/latest", "https://169.254.169.254/latest", REFUSED),
    ("https://localhost/x", "https://localhost/x", REFUSED),
    ("file:///etc/passwd", "file:///etc/passwd", UNHEARD),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_a_foreign_address_gets_a_request() {
    let vendor = Vendor::default();
    let bench = Bench::of(vendor.given(&["follow"])).await;
    for (number, (received, asked, code)) in ADDRESSES.iter().enumerate() {
        // Written backwards: what stands in the answer as it is has been received.
        let backwards: String = asked.chars().rev().collect();
        vendor.answer(&format!(r#"{{"received":["{received}"],"ask":["{backwards}"]}}"#));
        let (state, report) = bench.run().await;
        assert_ne!(state, RunState::Succeeded, "{asked}: {report:?}");
        assert_eq!(codes(&report), [*code], "{asked}: {report:?}");
        assert_eq!(vendor.asked().len(), number + 1, "only the call itself was answered: {asked}");
        let sent = last_run(&bench).await;
        let first = (sent[0].call.as_str(), sent[0].method.as_str(), sent[0].status);
        assert_eq!(first, ("records", "GET", Some(200)), "{asked}");
        let refused: Vec<_> = sent.iter().skip(1).map(|line| (line.method.as_str(), line.status)).collect();
        let expected = if *code == REFUSED { vec![("", None)] } else { vec![] };
        assert_eq!(refused, expected, "{asked}: {sent:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_account_is_refused_leaves_the_others_alone() {
    let vendor = Vendor::answering("{\"amount\":\"1\",\"currency\":\"EUR\"}\n");
    let bench = Bench::of(vendor.given(&["stray-calls"])).await;
    let good = bench.another("their-company", &vendor.given(&["records"])).await;
    assert_ne!(bench.run().await.0, RunState::Succeeded);
    let (state, report) = bench.run_of(good).await;
    // Nobody mapped this vendor's customers; nothing else is to be said.
    assert_eq!((state, codes(&report)), (RunState::Warnings, vec!["LED-ALL-UNMAPPED"]), "{report:?}");
    assert_eq!(report.balance.purchased.records, 1);
    let sent = last_run(&bench).await;
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!((sent[0].path.as_str(), sent[0].status, sent[0].attempts), ("/records", Some(200), 1));
    assert!(sent[0].bytes > 0 && sent[0].request_id.len() == 36 && sent[0].host.starts_with("127.0.0.1:"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_reads_all_of_its_memory_finds_no_secret_there() {
    for (feed, answer, marker) in [
        ("memory", "{\"marker\":\"marker-of-the-answer\"}", "marker-of-the-answer"),
        (
            "records",
            "{\"amount\":\"1\",\"currency\":\"EUR\",\"do\":\"dump\",\"of\":\"marker-of-the-page\"}\n",
            "marker-of-the-page",
        ),
    ] {
        let vendor = Vendor::answering(answer);
        let bench = Bench::of(vendor.given(&[feed])).await;
        let (_, report) = bench.run().await;
        let run = bench.store.runs(None, 1).await.unwrap().remove(0);
        let facts = bench.store.facts(run.id, &["memory".to_owned()], None, 10).await.unwrap();
        assert_eq!(facts.len(), 1, "{feed}: {report:?}");
        let memory = hex::decode(facts[0].value.trim_matches('"')).unwrap();
        let holds = |text: &str| {
            memory.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
        };
        assert!(holds(marker), "{feed}: the memory is not the one we think, {} bytes", memory.len());
        assert_eq!(vendor.0.lock().unwrap().keys, [Some(KEY.to_owned())], "the secret did go out");
        for secret in [KEY, "planted-cookie-of-the-vendor"] {
            assert!(!holds(secret), "{feed}: {secret}");
        }
    }
}
