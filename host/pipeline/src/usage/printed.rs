//! What guests print: the last of it, by version, each with its run, cut visibly, and not more often than a person reads.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use purser_domain::RunId;
use purser_runtime::{Called, Function, LOG_CUT};
use serde::Serialize;

/// Prints kept of a version.
const KEPT: usize = 20;

/// Prints taken of a version within [`WHILE`].
const TAKEN: usize = 10;

/// See [`TAKEN`].
const WHILE: SignedDuration = SignedDuration::from_mins(1);

/// What one call printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Print {
    /// When the call ended.
    pub at: Timestamp,
    /// For which run; none: outside of one.
    pub run: Option<RunId>,
    /// Which function printed it.
    pub function: Function,
    /// The text, without control characters; where it was cut, it says so at its end.
    pub text: String,
}

/// The print of a call; none where it printed nothing.
pub(super) fn print(call: &Called<'_>, at: Timestamp) -> Option<Print> {
    let mut text = readable(&call.printed.text);
    let dropped = call.printed.dropped_bytes;
    if dropped > 0 {
        let limit = call.allowed.log_bytes;
        text.push_str(&format!("… [{LOG_CUT} {dropped} bytes more than the {limit} kept were dropped]"));
    }
    (!text.is_empty()).then_some(Print { at, run: call.version.run, function: call.function, text })
}

/// Control characters could rewrite a terminal or forge lines of a log.
fn readable(text: &str) -> String {
    let is_plain = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().map(|c| if is_plain(&c) { c } else { '\u{fffd}' }).collect()
}

/// The last prints of a version.
#[derive(Default)]
pub(super) struct Log {
    prints: VecDeque<Print>,
    taken_at: VecDeque<Timestamp>,
    unkept: u64,
}

impl Log {
    /// Keeps a print, unless there were too many just now.
    pub(super) fn take(&mut self, print: Print) {
        while self.taken_at.front().is_some_and(|at| print.at.duration_since(*at) >= WHILE) {
            self.taken_at.pop_front();
        }
        if self.taken_at.len() >= TAKEN {
            self.unkept += 1;
            return;
        }
        tracing::info!(
            run.id = print.run.map(|run| run.0),
            plugin.function = print.function.name(),
            plugin.printed = ?print.text,
            "plugin.printed"
        );
        self.taken_at.push_back(print.at);
        if self.prints.len() >= KEPT {
            self.prints.pop_front();
        }
        self.prints.push_back(print);
    }

    pub(super) fn prints(&self) -> Vec<Print> {
        self.prints.iter().cloned().collect()
    }

    pub(super) fn unkept(&self) -> u64 {
        self.unkept
    }
}
