//! What is counted, what is kept, and how it reads.

use std::sync::Arc;
use std::time::Duration;

use purser_domain::{Role, RunId};
use purser_runtime::{Budget, Printed, Usage};

use super::*;

struct Told {
    board: Board,
    now: Arc<Mutex<Timestamp>>,
}

impl Told {
    fn new() -> Self {
        let now: Arc<Mutex<Timestamp>> = Arc::new(Mutex::new("2026-11-23T18:00:00Z".parse().unwrap()));
        let clock = now.clone();
        Self { board: Board::new(Arc::new(move || *clock.lock().unwrap())), now }
    }

    fn call(&self, outcome: &'static str, elapsed_ms: u64, memory: u64, allowed: u64, printed: Printed) {
        self.board.called(&Called {
            version: version(),
            function: Function::Map,
            outcome,
            input_bytes: 100,
            used: Usage {
                elapsed: Duration::from_millis(elapsed_ms),
                memory_peak_bytes: memory,
                output_bytes: 10,
            },
            allowed: Budget { memory_bytes: allowed, deadline_ms: 6_000, output_bytes: 64, log_bytes: 16 },
            printed: &printed,
        });
    }

    fn prints(&self, count: u32) {
        for _ in 0..count {
            self.call("ok", 1, 1, 1, Printed { text: "hello".into(), dropped_bytes: 0 });
        }
    }

    fn only(&self) -> VersionUse {
        let [version] = <[VersionUse; 1]>::try_from(self.board.of_plugin("meterhub")).unwrap();
        version
    }
}

fn version() -> Version<'static> {
    Version { plugin: "meterhub", digest: Digest::of(b"component"), run: Some(RunId(7)) }
}

#[test]
fn calls_are_counted_by_how_they_ended_and_the_closest_to_a_limit_is_kept() {
    let told = Told::new();
    told.call("ok", 3, 60, 100, Printed::default());
    told.call("PLG-202", 6_001, 70, 400, Printed::default());
    told.board.mapped(&version(), Records { received: 4, mapped: 2, ignored: 1, rejected: 1 });
    told.board.mapped(&version(), Records { received: 1, mapped: 1, ignored: 0, rejected: 0 });
    assert_eq!(told.board.of_plugin("other"), []);
    let version = told.only();
    assert_eq!(version.records, Records { received: 5, mapped: 3, ignored: 1, rejected: 1 });
    let map = &version.functions[0];
    assert_eq!(map.outcomes, [("ok", 1), ("PLG-202", 1)].into());
    assert_eq!((map.input_bytes, map.output_bytes, map.elapsed_ms), (200, 20, 6_004));
    assert_eq!(map.peaks.memory_bytes, Peak { used: 60, allowed: 100 }, "70 of 400 is less");
    assert_eq!(map.peaks.elapsed_ms, Peak { used: 6_001, allowed: 6_000 });
    assert_eq!(map.latencies, [0, 1, 0, 0, 0, 0, 1, 0, 0]);
}

#[test]
fn what_is_printed_names_its_run_is_cut_visibly_and_cannot_rewrite_a_terminal() {
    let told = Told::new();
    told.call("ok", 1, 1, 1, Printed { text: "one\n\u{1b}[2Jtwo".into(), dropped_bytes: 5 });
    let print = told.only().printed.remove(0);
    assert_eq!((print.run, print.function), (Some(RunId(7)), Function::Map));
    let cut = "… [PLG-228 5 bytes more than the 16 kept were dropped]";
    assert_eq!(print.text, format!("one\n\u{fffd}[2Jtwo{cut}"));
}

#[test]
fn a_version_that_prints_all_the_time_is_kept_to_some_and_the_rest_is_counted() {
    let told = Told::new();
    told.prints(100);
    assert_eq!((told.only().printed.len(), told.only().unkept_prints), (10, 90));
    for _ in 0..3 {
        *told.now.lock().unwrap() += jiff::SignedDuration::from_mins(1);
        told.prints(10);
    }
    assert_eq!((told.only().printed.len(), told.only().unkept_prints), (20, 90));
}

#[test]
fn a_scrape_tells_each_number_with_plugin_digest_role_and_function() {
    let told = Told::new();
    told.call("ok", 3, 60, 100, Printed::default());
    told.call("PLG-201", 3, 60, 100, Printed::default());
    told.board.mapped(&version(), Records { received: 4, mapped: 3, ignored: 0, rejected: 1 });
    let digest = version().digest;
    let text = text(told.board.all(), vec![("meterhub".into(), digest, Role::Mapping)]);
    let own = format!("plugin=\"meterhub\",digest=\"{digest}\"");
    let function = format!("{own},role=\"mapping\",function=\"map\"");
    for line in [
        format!("purser_plugin_active{{{own},role=\"mapping\"}} 1"),
        format!("purser_plugin_calls_total{{{function},outcome=\"ok\"}} 1"),
        format!("purser_plugin_calls_total{{{function},outcome=\"PLG-201\"}} 1"),
        format!("purser_plugin_call_seconds_count{{{function}}} 2"),
        format!("purser_plugin_call_seconds_bucket{{le=\"0.005\",{function}}} 2"),
        format!("purser_plugin_memory_peak_bytes{{{function}}} 60"),
        format!("purser_plugin_memory_limit_bytes{{{function}}} 100"),
        format!("purser_plugin_input_bytes_total{{{function}}} 200"),
        format!("purser_plugin_records_total{{{own},fate=\"rejected\"}} 1"),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
}
