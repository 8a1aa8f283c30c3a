//! A run's report while it grows; shared by the tasks of the run.

use std::collections::BTreeMap;
use std::sync::Mutex;

use purser_domain::Role;
use purser_domain::completeness::Alarm;
use purser_runtime::contract::manifest::Feed as Described;
use purser_store::ledger::CommitReport;
use purser_store::pricing::PricingReport;
use purser_store::runs::Partition;

use crate::fetch::{Fetched, Trouble};
use crate::report::{AlarmSeen, Feed, Note, Report};
use crate::usage::RunUse;

/// The growing report.
pub struct Progress(Mutex<Report>);

impl Progress {
    /// From the report of an interrupted attempt, or an empty one. Requests are counted anew from the frontier.
    #[must_use]
    pub fn resume(former: &serde_json::Value, feeds: &[Described]) -> Self {
        let mut report: Report = serde_json::from_value(former.clone()).unwrap_or_default();
        let mut known: BTreeMap<String, Feed> =
            report.feeds.drain(..).map(|feed| (feed.name.clone(), feed)).collect();
        report.feeds = feeds.iter().map(|feed| row(feed, known.remove(&feed.name))).collect();
        Self(Mutex::new(report))
    }

    /// The report as it stands.
    #[must_use]
    pub fn report(&self) -> Report {
        self.with(|report| report.clone())
    }

    /// A request was found.
    pub fn discovered(&self, feed: &str) {
        self.feed(feed, |feed| {
            feed.requests_known += 1;
            feed.state = "running".into();
        });
    }

    /// A request was answered.
    pub fn answered(&self, feed: &str, fetched: &Fetched) {
        self.feed(feed, |feed| {
            feed.requests_done += u64::from(fetched.completion.retry_at.is_none());
            feed.pages += fetched.pages;
            feed.records += fetched.records;
            if feed.requests_done >= feed.requests_known {
                feed.state = "done".into();
            }
        });
    }

    /// A partition was committed.
    pub fn committed(&self, partition: &Partition, commit: &CommitReport) {
        self.feed(&partition.feed, |feed| feed.partitions += 1);
        self.with(|report| {
            report.balance.merge(&commit.balance);
            report.added += commit.added;
            report.changed += commit.changed;
            report.unchanged += commit.unchanged;
            report.voided += commit.voided;
            report.voids_held += commit.voids_held;
            report.unmapped += commit.unmapped;
            report.committed += 1;
            if commit.restates() {
                report.restating += 1;
                report.repeated += commit.repeated;
            }
        });
        if let Some(alarm) = commit.alarm {
            self.with(|report| raise(&mut report.alarms, alarm, partition));
        }
        if commit.voids_held > 0 {
            self.note(held_note(partition, commit));
        }
    }

    /// These partitions are left as they are; all of the run.
    pub fn left_unchanged(&self, partitions: &[Partition]) {
        self.with(|report| {
            report.left_unchanged = partitions.len() as u64;
            for feed in &mut report.feeds {
                let of_feed = partitions.iter().filter(|partition| partition.feed == feed.name);
                feed.left_unchanged = of_feed.count() as u64;
            }
        });
    }

    /// A billing cycle was priced.
    pub fn priced(&self, pricing: &PricingReport) {
        self.with(|report| report.priced += pricing.priced);
    }

    /// Something went wrong with a request, a partition or a feed.
    pub fn trouble(&self, subject: &str, trouble: &Trouble) {
        self.note(Note {
            level: if trouble.stops_run { "error" } else { "warn" }.into(),
            code: trouble.code.clone(),
            subject: subject.to_owned(),
            what: trouble.what.clone(),
            remedy: trouble.remedy.clone(),
        });
    }

    /// Adds a note, once.
    pub fn note(&self, note: Note) {
        self.with(|report| {
            if !report.notes.contains(&note) {
                report.notes.push(note);
            }
        });
    }

    /// Whether something was noted about this subject.
    #[must_use]
    pub fn has_note(&self, subject: &str) -> bool {
        self.with(|report| report.notes.iter().any(|note| note.subject == subject))
    }

    /// How often plugins crashed.
    pub fn crashed(&self, crashes: BTreeMap<Role, u64>) {
        self.with(|report| report.crashes = crashes);
    }

    /// Marks every feed as walked to its end.
    pub fn finished(&self) {
        self.with(|report| report.feeds.iter_mut().for_each(|feed| feed.state = "done".into()));
    }

    /// How close the plugin came to its limits, over all attempts.
    pub fn used(&self, used: &RunUse) {
        self.with(|report| report.plugin.merge(&used.peaks()));
        used.note().into_iter().for_each(|note| self.note(note));
    }

    fn feed(&self, name: &str, change: impl FnOnce(&mut Feed)) {
        self.with(|report| report.feeds.iter_mut().find(|feed| feed.name == name).map(change));
    }

    fn with<T>(&self, read: impl FnOnce(&mut Report) -> T) -> T {
        let mut report = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        read(&mut report)
    }
}

fn raise(alarms: &mut Vec<AlarmSeen>, alarm: Alarm, partition: &Partition) {
    match alarms.iter_mut().find(|seen| seen.feed == partition.feed && seen.alarm == alarm) {
        Some(seen) => seen.parts += 1,
        None => {
            let (feed, first) = (partition.feed.clone(), partition.key.clone());
            alarms.push(AlarmSeen { feed, alarm, parts: 1, first });
        }
    }
}

fn row(feed: &Described, former: Option<Feed>) -> Feed {
    let former = former.unwrap_or_default();
    Feed {
        name: feed.name.clone(),
        title: feed.title.clone(),
        state: "waiting".into(),
        requests_known: former.requests_done,
        ..former
    }
}

fn held_note(partition: &Partition, commit: &CommitReport) -> Note {
    Note {
        level: "warn".into(),
        code: commit.held_because.clone(),
        subject: format!("{} {}", partition.feed, partition.key),
        what: format!("{} Purchases vanished at the vendor and are kept as they were", commit.voids_held),
        remedy: crate::remedies::of(&commit.held_because).to_owned(),
    }
}
