//! What plugins use: a section of `/plugins/{id}`, the same as JSON, and everything for Prometheus at `/metrics`.
//!
//! All three tell the counts of this process, since its start. They name plugins and codes, and what guests printed may
//! hold what vendors sent, so none of them is open: pages ask for a person, `/metrics` and the API also for a token with
//! the scope `metrics:read` or `plugins:read`; `/metrics` leaves out what was printed.

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use purser_pipeline::rollout::{self, Listed};
use purser_pipeline::usage::{self, FunctionUse, Peak, Peaks, Print, VersionUse};
use serde::Serialize;

use crate::format::{NumberStyle, When};
use crate::problem::Problem;
use crate::shell::Visitor;
use crate::state::WebState;

/// The section.
#[derive(Template)]
#[template(path = "plugin_usage.html")]
pub(crate) struct Section {
    since: When,
    versions: Vec<VersionView>,
}

struct VersionView {
    digest: String,
    is_active: bool,
    records: Vec<(&'static str, String)>,
    functions: Vec<FunctionView>,
    prints: Vec<PrintView>,
    unkept: u64,
}

struct FunctionView {
    role: String,
    name: &'static str,
    outcomes: Vec<(&'static str, String)>,
    mean: String,
    given: String,
    handed_back: String,
    peaks: Vec<UseView>,
}

/// One limit, and how close a call came to it.
pub(crate) struct UseView {
    /// What is limited.
    pub(crate) what: &'static str,
    /// `12.4 MiB of 160 MiB`.
    pub(crate) used: String,
}

struct PrintView {
    at: When,
    run: String,
    function: &'static str,
    text: String,
}

/// The section of one connector's versions.
pub(crate) fn section(state: &WebState, visitor: &Visitor, versions: &[Listed]) -> Section {
    let view = |version: VersionUse| VersionView {
        is_active: versions.iter().any(|one| one.version.digest == version.digest && !one.plays.is_empty()),
        digest: version.digest.to_string(),
        records: records(&version, visitor.numbers),
        functions: version.functions.iter().map(|used| function(used, visitor.numbers)).collect(),
        prints: version.printed.into_iter().rev().map(print).collect(),
        unkept: version.unkept_prints,
    };
    let versions = used(state, versions).into_iter().map(view).collect();
    Section { since: When::new(state.usage.since(), &TimeZone::UTC), versions }
}

/// What these versions did; nothing of those that were not called.
fn used(state: &WebState, versions: &[Listed]) -> Vec<VersionUse> {
    let mut used = state.usage.all();
    used.retain(|used| versions.iter().any(|one| one.version.digest == used.digest));
    used
}

fn records(version: &VersionUse, numbers: NumberStyle) -> Vec<(&'static str, String)> {
    let records = version.records;
    let all = [
        ("Received", records.received),
        ("Mapped", records.mapped),
        ("Ignored", records.ignored),
        ("Rejected", records.rejected),
    ];
    all.into_iter().map(|(fate, count)| (fate, numbers.count(count))).collect()
}

fn function(used: &FunctionUse, numbers: NumberStyle) -> FunctionView {
    let outcome = |(code, calls): (&&'static str, &u64)| (*code, numbers.count(*calls));
    FunctionView {
        role: used.role.to_string(),
        name: used.function.name(),
        outcomes: used.outcomes.iter().map(outcome).collect(),
        mean: format!("{} ms", numbers.count(used.elapsed_ms / used.calls().max(1))),
        given: bytes(used.input_bytes),
        handed_back: bytes(used.output_bytes),
        peaks: peaks(&used.peaks),
    }
}

/// Use against limit in words; nothing where nothing was called.
pub(crate) fn peaks(peaks: &Peaks) -> Vec<UseView> {
    let of = |what, peak: Peak, unit: fn(u64) -> String| UseView {
        what,
        used: format!("{} of {}", unit(peak.used), unit(peak.allowed)),
    };
    let milliseconds = |ms: u64| format!("{ms} ms");
    if peaks.elapsed_ms.allowed == 0 {
        return Vec::new();
    }
    vec![
        of("Memory peak", peaks.memory_bytes, bytes),
        of("Longest call", peaks.elapsed_ms, milliseconds),
        of("Largest answer", peaks.output_bytes, bytes),
        of("Most printed", peaks.printed_bytes, bytes),
    ]
}

fn print(print: Print) -> PrintView {
    PrintView {
        at: When::new(print.at, &TimeZone::UTC),
        run: print.run.map(|run| run.to_string()).unwrap_or_default(),
        function: print.function.name(),
        text: print.text,
    }
}

/// Bytes with one decimal, without floats.
fn bytes(bytes: u64) -> String {
    let in_unit = |shift: u32, unit: &str| {
        let tenths = (u128::from(bytes) * 10) >> shift;
        match tenths % 10 {
            0 => format!("{} {unit}", tenths / 10),
            rest => format!("{}.{rest} {unit}", tenths / 10),
        }
    };
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..0x10_0000 => in_unit(10, "KiB"),
        0x10_0000..0x4000_0000 => in_unit(20, "MiB"),
        _ => in_unit(30, "GiB"),
    }
}

/// The section as JSON.
#[derive(Serialize)]
pub(crate) struct Answer {
    /// Counted from this instant on: the start of the process.
    since: Timestamp,
    versions: Vec<VersionUse>,
}

/// What one connector's versions used.
pub(crate) async fn api(
    State(state): State<WebState>,
    _: Visitor,
    Path(connector): Path<String>,
) -> Result<Json<Answer>, Problem> {
    let connector = state.connector(&connector)?;
    let versions = rollout::list(state.store.as_ref(), Some(&connector.id)).await?;
    Ok(Json(Answer { since: state.usage.since(), versions: used(&state, &versions) }))
}

/// Everything, for Prometheus.
pub(crate) async fn metrics(State(state): State<WebState>, _: Visitor) -> Result<Response, Problem> {
    let mut active = Vec::new();
    for listed in rollout::list(state.store.as_ref(), None).await? {
        let Listed { version, plays, .. } = listed;
        active.extend(plays.into_iter().map(|role| (version.plugin.to_string(), version.digest, role)));
    }
    let text = usage::text(state.usage.all(), active);
    Ok(([(CONTENT_TYPE, usage::CONTENT_TYPE)], text).into_response())
}

#[cfg(test)]
mod tests {
    use purser_domain::RunId;
    use purser_pipeline::usage::Peak;
    use purser_runtime::{Budget, Called, Function, Printed, Recorder as _, Records, Usage, Version};
    use purser_store::access::Scope;
    use purser_store::people::Role;

