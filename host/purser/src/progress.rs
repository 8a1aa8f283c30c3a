//! Progress on the terminal: bars where there is one, plain lines where there is none.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use purser_pipeline::report::{Feed, Report};

/// Shows a growing report.
pub struct Display {
    bars: Option<MultiProgress>,
    by_feed: BTreeMap<String, ProgressBar>,
    told: BTreeMap<String, String>,
}

impl Display {
    /// On stderr, so that results on stdout stay clean.
    #[must_use]
    pub fn new() -> Self {
        let bars = std::io::stderr().is_terminal().then(MultiProgress::new);
        Self { bars, by_feed: BTreeMap::new(), told: BTreeMap::new() }
    }

    /// Shows the report as it stands.
    pub fn show(&mut self, report: &Report) {
        for feed in &report.feeds {
            match &self.bars {
                Some(bars) => {
                    draw(self.by_feed.entry(feed.name.clone()).or_insert_with(|| bars.add(bar(feed))), feed)
                }
                None => self.tell(feed),
            }
        }
    }

    /// Leaves the last state on the screen.
    pub fn end(&mut self) {
        self.by_feed.values().for_each(ProgressBar::abandon);
    }

    /// A plain line when a feed begins and when it is done.
    fn tell(&mut self, feed: &Feed) {
        let state = feed.state.as_str();
        if matches!(state, "waiting" | "") || self.told.get(&feed.name).is_some_and(|told| told == state) {
            return;
        }
        eprintln!(
            "{}: {state}, {}/{} requests, {} records",
            feed.title, feed.requests_done, feed.requests_known, feed.records
        );
        self.told.insert(feed.name.clone(), state.to_owned());
    }
}

fn bar(feed: &Feed) -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{prefix:28} {bar:30} {pos:>5}/{len:5} requests  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(feed.title.clone());
    bar
}

fn draw(bar: &ProgressBar, feed: &Feed) {
    bar.set_length(feed.requests_known);
    bar.set_position(feed.requests_done);
    bar.set_message(format!("{} records", feed.records));
}
