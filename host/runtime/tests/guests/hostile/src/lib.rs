//! A connector that misbehaves on demand: the feed's name says how. Built with and without WASI.

#[cfg(not(any(feature = "importing", feature = "mapping-only")))]
wit_bindgen::generate!({
    path: "../../../../../wit/v0.1",
    world: "purser:connector/connector",
    generate_all,
});

#[cfg(feature = "importing")]
wit_bindgen::generate!({
    inline: "
        package test:hostile;
        interface network { dial: func(host: string) -> bool; }
        world importing {
            include purser:connector/connector@0.1.0;
            import network;
        }
    ",
    path: "../../../../../wit/v0.1",
    world: "test:hostile/importing",
    generate_all,
});

#[cfg(feature = "mapping-only")]
wit_bindgen::generate!({
    path: "../../../../../wit/v0.1",
    world: "purser:connector/mapping-plugin",
    generate_all,
});

mod descriptor;
mod outside;
#[cfg(not(feature = "mapping-only"))]
mod roles;

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};

use exports::purser::connector::manifest::Descriptor;
use exports::purser::connector::mapping::Columns;
use exports::purser::connector::{manifest, mapping};
use purser::connector::types::{PageContext, Problem};

static CALLS: AtomicU32 = AtomicU32::new(0);

struct Hostile;
export!(Hostile);

impl manifest::Guest for Hostile {
    fn describe() -> Descriptor {
        #[cfg(feature = "importing")]
        if CALLS.load(Ordering::Relaxed) > 0 {
            test::hostile::network::dial("example.net");
        }
        descriptor::describe()
    }
}

impl mapping::Guest for Hostile {
    fn map(context: PageContext, page: Vec<u8>) -> Result<Columns, Problem> {
        misbehave(&context.feed)?;
        let mut columns = mirror(&page);
        match context.feed.as_str() {
            "counts" => columns.counts.extend([7, 7]),
            "nul" => columns.text.splice(3..3, [0]).for_each(drop),
            "latin1" => columns.text.splice(3..3, [0xe9]).for_each(drop),
            "twice" => columns.counts[3] = columns.counts[6],
            "huge" => columns.text.resize(100 << 20, b'x'),
            "calls" => columns = ignored(CALLS.fetch_add(1, Ordering::Relaxed).to_string(), &page),
            "outside" => columns = ignored(outside::look(), &page),
            "chatter" => columns = ignored(outside::chatter(), &page),
            _ => {}
        }
        Ok(columns)
    }
}

/// What does not come back, or only as a problem.
fn misbehave(feed: &str) -> Result<(), Problem> {
    match feed {
        "loop" => loop {
            black_box(());
        },
        "bomb" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        "trap" => panic!("this record is too much for me"),
        "stack" => {
            black_box(deeper(0));
            Ok(())
        }
        "reject" => Err(Problem::Reject("this is no page".into())),
        "patience" => Err(Problem::RetryLater(30)),
        _ => Ok(()),
    }
}

#[expect(unconditional_recursion, reason = "that is the attack")]
fn deeper(depth: u64) -> u64 {
    let room = black_box([depth; 64]);
    black_box(deeper(depth + 1)) + room[3]
}

/// One purchase a line; the line is its cost.
fn mirror(page: &[u8]) -> Columns {
    let lines: Vec<&str> = std::str::from_utf8(page).unwrap().lines().collect();
    let mut text = Vec::new();
    let mut counts = vec![lines.len() as u32];
    for (ordinal, cost) in lines.iter().enumerate() {
        counts.extend([0, 1, ordinal as u32]);
        let fields = ["line", "c", "s", "p", "Product", "", "1", "h", "", "", cost, "EUR", "", DAY, NEXT_DAY, "given", "", ""];
        for field in fields {
            text.extend_from_slice(field.as_bytes());
            text.push(0);
        }
    }
    counts.extend([0, 0, 0]);
    Columns { text, counts }
}

const DAY: &str = "2026-11-01T00:00:00Z";
const NEXT_DAY: &str = "2026-11-02T00:00:00Z";

/// Every line ignored by this rule: the way to tell the test something.
fn ignored(rule: String, page: &[u8]) -> Columns {
    let lines = std::str::from_utf8(page).unwrap().lines().count() as u32;
    let mut counts = vec![0, 1, lines];
    counts.extend(0..lines);
    counts.extend([0, 0]);
    Columns { text: format!("{rule}\0").into_bytes(), counts }
}
