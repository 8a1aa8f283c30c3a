//! How close one run's plugin came to its limits, for the run's report.

use std::sync::{Mutex, PoisonError};

use purser_runtime::{Called, LOG_CUT, Recorder, Records, Version};

use super::Peaks;
use crate::report::Note;

/// The peaks of one run. Shared by its tasks.
#[derive(Default)]
pub struct RunUse(Mutex<Seen>);

#[derive(Default, Clone, Copy)]
struct Seen {
    peaks: Peaks,
    dropped_bytes: u64,
}

impl RunUse {
    /// How close it came to each limit.
    #[must_use]
    pub fn peaks(&self) -> Peaks {
        self.seen().peaks
    }

    /// What to say where some of what was printed is lost.
    #[must_use]
    pub fn note(&self) -> Option<Note> {
        let Seen { peaks, dropped_bytes } = self.seen();
        let limit = peaks.printed_bytes.allowed;
        (dropped_bytes > 0).then(|| Note {
            level: "info".into(),
            code: LOG_CUT.into(),
            subject: String::new(),
            what: format!(
                "The plugin printed more than the {limit} bytes kept of a call; {dropped_bytes} bytes were dropped"
            ),
            remedy: crate::remedies::of(LOG_CUT).into(),
        })
    }

    fn seen(&self) -> Seen {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder for RunUse {
    fn called(&self, call: &Called<'_>) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.peaks.take(call);
        seen.dropped_bytes += call.printed.dropped_bytes;
    }

    fn mapped(&self, _: &Version<'_>, _: Records) {}
}
