//! Real answers that are no page: errors, and an export on its way. Through the bundled component in the sandbox, as a run
//! asks it.

use libtest_mimic::Failed;
use purser_runtime::contract::crawl::{Incompleteness, Request, Response, Step, Target};
use purser_runtime::contract::manifest::Framing;
use purser_runtime::contract::types::{Pair, Problem, RunContext};
use purser_runtime::{CallError, Limits, Plugin, Sandbox};

use crate::Gated;
use crate::samples::{Check, Samples, gated};

const COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/microsoft-csp.wasm"));

const CHECKS: &[(&str, Check)] = &[
    ("licences_of_other_channels_are_read_by_no_call", other_channels),
    ("a_sign_in_failure_needs_consent", sign_in_failure),
    ("a_throttled_request_waits_57_seconds_also_without_a_header", throttled),
    ("a_fault_is_refused_with_the_vendors_words", fault),
    ("conserv_an_export_without_data_is_never_complete_and_empty", no_data),
    ("every_culture_the_vendor_names_can_be_chosen", cultures),
    ("an_export_is_polled_to_its_blobs_and_no_token_goes_to_them", polled),
];

/// One test for each row.
pub fn all() -> Vec<Gated> {
    CHECKS.iter().map(|(name, check)| gated(name, *check)).collect()
}

/// A run of the bundled plugin.
struct Crawl {
    plugin: Plugin,
    context: RunContext,
}

impl Crawl {
    fn new() -> Self {
        let context = RunContext {
            settings: "{}".into(),
            as_of: "2026-11-23T18:00:00Z".into(),
            local_date: "2026-11-23".into(),
            window_from: "2026-11-20".into(),
            window_to: "2026-11-24".into(),
            cloud: "global".into(),
            locale: "nl-NL".into(),
        };
        Self { plugin: Sandbox::new(Limits::default(), None).unwrap().admit(COMPONENT).unwrap(), context }
    }

    fn first(&self, feed: &str) -> Request {
        self.plugin.start(&self.context, feed, &[]).unwrap().requests.remove(0)
    }

    fn next(&self, feed: &str, request: &Request, status: u16, body: &str) -> Result<Step, Problem> {
        self.answered(feed, request, response(status, &[], body))
    }

    fn answered(&self, feed: &str, request: &Request, response: Response) -> Result<Step, Problem> {
        match self.plugin.next(&self.context, feed, request, &response) {
            Ok(step) => Ok(step),
            Err(CallError::Problem(problem)) => Err(problem),
            Err(other) => panic!("{other}"),
        }
    }

    /// The first look at an export that was ordered.
    fn operation(&self) -> Request {
        let order = self.first("rated-usage");
        let location = ("location", "https://graph.example/reports/partners/billing/operations/6fe687d7");
        self.answered("rated-usage", &order, response(202, &[location], "")).unwrap().requests.remove(0)
    }
}

fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let headers = headers.iter().map(|(name, value)| Pair { name: (*name).into(), value: (*value).into() });
    Response { status, headers: headers.collect(), envelope: body.into(), kept: 0, attempt: 1 }
}

fn call(request: &Request) -> (&str, &[Pair]) {
    let Target::Call(call) = &request.target else { panic!("no listed call: {request:?}") };
    (&call.name, &call.path)
}

fn other_channels(samples: &Samples) -> Result<(), Failed> {
    assert!(samples.read("14-subscribedskus.json").contains("SubscribedSku"));
    let crawl = Crawl::new();
    let calls = &crawl.plugin.descriptor().calls;
    assert!(
        !calls.is_empty() && calls.iter().all(|call| !call.path.to_lowercase().contains("subscribedsku"))
    );
    Ok(())
}

