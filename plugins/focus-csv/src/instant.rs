//! Instants and months as cost exports write them.

use purser_plugin_sdk::date::{self, Moment};

/// Reads an instant. Beside the forms of [`date::parse`]: a blank between date and time, and `UTC` for the zone.
///
/// # Errors
/// Where the text is no instant.
pub fn parse(text: &str) -> Result<Moment, String> {
    let text = text.trim();
    let bare = text.strip_suffix("UTC").unwrap_or(text).trim_end();
    match bare.split_once(' ') {
        Some((date, time)) if !date.contains('T') => date::parse(&format!("{date}T{}", time.trim_start())),
        _ => date::parse(bare),
    }
}

/// The month (`2026-11`) of a billing period: `202611`, `2026-11`, or an instant in it.
#[must_use]
pub fn month(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (year, rest) = text.split_at_checked(4)?;
    let month = rest.strip_prefix('-').unwrap_or(rest).get(..2)?;
    let is_month = ("01"..="12").contains(&month);
    (digits(year) && digits(month) && is_month).then(|| format!("{year}-{month}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_export_is_the_same_instant() {
        for form in [
            "2026-11-01T05:00:00Z",
            "2026-11-01T05:00:00.000Z",
            "2026-11-01 05:00:00 UTC",
            "2026-11-01 05:00:00",
            "2026-11-01 05:00:00+00",
            "2026-11-01 05:00:00.000000 UTC",
            " 2026-11-01T06:00:00+01:00",
        ] {
            assert_eq!(parse(form).unwrap().text(), "2026-11-01T05:00:00Z", "{form}");
        }
        assert_eq!(parse("2026-11-01").unwrap().text(), "2026-11-01T00:00:00Z");
        assert_eq!(parse("").unwrap(), Moment::None);
        for bad in ["yesterday", "2026-11-01 UTC 05", "01/11/2026", "2026-11-01 25:00:00"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_billing_month_is_read_from_what_stands_there() {
        for form in ["202611", "2026-11", "2026-11-01", "2026-11-01T00:00:00Z", "2026-11-01 00:00:00 UTC"] {
            assert_eq!(month(form).as_deref(), Some("2026-11"), "{form}");
        }
        for bad in ["", "2026", "2026-13", "202600", "11/2026", "Nov 2026"] {
            assert_eq!(month(bad), None, "{bad}");
        }
    }
}
