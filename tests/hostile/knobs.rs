//! Every limit an operator can set changes what happens.

use std::time::Instant;

use bytes::Bytes;
use libtest_mimic::Trial;
use purser_domain::Cast;
use purser_pipeline::framing::Cut;
use purser_pipeline::mapping::map_page;
use purser_runtime::{CallError, KNOBS, Limits, Sandbox};

use crate::components::{Cell, compiled, page, plain, run, with_wasi};
use crate::trial;
use crate::vendor::GOOD;

/// A knob, turned down and up, and what is seen with each.
struct Turn {
    name: &'static str,
    down: (u64, &'static str),
    up: (u64, &'static str),
    seen: fn(Limits) -> String,
}

const fn turn(
    name: &'static str,
    down: (u64, &'static str),
    up: (u64, &'static str),
    seen: fn(Limits) -> String,
) -> Turn {
    Turn { name, down, up, seen }
}

const TURNS: &[Turn] = &[
    turn("memory-mib", (6, "PLG-203"), (256, "ok"), |limits| code(limits, "long-reason")),
    turn("deadline-base-ms", (100, "100 ms"), (900, "900 ms"), |limits| stopped(limits, 0)),
    turn("deadline-per-mib-ms", (0, "50 ms"), (400, "850 ms"), |limits| {
        stopped(Limits { deadline_base_ms: 50, ..limits }, 2 << 20)
    }),
    turn("output-mib", (1, "PLG-204"), (64, "ok"), |limits| code(limits, "long-reason")),
    turn("log-kib", (1, "1024 kept"), (512, "524288 kept"), printed),
    turn("component-mib", (1, "PLG-103"), (64, "ok"), |limits| admitted(limits, 2 << 20)),
    turn("pool-instances", (1, "one after the other"), (6, "together"), side_by_side),
    turn("records-per-page", (50, "PLG-224"), (250_000, "ok"), |limits| {
        Cell::with(limits).code(&[GOOD; 51]).to_owned()
    }),
    turn("crashes-per-page", (0, "PLG-225"), (50, "ok"), set_aside),
    turn("requests-per-step", (100, "PLG-221"), (1_000_000, "ok"), |limits| {
        let step = Cell::with(limits).plugin.start(&run(), "crowd", &[]);
        step.map_or_else(|error| error.code(), |_| "ok").to_owned()
    }),
    turn("facts-per-answer", (100, "PLG-222"), (1_000_000, "ok"), |limits| code(limits, "facts")),
    turn("texts-per-record", (10, "PLG-223"), (1_000, "ok"), |limits| {
        let texts = Cell::with(limits).plugin.products(&page("texts"), b"many", 1);
        texts.map_or_else(|error| error.code(), |_| "ok").to_owned()
    }),
    turn("string-kib", (256, "1 set aside"), (2048, "0 set aside"), |limits| rejected(limits, "gigantic")),
    turn("number-digits", (30, "1 set aside"), (40, "0 set aside"), |limits| {
        rejected(limits, "forty-digits")
    }),
];

/// One test a knob, one that none is missing, and one that all can be turned to their ends.
pub fn trials() -> impl Iterator<Item = Trial> {
    let of = |turn: &'static Turn| {
        trial(format!("knob::{}_has_effect", turn.name.replace('-', "_")), || has_effect(turn))
    };
    let all = trial("knob::each_has_a_test", || {
        let known: Vec<_> = KNOBS.iter().map(|knob| knob.name).collect();
        assert_eq!(TURNS.iter().map(|turn| turn.name).collect::<Vec<_>>(), known);
    });
    let ends = trial("knob::a_sandbox_starts_with_each_at_its_ceiling", || {
        for knob in KNOBS {
            let mut limits = Limits::default();
            limits.set(knob.name, knob.ceiling).unwrap();
            Sandbox::new(limits, None).unwrap_or_else(|error| panic!("{}: {error}", knob.name));
        }
    });
    TURNS.iter().map(of).chain([all, ends])
}

fn has_effect(turn: &Turn) {
    for (value, expected) in [turn.down, turn.up] {
        let mut limits = Limits { deadline_base_ms: 30_000, ..Limits::default() };
        limits.set(turn.name, value).unwrap();
        assert_eq!((turn.seen)(limits), expected, "{} = {value}", turn.name);
    }
}

fn code(limits: Limits, verb: &str) -> String {
    Cell::with(limits).code(&[verb]).to_owned()
}

fn rejected(limits: Limits, verb: &str) -> String {
    format!("{} set aside", Cell::with(limits).map(&[verb]).unwrap().rejected.len())
}

/// At which deadline a loop on a page with so much beside it is stopped.
fn stopped(limits: Limits, beside: usize) -> String {
    let beside = " ".repeat(beside);
    match Cell::with(limits).map(&["loop", &beside]) {
        Err(CallError::Deadline { used_ms, limit_ms }) if used_ms >= limit_ms => format!("{limit_ms} ms"),
        other => panic!("{other:?}"),
    }
}

fn printed(limits: Limits) -> String {
    let cell = Cell::of(&with_wasi(), limits);
    assert_eq!(cell.code(&["chatter"]), "ok");
    format!("{} kept", cell.printed().split('…').next().unwrap().len() + 1)
}

/// Whether the component is admitted with so much dead weight.
fn admitted(limits: Limits, weight: usize) -> String {
    let mut component = plain("hostile");
    let name = b"\x04dead";
    let size = weight + name.len();
    component.push(0);
    // LEB128, four bytes.
    component
        .extend([0, 7, 14, 21].map(|shift| (size >> shift) as u8 & 0x7f | if shift < 21 { 0x80 } else { 0 }));
    component.extend(name);
    component.resize(component.len() + weight, 0);
    match Sandbox::new(limits, Some(compiled())).unwrap().admit(&component) {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.findings[0].code.to_owned(),
    }
}

/// Six loops of 700 milliseconds.
fn side_by_side(limits: Limits) -> String {
    let cell = Cell::with(Limits { deadline_base_ms: 700, ..limits });
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| assert_eq!(cell.code(&["loop"]), "PLG-202"));
        }
    });
    let together = begun.elapsed().as_millis() < 6 * 700;
    if together { "together" } else { "one after the other" }.to_owned()
}

fn set_aside(limits: Limits) -> String {
    let plugin = Cell::with(limits).plugin;
    let feed = plugin.descriptor().feeds.iter().find(|feed| feed.name == "records").unwrap().clone();
    let cut = Cut { bytes: Bytes::from(format!("{GOOD}\ntrap\n")), records: 2 };
    match map_page(&Cast::one(plugin), &feed, &page("records"), &cut, &|_| None) {
        Ok(page) if page.rejections.len() == 1 => "ok".to_owned(),
        Ok(page) => panic!("{:?}", page.rejections),
        Err(error) => error.to_string().split(' ').next().unwrap().to_owned(),
    }
}
