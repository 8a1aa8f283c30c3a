//! Dates as vendors write them, to instants as the contract wants them: RFC 3339, UTC.
//!
//! Seen in one and the same vendor's answers: `Z`, `+00:00`, `-08:00` or no zone at all (then UTC); no, three or seven
//! digits of a second's fraction; blanks inside; a date alone; the year 1 for "never was" and 9999 for "never ends".

use std::borrow::Cow;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{Span, Timestamp, ToSpan};

/// What a vendor's date says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nothing: empty, or the year 1.
    None,
    /// An instant.
    At(Timestamp),
    /// Without end: the year 9000 or later.
    Unbounded,
}

impl Moment {
    /// The instant, where there is one.
    #[must_use]
    pub fn at(self) -> Option<Timestamp> {
        match self {
            Self::At(instant) => Some(instant),
            Self::None | Self::Unbounded => None,
        }
    }

    /// RFC 3339 in UTC; empty where there is no instant.
    #[must_use]
    pub fn text(self) -> String {
        self.at().map(rfc3339).unwrap_or_default()
    }
}

/// Reads a vendor's date.
///
/// # Errors
/// Where the text is no date in any of the known forms: the text is given back, shortened, for the reason.
pub fn parse(text: &str) -> Result<Moment, String> {
    let packed = packed(text);
    if packed.is_empty() {
        return Ok(Moment::None);
    }
    read(&packed).ok_or_else(|| format!("{:?} is no date", text.chars().take(40).collect::<String>()))
}

/// An instant as the contract wants it: RFC 3339 in UTC, no more digits than it has.
///
/// Written here and not by the date library, whose printers and parsers would be a third of a plugin; and digit by digit
/// rather than by formatting, since every usage record has two of them.
#[must_use]
pub fn rfc3339(instant: Timestamp) -> String {
    let utc = Offset::UTC.to_datetime(instant);
    let (year, month, day) = (utc.year(), utc.month(), utc.day());
    let mut text = String::with_capacity("2026-11-23T18:05:30.123456789Z".len());
    push_digits(&mut text, year.unsigned_abs().into(), 4);
    for (mark, part) in
        [('-', month), ('-', day), ('T', utc.hour()), (':', utc.minute()), (':', utc.second())]
    {
        text.push(mark);
        push_digits(&mut text, part.unsigned_abs().into(), 2);
    }
    if utc.subsec_nanosecond() != 0 {
        text.push('.');
        push_digits(&mut text, utc.subsec_nanosecond().unsigned_abs(), 9);
        text.truncate(text.trim_end_matches('0').len());
    }
    text.push('Z');
    text
}

/// The date of HTTP headers: `Mon, 23 Nov 2026 18:05:30 GMT`.
#[must_use]
pub fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let mut parts = text.split_once(',').map_or(text, |(_, rest)| rest).split_whitespace();
    let day: i8 = parts.next()?.parse().ok()?;
    let name = parts.next()?.to_ascii_lowercase();
    let month = i8::try_from(MONTHS.iter().position(|month| name == *month)? + 1).ok()?;
    let date = Date::new(parts.next()?.parse().ok()?, month, day).ok()?;
    let (time, _) = clock(parts.next()?)?;
    Offset::UTC.to_timestamp(DateTime::from_parts(date, time)).ok()
}

/// The first instant of an instant's UTC day, and of the day after.
///
/// # Errors
/// At the end of time.
pub fn utc_day(instant: Timestamp) -> Result<(Timestamp, Timestamp), String> {
    day_of(Offset::UTC.to_datetime(instant).date())
}

/// The first instant of a UTC day given as `YYYY-MM-DD`, and of the day after.
///
/// # Errors
/// Where the text is no date.
pub fn day(date: &str) -> Result<(Timestamp, Timestamp), String> {
    day_of(civil(date)?)
}

/// The days of a half-open range.
///
/// # Errors
/// Where a border is no date.
pub fn days(from: &str, to: &str) -> Result<Vec<Date>, String> {
    let end = civil(to)?;
    Ok(civil(from)?.series(Span::new().days(1)).take_while(|day| *day < end).collect())
}

/// A date from `YYYY-MM-DD`.
///
/// # Errors
/// Where the text is no date.
pub fn civil(date: &str) -> Result<Date, String> {
    calendar(date.trim()).ok_or_else(|| format!("{date:?} is no date"))
}

/// `YYYY-MM-DD`, as [`civil`] reads it.
#[must_use]
pub fn name(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

fn day_of(date: Date) -> Result<(Timestamp, Timestamp), String> {
    let midnight = |date: Date| Offset::UTC.to_timestamp(date.to_datetime(Time::midnight()));
    let next = date.checked_add(1.day());
    match (midnight(date), next.and_then(midnight)) {
        (Ok(start), Ok(end)) => Ok((start, end)),
        _ => Err(format!("{} has no day after", name(date))),
    }
}

/// Without blanks; most have none.
fn packed(text: &str) -> Cow<'_, str> {
    let is_blank = |c: char| c.is_whitespace() || c == '\u{a0}';
    match text.contains(is_blank) {
        true => text.chars().filter(|c| !is_blank(*c)).collect(),
        false => text.into(),
    }
}

fn push_digits(text: &mut String, number: u32, digits: u32) {
    for place in (0..digits).rev() {
        let digit = number / 10_u32.pow(place) % 10;
        text.push(char::from_digit(digit, 10).unwrap_or('0'));
    }
}

