//! Guests that do not come back: loops, memory, stack, traps, floods of output and log.

use std::process::Command;
use std::time::Duration;

use purser_runtime::{CallError, Limits};
use purser_store::runs::RunState;

use crate::components::{Cell, tight, with_wasi};
use crate::house::{House, Outcome, Plan, good};
use crate::vendor::GOOD;
use crate::wait;

/// What the attacked account has before.
const STOOD: [&str; 1] = ["3 3 EUR"];

/// A run whose page fails: its code is told, nothing is set aside, and what stood stands.
pub fn fails(plan: Plan, record: &str, code: &str) -> (House, Outcome) {
    wait(async {
        let house = House::with(plan).await;
        assert_eq!(house.attack(&good()).await.rows, STOOD);
        let outcome = house.attack(&format!("{GOOD}\n{record}\n{GOOD}\n")).await;
        assert!(outcome.codes().contains(&code.to_owned()), "{:?}", outcome.report);
        assert!(matches!(outcome.state, RunState::Partial | RunState::Failed), "{:?}", outcome.report);
        assert_eq!(outcome.rejected(), 0, "nothing is set aside: {:?}", outcome.report);
        assert_eq!(outcome.rows, STOOD);
        let told = outcome.report.notes.iter().find(|note| note.code == code).unwrap();
        assert!(!told.remedy.is_empty() && !told.what.is_empty(), "{told:?}");
        (house, outcome)
    })
}

/// A run that loses one record of three, by its code, and maps the others.
pub fn sets_one_aside(plan: Plan, record: &str, code: &str) {
    wait(async {
        let house = House::with(plan).await;
        let outcome = house.attack(&format!("{GOOD}\n{record}\n{GOOD}\n")).await;
        assert!(outcome.codes().contains(&code.to_owned()), "{:?}", outcome.report);
        assert_eq!((outcome.state, outcome.rejected()), (RunState::Warnings, 1), "{:?}", outcome.report);
        assert_eq!(outcome.rows, ["2 2 EUR"]);
    });
}

pub fn loops(code: &'static str) {
    let (house, outcome) = fails(Plan::of("records"), "loop", code);
    let peak = outcome.report.plugin.elapsed_ms;
    assert!(peak.used >= 1_000 && peak.allowed < 8_000, "use against limit is told: {peak:?}");
    let map = house.used().functions.into_iter().find(|used| used.function.name() == "map").unwrap();
    assert_eq!(map.outcomes.get(code), Some(&2), "once, and once more with room: {map:?}");
}

/// With the deadline out of reach it runs on, until this test's own bound of five times as much.
pub fn loops_on() {
    let guarded = tight().deadline_base_ms;
    let cell = Cell::with(Limits { deadline_base_ms: guarded * 5, ..tight() });
    let Err(CallError::Deadline { used_ms, .. }) = cell.map(&["loop"]) else { panic!("it came back") };
    assert!(used_ms >= guarded * 5, "{used_ms} ms");
}

pub fn grows(code: &'static str) {
    let (_, outcome) = fails(Plan::of("records"), "grow", code);
    let peak = outcome.report.plugin.memory_bytes;
    assert!(peak.used > peak.allowed / 2 && peak.used <= peak.allowed, "{peak:?}");
}

/// With the limit raised it takes all that it gets, until this test's own bound of 512 MiB.
pub fn grows_on() {
    let cell = Cell::with(Limits { memory_bytes: 1 << 30, deadline_base_ms: 60_000, ..tight() });
    assert_eq!(cell.code(&["grow"]), "PLG-203");
    let guarded = tight().memory_bytes / 2;
    assert!(cell.peaks().memory_bytes.used > guarded * 8, "{:?}", cell.peaks().memory_bytes);
}

pub fn recurses(code: &'static str) {
    let plan = Plan::of("records");
    let limits = Limits { deadline_base_ms: 20_000, ..plan.limits };
    sets_one_aside(Plan { limits, ..plan }, "recurse", code);
}

pub fn traps(code: &'static str) {
    sets_one_aside(Plan::of("records"), "trap", code);
}

