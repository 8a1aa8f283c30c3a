//! The coverage table of a descriptor: which feed bills each class of charges.
//!
//! **Invariant:** in each licence mode that the table names, each class has exactly one feed, and that feed is there and
//! has Purchases. A charge that no feed bills is lost, and one that two bill is billed twice.

use std::collections::BTreeSet;

use super::Finding;
use crate::columns::shorten;
use crate::contract::manifest::{CoverageRow, Descriptor, FeedKind};

/// Checks all rows.
pub(super) fn check(descriptor: &Descriptor, findings: &mut Vec<Finding>) {
    let rows = &descriptor.coverage;
    let wrong = rows.iter().filter_map(|row| wrong_row(row, descriptor)).chain(uneven(rows));
    findings.extend(wrong.map(|text| {
        Finding::new("PLG-131", text, "give each class of charges one feed in each licence mode, and a title")
    }));
}

fn wrong_row(row: &CoverageRow, descriptor: &Descriptor) -> Option<String> {
    let (class, feed) = (shorten(&row.class), shorten(&row.feed));
    match descriptor.feeds.iter().find(|feed| feed.name == row.feed) {
        None => Some(format!("the class {class:?} is billed by the unknown feed {feed:?}")),
        Some(known) if known.kind != FeedKind::Purchases => {
            Some(format!("the class {class:?} is billed by the feed {feed:?}, which has no Purchases"))
        }
        Some(_) if row.class.trim().is_empty() || row.title.trim().is_empty() => {
            Some(format!("a class billed by the feed {feed:?} has no name or no title"))
        }
        Some(_) => None,
    }
}

/// Classes that some mode has no feed for, or several.
fn uneven(rows: &[CoverageRow]) -> Vec<String> {
    let mut modes: BTreeSet<&str> = rows.iter().map(|row| row.mode.as_str()).collect();
    if modes.len() > 1 {
        modes.remove("");
    }
    let classes: BTreeSet<&str> = rows.iter().map(|row| row.class.as_str()).collect();
    let mut wrong = Vec::new();
    for class in classes {
        for mode in &modes {
            let holds = |row: &&CoverageRow| row.class == class && (row.mode.is_empty() || row.mode == *mode);
            let feeds = rows.iter().filter(holds).count();
            if feeds != 1 {
                let (class, mode) = (shorten(class), shorten(mode));
                wrong.push(format!("the class {class:?} has {feeds} feeds in the mode {mode:?}"));
            }
        }
    }
    wrong
}