/// `2018-03-25[T00:00[:00[.1234567]]][Z|±hh[:]mm]`.
fn read(text: &str) -> Option<Moment> {
    let (date, rest) = text.split_at_checked(10)?;
    let year: i16 = date.get(..4)?.parse().ok()?;
    if year >= 9000 {
        return Some(Moment::Unbounded);
    }
    let date = calendar(date)?;
    let (time, offset) = match rest.strip_prefix(['T', 't']) {
        Some(rest) => clock(rest)?,
        None => (Time::midnight(), zone(rest)?),
    };
    if year <= 1 {
        return Some(Moment::None);
    }
    offset.to_timestamp(DateTime::from_parts(date, time)).ok().map(Moment::At)
}

fn calendar(text: &str) -> Option<Date> {
    let (year, rest) = text.split_at_checked(4)?;
    let (month, day) = rest.strip_prefix('-')?.split_once('-')?;
    if !year.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Date::new(year.parse().ok()?, two_digits(month)?, two_digits(day)?).ok()
}

fn clock(text: &str) -> Option<(Time, Offset)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(text.len());
    let (clock, rest) = text.split_at_checked(end)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.split(':').map(two_digits);
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    if parts.next().is_some() {
        return None;
    }
    let time = Time::new(hour, minute, second, nanoseconds(fraction)?).ok()?;
    Some((time, zone(rest)?))
}

fn nanoseconds(fraction: &str) -> Option<i32> {
    if fraction.is_empty() {
        return Some(0);
    }
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    digits.parse().ok()
}

fn zone(text: &str) -> Option<Offset> {
    let sign = match text.get(..1) {
        None => return Some(Offset::UTC),
        Some("Z" | "z") if text.len() == 1 => return Some(Offset::UTC),
        Some("+") => 1,
        Some("-") => -1,
        Some(_) => return None,
    };
    let digits = text.get(1..)?.replace(':', "");
    let hours = two_digits(digits.get(..2)?)?;
    let minutes = if digits.len() == 2 { 0 } else { two_digits(digits.get(2..)?)? };
    Offset::from_seconds(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60)).ok()
}

fn two_digits(text: &str) -> Option<i8> {
    if text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_vendors_use_is_read_as_the_same_instant() {
        for form in [
            "2018-03-25T00:00:00Z",
            "2018-03-25T00:00:00+00:00",
            "2018-03-24T16:00:00-08:00",
            "2018-03-24T16:00:00-0800",
            "2018-03-25T00:00:00",
            "2018-03-25T00:00",
            "2018-03-25",
            "2018-03-25T00:00:00.000Z",
            "2018-03-25T00:00:00.0000000Z",
            "2018-03-25T00: 00: 00Z",
            " 2018-03-25t00:00:00z ",
            "2018-03-25T01:00:00+01",
        ] {
            assert_eq!(parse(form).unwrap().text(), "2018-03-25T00:00:00Z", "{form}");
        }
    }

    #[test]
    fn fractions_are_kept() {
        assert_eq!(parse("2021-10-15T21:28:19.3058617Z").unwrap().text(), "2021-10-15T21:28:19.3058617Z");
        assert_eq!(parse("2021-01-14T16:57:14.498252Z").unwrap().text(), "2021-01-14T16:57:14.498252Z");
    }

    #[test]
    fn the_year_one_is_nothing_and_9999_is_without_end() {
        for nothing in ["", "  ", "0001-01-01T00:00:00", "0001-01-01T00:00:00Z"] {
            assert_eq!(parse(nothing).unwrap(), Moment::None, "{nothing}");
        }
        for endless in ["9999-12-31T00:00:00Z", "9999-12-31T23:59:59.9999999", "9000-01-01"] {
            assert_eq!(parse(endless).unwrap(), Moment::Unbounded, "{endless}");
        }
    }

    #[test]
    fn what_is_no_date_says_so() {
        for bad in [
            "today",
            "2018-13-01",
            "2018-02-30T00:00:00Z",
            "2018-03-25X",
            "2018-03-25T25:00:00Z",
            "25/03/2018",
        ] {
            assert!(parse(bad).unwrap_err().ends_with("is no date"), "{bad}");
        }
    }

    #[test]
    fn instants_are_written_as_the_date_library_would() {
        for text in [
            "2026-11-23T18:05:30Z",
            "0005-01-02T00:00:00.000000001Z",
            "1969-12-31T23:59:59.5Z",
            "8999-12-31T00:00:00Z",
        ] {
            let instant: Timestamp = text.parse().unwrap();
            assert_eq!(rfc3339(instant), instant.to_string());
            assert_eq!(parse(text).unwrap(), Moment::At(instant));
        }
    }

    #[test]
    fn http_dates_are_read() {
        let instant = http_date("Mon, 23 Nov 2026 18:05:30 GMT").unwrap();
        assert_eq!(rfc3339(instant), "2026-11-23T18:05:30Z");
        assert_eq!(http_date("57"), None);
        assert_eq!(http_date("Mon, 31 Feb 2026 18:05:30 GMT"), None);
    }

    #[test]
    fn days_are_utc_days() {
        let (start, end) = utc_day("2020-02-29T23:30:00Z".parse().unwrap()).unwrap();
        assert_eq!(
            (rfc3339(start), rfc3339(end)),
            ("2020-02-29T00:00:00Z".into(), "2020-03-01T00:00:00Z".into())
        );
        let window: Vec<_> = days("2026-10-24", "2026-10-27").unwrap().iter().copied().map(name).collect();
        assert_eq!(window, ["2026-10-24", "2026-10-25", "2026-10-26"]);
        assert!(days("2026-10-27", "2026-10-24").unwrap().is_empty());
    }
}