fn sign_in_failure(samples: &Samples) -> Result<(), Failed> {
    let body = samples.read("35-entra-invalid-grant-401.json");
    let crawl = Crawl::new();
    let told = crawl.next("customers", &crawl.first("customers"), 401, &body);
    assert!(matches!(&told, Err(Problem::NeedsConsent(reason)) if reason.starts_with("CSP-102")), "{told:?}");
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    let codes: Vec<u64> =
        answer["error_codes"].as_array().unwrap().iter().filter_map(|c| c.as_u64()).collect();
    let classes = &crawl.plugin.descriptor().consent.as_ref().unwrap().error_classes;
    let class = classes.iter().find(|class| {
        (class.error.is_empty() || answer["error"] == class.error)
            && (class.code == 0 || codes.contains(&class.code.into()))
    });
    assert_eq!(class.unwrap().class, "sign_in_failed");
    Ok(())
}

fn throttled(samples: &Samples) -> Result<(), Failed> {
    let body = samples.read("90-error-429-body.json");
    let crawl = Crawl::new();
    let request = crawl.first("customers");
    assert_eq!(crawl.next("customers", &request, 429, &body), Err(Problem::RetryLater(57)));
    let with_header = response(429, &[("retry-after", "57")], &body);
    assert_eq!(crawl.answered("customers", &request, with_header), Err(Problem::RetryLater(57)));
    Ok(())
}

fn fault(samples: &Samples) -> Result<(), Failed> {
    let body = samples.read("93-error-apifault-2000.json");
    let crawl = Crawl::new();
    let told = crawl.next("customers", &crawl.first("customers"), 400, &body);
    let Err(Problem::Reject(reason)) = told else { panic!("{told:?}") };
    assert!(reason.contains("code 2000: Customer search only allows"), "{reason}");
    Ok(())
}

fn no_data(samples: &Samples) -> Result<(), Failed> {
    let crawl = Crawl::new();
    let body = samples.read("75-graph-operation-failed.json");
    let step = crawl.next("rated-usage", &crawl.operation(), 200, &body).unwrap();
    assert!(step.requests.is_empty());
    let Some(Incompleteness::Nothing(what)) = step.incomplete else { panic!("{:?}", step.incomplete) };
    assert!(what.starts_with("CSP-402"));
    Ok(())
}

fn polled(samples: &Samples) -> Result<(), Failed> {
    let crawl = Crawl::new();
    let running = response(200, &[("retry-after", "9")], &samples.read("73-graph-operation-running.json"));
    let again = crawl.answered("rated-usage", &crawl.operation(), running).unwrap().requests.remove(0);
    assert_eq!((call(&again).0, again.delay), ("export-operation", 9));
    let succeeded = samples.read("74-graph-operation-succeeded.json");
    let read = crawl.next("rated-usage", &again, 200, &succeeded).unwrap().requests.remove(0);
    let (name, path) = call(&read);
    assert_eq!((name, path[0].value.as_str()), ("export-manifest", "8fe347d7-1e0f-4bd6-9091-4672691f32db"));
    let blobs =
        crawl.next("rated-usage", &read, 200, &samples.read("76-graph-manifest.json")).unwrap().requests;
    assert_eq!(blobs.len(), 1);
    let Target::Absolute(url) = &blobs[0].target else { panic!("no download: {blobs:?}") };
    assert!(
        url.starts_with("https://adlsreconbuprodeastus201.blob.core.windows.net/")
            && url.contains(".json.gz?skoid=")
    );
    assert!(blobs[0].headers.is_empty() && blobs[0].body.is_none(), "no token, no header");
    assert_eq!(blobs[0].keep, Some(Framing::Lines));
    assert_eq!(blobs[0].partition.as_ref().unwrap().version, "=WYjLro78HdMg6vUWR");
    Ok(())
}

fn cultures(samples: &Samples) -> Result<(), Failed> {
    let offered: Vec<String> =
        Crawl::new().plugin.descriptor().locales.iter().map(|locale| locale.tag.clone()).collect();
    let table = samples.read("44-supported-cultures-by-country.csv");
    let mut file = csv::Reader::from_reader(table.as_bytes());
    let mut seen = 0;
    for row in file.records() {
        let row = row?;
        for culture in row.get(3).ok_or("a row without cultures")?.split_whitespace() {
            seen += 1;
            if !offered.iter().any(|tag| tag == culture) {
                return Err(format!("{culture} of {}", &row[0]).into());
            }
        }
    }
    if seen > 100 { Ok(()) } else { Err("the table is empty".into()) }
}
