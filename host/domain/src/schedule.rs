//! The daily schedule: one occurrence per local date, at a local time in an IANA zone.
//!
//! **Invariant:** every date has exactly one occurrence, named by the date, whatever summer time does. A time that the
//! clocks skip (02:30 in spring) is taken that much later; one that they show twice (in autumn) is taken the first time.
//! Time zone data is built in, so that every machine agrees.

use std::str::FromStr;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

/// The zone of a schedule nobody has set.
pub const DEFAULT_ZONE: &str = "CET";
/// The time of a schedule nobody has set.
pub const DEFAULT_TIME: &str = "19:00";

/// A daily local time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Daily {
    zone: TimeZone,
    time: Time,
}

/// Why a schedule cannot be.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Invalid {
    /// There is no such zone.
    #[error(
        "SCH-ZONE there is no time zone of this name · use an IANA name such as Europe/Amsterdam, or CET"
    )]
    Zone,
    /// Not a time.
    #[error("SCH-TIME not a time of day · use hours and minutes, 00:00 to 23:59")]
    Time,
}

/// One day's run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Occurrence {
    /// Names it: a second run of the same date is none.
    pub date: Date,
    /// When it is due.
    pub at: Timestamp,
}

/// What a run asks for: UTC days, the second one not included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Window {
    /// First UTC day.
    pub from: Date,
    /// First UTC day after.
    pub to: Date,
}

/// An occurrence in words for a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NextRun {
    /// In the schedule's zone: `2026-11-23 19:00 CET`.
    pub local: String,
    /// In UTC: `2026-11-23 18:00 UTC`.
    pub utc: String,
    /// The occurrence itself.
    pub occurrence: Occurrence,
}

impl Daily {
    /// A daily run at `HH:MM` in an IANA zone.
    ///
    /// Errors: [`Invalid`], for the person at the form.
    pub fn new(zone: &str, time: &str) -> Result<Self, Invalid> {
        Ok(Self { zone: parse_zone(zone)?, time: parse_time(time)? })
    }

    /// The zone.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The local date of an instant.
    #[must_use]
    pub fn local_date(&self, instant: Timestamp) -> Date {
        self.zone.to_datetime(instant).date()
    }

    /// The first occurrence after an instant; none at the end of time.
    #[must_use]
    pub fn next_after(&self, instant: Timestamp) -> Option<Occurrence> {
        let first = self.local_date(instant).yesterday().ok()?;
        first
            .series(jiff::Span::new().days(1))
            .take(5)
            .filter_map(|date| self.on(date))
            .find(|next| next.at > instant)
    }

    /// The last occurrence at or before an instant.
    #[must_use]
    pub fn latest(&self, now: Timestamp) -> Option<Occurrence> {
        let last = self.local_date(now).tomorrow().ok()?;
        let days = last.series(jiff::Span::new().days(-1)).take(5);
        days.filter_map(|date| self.on(date)).find(|latest| latest.at <= now)
    }

    /// The run that is due: the latest occurrence, where it is after the account's beginning and after the last one that
    /// was ordered. However many were missed, one run makes up for them all: its window, and the vendor's restatements,
    /// reach back.
    #[must_use]
    pub fn due(&self, now: Timestamp, since: Timestamp, last: Option<Date>) -> Option<Occurrence> {
        self.latest(now).filter(|latest| latest.at > since && last.is_none_or(|last| latest.date > last))
    }

    /// The next occurrences, in words.
    #[must_use]
    pub fn next_runs(&self, after: Timestamp, count: usize) -> Vec<NextRun> {
        std::iter::successors(self.next_after(after), |last| self.next_after(last.at))
            .take(count)
            .map(|occurrence| NextRun {
                local: self.words(&occurrence.at.to_zoned(self.zone.clone())),
                utc: occurrence.at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
                occurrence,
            })
            .collect()
    }

    /// A date's occurrence; none on a date the zone has skipped as a whole.
    fn on(&self, date: Date) -> Option<Occurrence> {
        let at = self.instant(date)?;
        // Samoa had no 30 December 2011: its occurrence would be that of the 31st, which runs under its own name.
        let is_skipped = date.tomorrow().ok().and_then(|next| self.instant(next)) == Some(at);
        (!is_skipped).then_some(Occurrence { date, at })
    }

    fn instant(&self, date: Date) -> Option<Timestamp> {
        // `compatible`: later where the clocks skip the time, first where they show it twice.
        self.zone.to_ambiguous_timestamp(date.to_datetime(self.time)).compatible().ok()
    }

    fn words(&self, local: &Zoned) -> String {
        local.strftime("%Y-%m-%d %H:%M %Z").to_string()
    }
}

impl Occurrence {
    /// Its name in the store: the local date.
    #[must_use]
    pub fn id(&self) -> String {
        self.date.to_string()
    }
}

impl Window {
    /// What a run of this local date reads: some days back, and the date itself.
    #[must_use]
    pub fn of(local_date: Date, look_back_days: u32) -> Self {
        let back = jiff::Span::new().try_days(i64::from(look_back_days)).unwrap_or_default();
        Self { from: local_date.saturating_sub(back), to: local_date.tomorrow().unwrap_or(local_date) }
    }
}

/// An IANA zone by name.
///
/// Errors: [`Invalid::Zone`] where there is none.
pub fn parse_zone(name: &str) -> Result<TimeZone, Invalid> {
    TimeZone::get(name).map_err(|_| Invalid::Zone)
}

/// A time of day, `HH:MM`.
///
/// Errors: [`Invalid::Time`] where it is none.
pub fn parse_time(text: &str) -> Result<Time, Invalid> {
    let (hour, minute) = text.split_once(':').ok_or(Invalid::Time)?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !two_digits(hour) || !two_digits(minute) {
        return Err(Invalid::Time);
    }
    let number = |part: &str| i8::from_str(part).map_err(|_| Invalid::Time);
    Time::new(number(hour)?, number(minute)?, 0, 0).map_err(|_| Invalid::Time)
}
