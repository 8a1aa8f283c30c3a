//! The daily schedule, through both changes of summer time.

use purser_domain::schedule::{DEFAULT_TIME, DEFAULT_ZONE, Daily, Invalid, Window};

use crate::support::instant;

fn daily(zone: &str, time: &str) -> Daily {
    Daily::new(zone, time).unwrap()
}

#[test]
fn the_next_occurrence_follows_this_table() {
    let table = [
        ("winter", "CET", "19:00", "2026-11-23T12:00:00Z", "2026-11-23", "2026-11-23T18:00:00Z"),
        ("summer", "CET", "19:00", "2026-07-01T12:00:00Z", "2026-07-01", "2026-07-01T17:00:00Z"),
        ("just before", "CET", "19:00", "2026-11-23T17:59:59.999Z", "2026-11-23", "2026-11-23T18:00:00Z"),
        ("just then: the next", "CET", "19:00", "2026-11-23T18:00:00Z", "2026-11-24", "2026-11-24T18:00:00Z"),
        (
            "over the spring change",
            "CET",
            "19:00",
            "2026-03-28T18:00:00Z",
            "2026-03-29",
            "2026-03-29T17:00:00Z",
        ),
        (
            "over the autumn change",
            "CET",
            "19:00",
            "2026-10-24T17:00:00Z",
            "2026-10-25",
            "2026-10-25T18:00:00Z",
        ),
        (
            "the time does not exist",
            "CET",
            "02:30",
            "2026-03-29T00:00:00Z",
            "2026-03-29",
            "2026-03-29T01:30:00Z",
        ),
        (
            "and is itself a day later",
            "CET",
            "02:30",
            "2026-03-29T01:30:00Z",
            "2026-03-30",
            "2026-03-30T00:30:00Z",
        ),
        (
            "the time exists twice",
            "CET",
            "02:30",
            "2026-10-25T00:00:00Z",
            "2026-10-25",
            "2026-10-25T00:30:00Z",
        ),
        ("and runs once", "CET", "02:30", "2026-10-25T00:30:00Z", "2026-10-26", "2026-10-26T01:30:00Z"),
        (
            "far west",
            "Pacific/Honolulu",
            "23:59",
            "2026-11-23T00:00:00Z",
            "2026-11-22",
            "2026-11-23T09:59:00Z",
        ),
        (
            "far east",
            "Pacific/Kiritimati",
            "00:00",
            "2026-11-22T11:00:00Z",
            "2026-11-24",
            "2026-11-23T10:00:00Z",
        ),
        (
            "a skipped date",
            "Pacific/Apia",
            "19:00",
            "2011-12-30T05:00:00Z",
            "2011-12-31",
            "2011-12-31T05:00:00Z",
        ),
    ];
    for (case, zone, time, after, date, at) in table {
        let next = daily(zone, time).next_after(instant(after)).unwrap();
        assert_eq!((next.id(), next.at), (date.to_owned(), instant(at)), "{case}");
    }
}

#[test]
fn a_year_of_occurrences_has_each_date_once_whatever_the_clocks_do() {
    for (zone, time) in [("CET", "19:00"), ("CET", "02:30"), ("CET", "00:00"), ("America/New_York", "01:30")]
    {
        let daily = daily(zone, time);
        let mut at = instant("2026-01-01T12:00:00Z");
        let mut date: jiff::civil::Date = daily.next_after(at).unwrap().date;
        for _ in 0..365 {
            let next = daily.next_after(at).unwrap();
            assert_eq!(next.date, date, "{zone} {time}");
            assert!(next.at > at);
            (at, date) = (next.at, date.tomorrow().unwrap());
        }
    }
}

#[test]
fn a_missed_run_is_made_up_once_by_this_table() {
    let since = "2026-11-01T12:00:00Z";
    let table = [
        ("nothing missed", "2026-11-23T17:59:00Z", since, Some("2026-11-22"), None),
        ("due now", "2026-11-23T18:00:00Z", since, Some("2026-11-22"), Some("2026-11-23")),
        ("ordered already", "2026-11-23T18:00:00Z", since, Some("2026-11-23"), None),
        (
            "down for days: the latest, once",
            "2026-11-23T20:00:00Z",
            since,
            Some("2026-11-19"),
            Some("2026-11-23"),
        ),
        ("down over midnight", "2026-11-24T06:00:00Z", since, Some("2026-11-22"), Some("2026-11-23")),
        ("never ran", "2026-11-23T20:00:00Z", since, None, Some("2026-11-23")),
        ("connected after it", "2026-11-23T20:00:00Z", "2026-11-23T19:00:00Z", None, None),
        ("a clock set back", "2026-11-20T20:00:00Z", since, Some("2026-11-23"), None),
    ];
    let daily = daily(DEFAULT_ZONE, DEFAULT_TIME);
    for (case, now, since, last, expected) in table {
        let last = last.map(|date| date.parse().unwrap());
        let due = daily.due(instant(now), instant(since), last).map(|occurrence| occurrence.id());
        assert_eq!(due.as_deref(), expected, "{case}");
    }
}

#[test]
fn next_runs_are_shown_in_the_zone_and_in_utc() {
    let runs = daily("CET", "19:00").next_runs(instant("2026-10-24T12:00:00Z"), 2);
    let shown: Vec<_> = runs.iter().map(|run| (run.local.as_str(), run.utc.as_str())).collect();
    assert_eq!(
        shown,
        [("2026-10-24 19:00 CEST", "2026-10-24 17:00 UTC"), ("2026-10-25 19:00 CET", "2026-10-25 18:00 UTC"),]
    );
}

#[test]
fn zones_and_times_are_checked_by_this_table() {
    let table = [
        ("Europe/Amsterdam", "00:00", None),
        ("UTC", "23:59", None),
        ("Mars/Olympus", "19:00", Some(Invalid::Zone)),
        ("", "19:00", Some(Invalid::Zone)),
        ("CET", "24:00", Some(Invalid::Time)),
        ("CET", "19:60", Some(Invalid::Time)),
        ("CET", "7:00", Some(Invalid::Time)),
        ("CET", "+7:00", Some(Invalid::Time)),
        ("CET", "19", Some(Invalid::Time)),
        ("CET", "19:00:00", Some(Invalid::Time)),
    ];
    for (zone, time, expected) in table {
        assert_eq!(Daily::new(zone, time).err(), expected, "{zone} {time}");
    }
}

#[test]
fn a_window_looks_back_and_includes_its_own_date() {
    for (back, from) in [(0, "2026-03-01"), (3, "2026-02-26")] {
        let window = Window::of("2026-03-01".parse().unwrap(), back);
        assert_eq!(
            (window.from.to_string(), window.to.to_string()),
            (from.to_owned(), "2026-03-02".to_owned())
        );
    }
}
