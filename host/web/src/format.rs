//! How numbers and times are shown: in the reader's way, and exact.
//!
//! **Invariant:** a number is never rounded. Where it is too long for a table it is cut behind a visible `…`, and its
//! `title` holds every digit.

use std::fmt;

use axum::http::{HeaderMap, header};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use purser_domain::Decimal;

/// Fraction digits a table shows before it cuts.
const SHOWN_FRACTION: usize = 6;

/// How the reader writes numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NumberStyle {
    group: &'static str,
    point: &'static str,
}

impl NumberStyle {
    pub(crate) const ENGLISH: Self = Self { group: ",", point: "." };

    /// From the languages a browser asks for.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let languages =
            headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let first = languages.split([',', ';']).next().unwrap_or_default().trim().to_ascii_lowercase();
        Self::of_language(&first)
    }

    fn of_language(tag: &str) -> Self {
        let language = tag.split('-').next().unwrap_or_default();
        match language {
            "de" if tag.ends_with("-ch") => Self { group: "’", point: "." },
            "nl" | "de" | "es" | "it" | "pt" | "da" | "id" | "tr" | "el" | "ro" => {
                Self { group: ".", point: "," }
            }
            "fr" | "sv" | "nb" | "no" | "fi" | "pl" | "cs" | "sk" | "uk" | "ru" | "hu" | "bg" => {
                Self { group: "\u{202f}", point: "," }
            }
            _ => Self::ENGLISH,
        }
    }

    /// A whole number.
    pub(crate) fn count(self, number: u64) -> String {
        self.grouped(&number.to_string())
    }

    /// An amount of money: at least two fraction digits.
    pub(crate) fn money(self, amount: &Decimal) -> Number {
        self.number(amount, 2)
    }

    /// Any other number.
    pub(crate) fn plain(self, number: &Decimal) -> Number {
        self.number(number, 0)
    }

    fn number(self, number: &Decimal, least_fraction: usize) -> Number {
        let exact = number.canonical();
        let (sign, digits) = exact.strip_prefix('-').map_or(("", exact.as_str()), |digits| ("−", digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let cut = fraction.len() > SHOWN_FRACTION;
        let fraction: String = fraction.chars().take(SHOWN_FRACTION).collect();
        let fraction = format!("{fraction:0<least_fraction$}");
        let point = if fraction.is_empty() { "" } else { self.point };
        let more = if cut { "…" } else { "" };
        Number { shown: format!("{sign}{}{point}{fraction}{more}", self.grouped(whole)), exact }
    }

    fn grouped(self, digits: &str) -> String {
        let mut grouped = String::new();
        for (position, digit) in digits.chars().enumerate() {
            if position > 0 && (digits.len() - position).is_multiple_of(3) {
                grouped.push_str(self.group);
            }
            grouped.push(digit);
        }
        grouped
    }
}

/// A number to look at, with all its digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) shown: String,
    pub(crate) exact: String,
}

impl Number {
    /// Whether digits are left out of what is shown.
    pub(crate) fn is_cut(&self) -> bool {
        self.shown.ends_with('…')
    }
}

impl fmt::Display for Number {
    /// HTML. Both texts hold only digits, signs and separators.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<span class=\"num\" title=\"{}\">{}</span>", self.exact, self.shown)
    }
}

impl askama::filters::HtmlSafe for Number {}

/// An instant to look at: in a zone, with UTC at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct When {
    iso: String,
    local: String,
    title: String,
}

impl When {
    pub(crate) fn new(at: Timestamp, zone: &TimeZone) -> Self {
        let local = at.to_zoned(zone.clone());
        let utc = at.strftime("%Y-%m-%d %H:%M:%S UTC");
        Self {
            iso: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            local: local.strftime("%Y-%m-%d %H:%M").to_string(),
            title: format!("{} · {utc}", local.strftime("%H:%M:%S %Z")),
        }
    }

    /// The day alone: Purchases start at midnight UTC.
    pub(crate) fn day(at: Timestamp) -> Self {
        let utc = at.to_zoned(TimeZone::UTC);
        let midnight = utc.time() == jiff::civil::Time::midnight();
        let local = if midnight { utc.strftime("%Y-%m-%d") } else { utc.strftime("%Y-%m-%d %H:%M") };
        Self {
            iso: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            local: local.to_string(),
            title: at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        }
    }
}