    use super::*;
    use crate::testing::{Site, connector};

    #[tokio::test]
    async fn a_plugin_that_was_not_called_yet_says_so_and_tells_since_when() {
        let mut site = Site::empty().await;
        site.sign_in("vera").await;
        let text = site.get("/plugins/test-cloud").await.text;
        assert!(text.contains("Nothing was called") && text.contains("2026-11-23 10:00"), "{text}");
        let answer = site.get("/api/v1/connectors/test-cloud/plugins/usage").await;
        assert_eq!(answer.text, r#"{"since":"2026-11-23T10:00:00Z","versions":[]}"#);
        assert_eq!(site.get("/api/v1/connectors/none/plugins/usage").await.status, 404);
    }

    /// Tells the site's board of one call that was stopped.
    fn stopped(site: &Site) {
        let version = Version { plugin: "test-cloud", digest: connector().digest, run: Some(RunId(1)) };
        site.usage.called(&Called {
            version,
            function: Function::Map,
            outcome: "PLG-203",
            input_bytes: 1 << 20,
            used: Usage { memory_peak_bytes: 13_002_343, ..Usage::default() },
            allowed: Budget {
                memory_bytes: 160 << 20,
                deadline_ms: 3_000,
                output_bytes: 80 << 20,
                log_bytes: 16_384,
            },
            printed: &Printed { text: "<b>near the end".into(), dropped_bytes: 7 },
        });
        site.usage.mapped(&version, Records { received: 5, mapped: 3, ignored: 0, rejected: 2 });
    }

    #[tokio::test]
    async fn what_a_version_used_stands_on_its_page_with_use_against_limit_and_what_it_printed() {
        let mut site = Site::empty().await;
        site.sign_in("vera").await;
        stopped(&site);
        let text = site.get("/plugins/test-cloud").await.text;
        for part in [
            "PLG-203</span> 1",
            "Memory peak 12.4 MiB of 160 MiB",
            "Rejected records",
            "href=\"/activity/1\"",
            "b&#62;near the end… [PLG-228 7 bytes more",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        let told = site.get("/api/v1/connectors/test-cloud/plugins/usage").await.text;
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["versions"][0]["functions"][0]["outcomes"]["PLG-203"], 1, "{told}");
        assert_eq!(told["versions"][0]["records"]["rejected"], 2, "{told}");
        let metrics = site.get("/metrics").await.text;
        assert!(metrics.contains("outcome=\"PLG-203\"} 1") && !metrics.contains("near the end"), "{metrics}");
    }

    #[tokio::test]
    async fn metrics_ask_for_a_person_or_a_token_of_their_own_scope() {
        let mut site = Site::empty().await;
        assert_eq!(site.get("/metrics").await.status, 401, "a scraper is told, not sent to a form");
        let other = site.token(None, Role::Admin, &[Scope::RunsRead]).await;
        assert_eq!(site.by(&other, "/metrics").await.status, 403);
        let token = site.token(None, Role::Viewer, &[Scope::MetricsRead]).await;
        let scraped = site.by(&token, "/metrics").await;
        let of = format!("plugin=\"test-cloud\",digest=\"{}\"", connector().digest);
        let line = format!("purser_plugin_active{{{of},role=\"mapping\"}} 1");
        assert_eq!((scraped.status, scraped.header("content-type")), (200, usage::CONTENT_TYPE));
        assert!(scraped.text.contains(&line), "{}", scraped.text);
        site.sign_in("vera").await;
        assert_eq!(site.get("/metrics").await.status, 200);
    }

    #[test]
    fn use_is_told_against_the_limit() {
        let near = Peaks {
            memory_bytes: Peak { used: 13_002_343, allowed: 160 << 20 },
            elapsed_ms: Peak { used: 31, allowed: 4_000 },
            ..Peaks::default()
        };
        let told: Vec<_> =
            peaks(&near).into_iter().map(|peak| format!("{}: {}", peak.what, peak.used)).collect();
        assert_eq!(told[..2], ["Memory peak: 12.4 MiB of 160 MiB", "Longest call: 31 ms of 4000 ms"]);
        assert!(peaks(&Peaks::default()).is_empty());
        let sizes = [0, 1_023, 1_024, 1_536, (1 << 30) + (1 << 29)].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1 KiB", "1.5 KiB", "1.5 GiB"]);
    }
}
