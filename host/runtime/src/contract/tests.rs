//! Released texts stay as they are, and a component of version 0.1 runs where a newer version is served, to equal results.

use std::path::{Path, PathBuf};
use std::time::Duration;

use purser_domain::Digest;
use purser_plugin_build::{Request as Build, build_component};

use super::types::{Framing, PageContext, Pair, Problem, RunContext};
use super::v0_1;
use crate::guest::Call;
use crate::{CallError, Limits, Plugin, Sandbox};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn a_released_text_never_changes() {
    let mut released = 0;
    for folder in std::fs::read_dir(root().join("wit")).unwrap().map(|entry| entry.unwrap().path()) {
        if folder.join("sha256").is_file() {
            let text = std::fs::read(folder.join("connector.wit")).unwrap();
            let frozen = std::fs::read_to_string(folder.join("sha256")).unwrap();
            assert_eq!(Digest::of(&text).to_string(), frozen.trim(), "{} has changed", folder.display());
            released += 1;
        }
    }
    assert_eq!(released, super::served::Version::SERVED.len() - 1, "all but the one of this test build");
    // Who changes text and hash together changes a release all the same.
    let v0_1 = Digest::of(super::served::Version::V0_1.wit().as_bytes()).to_string();
    assert_eq!(v0_1, "5261a49337049fe3e93d3b72c0bdfa90035807da639eb77ac9dc7ffe8c98c6ed");
}

fn built(manifest_dir: PathBuf, package: &str, profile: &str) -> Vec<u8> {
    let folder = std::env::current_exe().unwrap().parent().unwrap().join("contract-guests");
    let request =
        Build { world: None, profile: profile.to_owned(), ..Build::connector(manifest_dir, package, folder) };
    build_component(&request).unwrap_or_else(|error| panic!("{error}"))
}

/// A component that was built for version 0.1: one that is bundled.
fn bundled() -> Vec<u8> {
    built(root().join("plugins/focus-csv"), "purser-focus-csv", "plugin")
}

fn sandbox() -> Sandbox {
    Sandbox::new(Limits::default(), None).unwrap()
}

fn run() -> RunContext {
    RunContext {
        settings: String::new(),
        as_of: "2026-11-16T18:00:05Z".into(),
        local_date: "2026-11-16".into(),
        window_from: "2026-11-13".into(),
        window_to: "2026-11-17".into(),
        cloud: "aws-unblended-cost".into(),
        locale: "en-US".into(),
        partner: Some("ours".into()),
    }
}

fn page() -> PageContext {
    PageContext {
        run: run(),
        feed: "billed-cost".into(),
        partition_key: "2026-11".into(),
        month: "2026-11".into(),
        currency: String::new(),
        stage: 0,
        parameters: vec![Pair { name: "month".into(), value: "2026-11".into() }],
        framing: Framing::Csv,
        envelope: String::new(),
        page: 0,
    }
}

/// What the component's `map` gives where nothing stands between: the context is that of its own version.
fn mapped_directly(plugin: &Plugin, page: &[u8]) -> v0_1::exports::purser::connector::mapping::Columns {
    let component = plugin.admitted();
    let context = serde_json::from_value(serde_json::to_value(self::page()).unwrap()).unwrap();
    let call = Call {
        host: &component.host,
        component: &component.instance,
        budget: component.host.limits.budget(page.len(), 1),
        as_of: Duration::ZERO,
        has_wasi: false,
    };
    let found = v0_1::exports::purser::connector::mapping::GuestIndices::new(&component.instance).unwrap();
    let mapped =
        call.run(|store, instance| found.load(&mut *store, instance)?.call_map(store, &context, page));
    mapped.result.unwrap().unwrap()
}

#[test]
fn a_component_of_version_0_1_runs_beside_a_newer_version_to_equal_results() {
    let plugin = sandbox().admit(&bundled()).unwrap();
    assert_eq!(plugin.admission().contract, "0.1.0");
    assert_eq!((plugin.descriptor().id.as_str(), plugin.descriptor().calls.len()), ("focus-csv", 8));

    let step = plugin.start(&run(), "billed-cost", &[]).unwrap();
    assert_eq!((step.requests.len(), step.incomplete.clone(), step.remark.clone()), (2, None, None));
    let request = step.requests.last().unwrap();
    assert_eq!(request.partition.as_ref().unwrap().month, "2026-11");
    let busy =
        super::crawl::Response { status: 503, headers: vec![], envelope: String::new(), kept: 0, attempt: 1 };
    let refused = plugin.next(&run(), "billed-cost", request, &busy).unwrap_err();
    assert!(matches!(refused, CallError::Problem(Problem::RetryLater(_))), "{refused:?}");

    let text = std::fs::read(root().join("plugins/focus-csv/tests/samples/aws-cur.csv")).unwrap();
    let mapped = plugin.map(&page(), &text, 7).unwrap();
    let direct = mapped_directly(&plugin, &text);
    let bounds = crate::columns::Bounds::of(&Limits::default());
    let direct = crate::columns::decode(&direct.text, &direct.counts, 7, &bounds)
        .unwrap_or_else(|wrong| panic!("{wrong:?}"));
    assert_eq!(mapped.purchases.len(), 7);
    assert_eq!(mapped.purchases, direct.purchases);
    assert_eq!((mapped.rejected, mapped.ignored), (direct.rejected, direct.ignored));
}

#[test]
fn a_component_of_the_newest_version_is_told_and_says_what_the_older_one_does_not_know() {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests");
    let plugin = sandbox().admit(&built(guests, "next", "release")).unwrap();
    assert_eq!(plugin.admission().contract, "0.2.0");
    let step = plugin.start(&run(), "any", &[]).unwrap();
    assert_eq!(step.remark.as_deref(), Some("the books of ours"));
}

#[test]
fn a_component_of_neither_is_refused_with_the_versions_that_are_served() {
    let mut component = bundled();
    let mut place = 0;
    while let Some(found) = component[place..].windows(6).position(|bytes| bytes == b"@0.1.0") {
        component[place + found..place + found + 6].copy_from_slice(b"@0.9.0");
        place += found + 6;
    }
    let refused = sandbox().admit(&component).unwrap_err();
    let told: Vec<&str> = refused.findings.iter().map(|finding| finding.sentence.as_str()).collect();
    let expected = "it exports purser:connector/manifest@0.9.0; this host serves the versions 0.1.0, 0.2.0";
    assert!(told.contains(&expected), "{told:?}");
    assert!(refused.findings.iter().all(|finding| finding.code == "PLG-105"), "{told:?}");
}
