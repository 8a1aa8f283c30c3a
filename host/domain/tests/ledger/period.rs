//! Months and their closing.

use purser_domain::period::{Closed, month_of};

use crate::support::{instant, month};

#[test]
fn a_month_border_follows_the_zone() {
    let table = [
        ("2026-10-31T22:59:59Z", "CET", "2026-10"),
        ("2026-10-31T23:00:00Z", "CET", "2026-11"),
        ("2026-10-31T23:00:00Z", "UTC", "2026-10"),
        ("2026-08-31T22:00:00Z", "Europe/Amsterdam", "2026-09"),
        ("2026-09-01T03:59:59Z", "America/New_York", "2026-08"),
        ("2026-12-31T23:00:00Z", "CET", "2027-01"),
    ];
    for (at, zone, expected) in table {
        let zone = jiff::tz::TimeZone::get(zone).unwrap();
        assert_eq!(month_of(instant(at), &zone), month(expected), "{at}");
    }
}

#[test]
fn what_the_vendor_counts_in_a_closed_month_is_booked_in_the_first_open_one() {
    let table = [
        (None, "2026-09", "2026-09"),
        (Some("2026-08"), "2026-09", "2026-09"),
        (Some("2026-09"), "2026-09", "2026-10"),
        (Some("2026-09"), "2026-02", "2026-10"),
        (Some("2026-12"), "2026-09", "2027-01"),
        (Some("2026-09"), "2027-01", "2027-01"),
    ];
    for (through, vendor, expected) in table {
        let closed = through.map_or(Closed::none(), |through| Closed::through(month(through)));
        assert_eq!(closed.book(&month(vendor)), month(expected), "{vendor} closed through {through:?}");
        assert!(!closed.contains(&closed.book(&month(vendor))));
    }
}

#[test]
fn months_close_by_this_table() {
    let table = [
        (None, "2026-09", "2026-10-01", None),
        (None, "2026-05", "2026-10-01", None),
        (None, "2026-10", "2026-10-31", Some("LED-CLOSE-EARLY")),
        (None, "2027-01", "2026-10-31", Some("LED-CLOSE-EARLY")),
        (Some("2026-08"), "2026-09", "2026-10-01", None),
        (Some("2026-07"), "2026-09", "2026-10-01", Some("LED-CLOSE-ORDER")),
        (Some("2026-09"), "2026-09", "2026-10-01", Some("LED-CLOSE-DONE")),
        (Some("2026-09"), "2026-03", "2026-10-01", Some("LED-CLOSE-DONE")),
        (Some("2026-12"), "2027-01", "2027-02-01", None),
    ];
    for (through, asked, today, refused) in table {
        let closed = through.map_or(Closed::none(), |through| Closed::through(month(through)));
        let result = closed.close(&month(asked), today.parse().unwrap());
        assert_eq!(result.as_ref().err().map(|error| error.code()), refused, "{asked} on {today}");
        if let Ok(closed) = result {
            assert_eq!(closed.last(), Some(&month(asked)));
        }
    }
}