/// Without the search for the guilty record, the good ones are lost with it.
pub fn loses_the_page() {
    let cell = Cell::with(tight());
    assert_eq!(cell.code(&[GOOD, "trap", GOOD]), "PLG-201");
    assert_eq!(cell.map(&[GOOD, GOOD]).unwrap().purchases.len(), 2);
}

pub fn traps_always(code: &'static str) {
    let plan = Plan::of("records");
    let limits = Limits { crashes: 50, ..plan.limits };
    fails(Plan { limits, ..plan }, &["trap"; 60].join("\n"), code);
}

/// With the limit lifted, a broken plugin looks like sixty broken records.
pub fn sets_all_aside() {
    wait(async {
        let plan = Plan::of("records");
        let limits = Limits { crashes: 1_000, ..plan.limits };
        let house = House::with(Plan { limits, ..plan }).await;
        let outcome = house.attack(&["trap"; 60].join("\n")).await;
        assert_eq!(outcome.rejected(), 60, "{:?}", outcome.report);
    });
}

/// Room for 256 MiB in the guest, and little for what crosses.
fn roomy() -> Limits {
    Limits { memory_bytes: 2 << 30, deadline_base_ms: 60_000, ..tight() }
}

pub fn floods(code: &'static str) {
    fails(Plan { limits: roomy(), ..Plan::of("records") }, "flood", code);
}

/// With the limit lifted all of it crosses, and only then is found to be nonsense.
pub fn floods_the_host() {
    let cell = Cell::with(Limits { output_bytes: 2 << 30, ..roomy() });
    assert_eq!(cell.code(&["flood"]), "PLG-205");
}

pub fn chatters(code: &'static str) {
    wait(async {
        let house = House::with(Plan { wasi: true, ..Plan::of("records") }).await;
        let outcome = house
            .attack(&format!("{GOOD}\n{{\"amount\":\"1\",\"currency\":\"EUR\",\"do\":\"chatter\"}}\n"))
            .await;
        assert_eq!(outcome.rows, ["2 2 EUR"], "nothing is stopped: {:?}", outcome.report);
        assert!(outcome.codes().contains(&code.to_owned()), "{:?}", outcome.report);
        let printed = house.used().printed.pop().unwrap();
        assert!(printed.run.is_some() && printed.text.starts_with("line 0000000000\n"), "{printed:?}");
        let limit = usize::try_from(tight().log_bytes).unwrap();
        assert!(printed.text.contains(code) && printed.text.len() < limit + 200, "{}", printed.text.len());
    });
}

/// With the limit lifted all of it is held.
pub fn chatters_on() {
    let cell = Cell::of(&with_wasi(), Limits { log_bytes: 1 << 30, ..tight() });
    assert_eq!(cell.code(&["chatter"]), "ok");
    assert!(cell.printed().len() > (4 << 20) - 2, "{}", cell.printed().len());
}

/// Names the harm a child of this test does to itself.
const CHILD: &str = "PURSER_HOSTILE_CHILD";

/// In a process of its own, since it does not survive it: what the guest did, without a sandbox around it.
pub fn kills_the_process<const HARM: char>() {
    let mut child = Command::new(std::env::current_exe().unwrap());
    let mut child = child.env(CHILD, HARM.to_string()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let ended = std::thread::spawn(move || child.wait().unwrap());
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while !ended.is_finished() {
        assert!(std::time::Instant::now() < deadline, "the child lives");
        std::thread::sleep(Duration::from_millis(10));
    }
    let status = ended.join().unwrap();
    assert_eq!(status.code(), None, "killed by a signal, not ended: {status}");
}

#[expect(dead_code, reason = "what can be done natively")]
#[path = "../fixtures/hostile/src/harm.rs"]
mod harm;

/// The child's part.
pub fn die_if_asked() {
    match std::env::var(CHILD).as_deref() {
        Ok("r") => drop(harm::recurse(std::hint::black_box(1))),
        Ok("t") => {
            // Plugins are built to abort on a panic.
            let caught = std::panic::catch_unwind(harm::trap);
            if caught.is_err() {
                std::process::abort();
            }
        }
        _ => {}
    }
}
