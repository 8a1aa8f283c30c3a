//! Days, the odd ways vendors write them, and the local date that licence snapshots are counted by.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// The UTC day.
pub(crate) fn utc_day(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

/// The local date in the zone licence snapshots are counted by: IANA `CET`.
pub(crate) fn local_day(now: Timestamp) -> Date {
    let zone = TimeZone::get("CET").unwrap_or(TimeZone::UTC);
    now.to_zoned(zone).date()
}

/// That many days later; earlier when negative.
pub(crate) fn shift(day: Date, days: i32) -> Date {
    day.checked_add(Span::new().days(days)).unwrap_or(day)
}

/// Days from `earlier` to `later`.
pub(crate) fn days_between(earlier: Date, later: Date) -> i32 {
    later.since(earlier).map_or(0, |span| span.get_days())
}

/// `2026-11`.
pub(crate) fn month(day: Date) -> String {
    day.strftime("%Y-%m").to_string()
}

/// First day of the month `months` away.
pub(crate) fn month_start(day: Date, months: i32) -> Date {
    let first = day.first_of_month();
    first.checked_add(Span::new().months(months)).unwrap_or(first)
}

/// That many months later, on the same day of the month where there is one.
pub(crate) fn shift_months(day: Date, months: i32) -> Date {
    day.checked_add(Span::new().months(months)).unwrap_or(day)
}

/// Last day of the month.
pub(crate) fn month_end(day: Date) -> Date {
    day.last_of_month()
}

/// Months from the month of `earlier` to that of `later`.
pub(crate) fn months_between(earlier: Date, later: Date) -> i32 {
    let number = |day: Date| i32::from(day.year()) * 12 + i32::from(day.month());
    number(later) - number(earlier)
}

/// Midnight UTC of a day as a number, so that days can be random indices.
pub(crate) fn day_number(day: Date) -> u64 {
    u64::try_from(days_between(Date::constant(1970, 1, 1), day)).unwrap_or(0)
}

/// Seconds since 1970 of midnight UTC.
pub(crate) fn midnight_second(day: Date) -> i64 {
    i64::try_from(day_number(day)).unwrap_or(0) * 86_400
}

/// For `Retry-After` and `Date`.
pub(crate) fn http_date(at: Timestamp) -> String {
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap_or_default()
}

/// How a midnight is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `2026-11-20T00:00:00+00:00`
    Offset,
    /// `2026-11-20T00:00:00Z`
    Zulu,
    /// `2026-11-19T16:00:00-08:00`
    Pacific,
    /// `2026-11-20T00:00:00.0000000Z`
    SevenDigits,
    /// `2026-11-20T00:00:00`
    NoZone,
}

impl Form {
    /// The forms that say their offset.
    pub(crate) fn with_offset(index: u64) -> Self {
        match index % 4 {
            0 => Self::Offset,
            1 => Self::Zulu,
            2 => Self::Pacific,
            _ => Self::SevenDigits,
        }
    }

    /// Any form.
    pub(crate) fn any(index: u64) -> Self {
        if index % 5 == 4 { Self::NoZone } else { Self::with_offset(index % 5) }
    }

    /// Midnight UTC of the day.
    pub(crate) fn midnight(self, day: Date) -> String {
        match self {
            Self::Offset => format!("{day}T00:00:00+00:00"),
            Self::Zulu => format!("{day}T00:00:00Z"),
            Self::Pacific => format!("{}T16:00:00-08:00", shift(day, -1)),
            Self::SevenDigits => format!("{day}T00:00:00.0000000Z"),
            Self::NoZone => format!("{day}T00:00:00"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_with_an_offset_is_midnight_utc_of_the_same_day() {
        let day = Date::constant(2026, 11, 20);
        for index in 0..4 {
            let text = Form::with_offset(index).midnight(day);
            assert_eq!(text.parse::<Timestamp>().unwrap().as_second(), midnight_second(day), "{text}");
        }
        assert_eq!(Form::any(4).midnight(day), "2026-11-20T00:00:00");
    }

    #[test]
    fn the_local_date_is_central_european() {
        assert_eq!(local_day("2026-11-20T23:30:00Z".parse().unwrap()), Date::constant(2026, 11, 21));
        assert_eq!(utc_day("2026-11-20T23:30:00Z".parse().unwrap()), Date::constant(2026, 11, 20));
    }

    #[test]
    fn months_start_on_the_first() {
        assert_eq!(month_start(Date::constant(2026, 1, 31), -1), Date::constant(2025, 12, 1));
        assert_eq!(month(Date::constant(2026, 1, 31)), "2026-01");
    }
}