impl fmt::Display for When {
    /// HTML. All texts come from number formats and zone abbreviations.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<time datetime=\"{}\" title=\"{}\">{}</time>", self.iso, self.title, self.local)
    }
}

impl askama::filters::HtmlSafe for When {}

/// The zone of this name; UTC where there is none.
pub(crate) fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// How long something took: `1 h 02 min`, `3 min 05 s`, `12 s`.
pub(crate) fn duration(time: SignedDuration) -> String {
    let seconds = time.as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// The UTC day of an instant.
pub(crate) fn utc_day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// One of the few colours a state can have, and its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pill {
    tone: &'static str,
    pub(crate) label: &'static str,
}

impl Pill {
    pub(crate) const fn new(tone: &'static str, label: &'static str) -> Self {
        Self { tone, label }
    }
}

impl fmt::Display for Pill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<span class=\"pill pill-{}\">{}</span>", self.tone, self.label)
    }
}

impl askama::filters::HtmlSafe for Pill {}

/// The pill of a consent state.
pub(crate) fn consent_pill(state: &purser_store::accounts::ConsentState) -> Pill {
    use purser_store::accounts::ConsentState as S;
    match state {
        S::Verifying => Pill::new("info", "Verifying"),
        S::Active => Pill::new("ok", "Active"),
        S::Degraded(_) => Pill::new("warn", "Degraded"),
        S::NeedsConsent(reason) if reason.code == purser_pipeline::secret::REFUSED => {
            Pill::new("bad", "Needs a new secret")
        }
        S::NeedsConsent(_) => Pill::new("bad", "Needs consent"),
        S::OperatorFault(_) => Pill::new("bad", "Operator fault"),
        S::Paused => Pill::new("idle", "Paused"),
        S::Disconnected => Pill::new("idle", "Disconnected"),
    }
}

/// The pill of a run's state.
pub(crate) fn run_pill(state: purser_store::runs::RunState) -> Pill {
    use purser_store::runs::RunState as S;
    match state {
        S::Queued => Pill::new("idle", "Queued"),
        S::Running => Pill::new("info", "Running"),
        S::Succeeded => Pill::new("ok", "Succeeded"),
        S::Warnings => Pill::new("warn", "Succeeded with warnings"),
        S::Partial => Pill::new("warn", "Partial"),
        S::Failed => Pill::new("bad", "Failed"),
        S::Cancelled => Pill::new("idle", "Cancelled"),
    }
}

/// What happened, as a sentence begins.
pub(crate) fn sentence(what: &str) -> String {
    let mut letters = what.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(tag: &str, number: &str) -> String {
        NumberStyle::of_language(tag).money(&number.parse().unwrap()).shown
    }

    #[test]
    fn numbers_are_grouped_in_the_readers_way() {
        for (tag, number, expected) in [
            ("en-us", "1234567.5", "1,234,567.50"),
            ("nl-nl", "1234567.5", "1.234.567,50"),
            ("fr", "-1234.25", "−1\u{202f}234,25"),
            ("de-ch", "1234.125", "1’234.125"),
            ("", "0", "0.00"),
            ("en", "100", "100.00"),
            ("en", "1000", "1,000.00"),
        ] {
            assert_eq!(shown(tag, number), expected, "{tag} {number}");
        }
    }

    #[test]
    fn a_long_number_is_cut_visibly_and_its_title_has_every_digit() {
        let number =
            NumberStyle::ENGLISH.money(&"0.123456789012345678901234567890123456789".parse().unwrap());
        assert_eq!(number.shown, "0.123456…");
        assert_eq!(number.exact, "0.123456789012345678901234567890123456789");
        let short = NumberStyle::ENGLISH.money(&"0.123456".parse().unwrap());
        assert_eq!(short.shown, "0.123456", "what is complete has no sign of a cut");
    }

    #[test]
    fn times_are_shown_in_the_zone_with_utc_at_hand() {
        let at = "2026-11-23T18:00:00Z".parse().unwrap();
        let html = When::new(at, &zone("CET")).to_string();
        assert!(html.contains(">2026-11-23 19:00<") && html.contains("2026-11-23 18:00:00 UTC"), "{html}");
    }
}
