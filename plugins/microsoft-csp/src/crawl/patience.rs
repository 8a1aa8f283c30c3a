//! How long the vendor asks us to wait: in the header as seconds or as a date, or in words in the body.

use purser_plugin_sdk::crawl::Response;
use purser_plugin_sdk::types::RunContext;
use purser_plugin_sdk::{date, json, pairs};

/// A wait longer than this is none that a vendor means: the date was read against the wrong clock.
const LONGEST_SECONDS: i64 = 3_600;

/// Seconds the answer asks for, if it does.
///
/// A date is taken against the answer's own `Date`, the vendor's clock; where the two do not fit, against the instant
/// of the run, the only clock there is.
pub fn asked_for(context: &RunContext, response: &Response) -> Option<u32> {
    match pairs::get(&response.headers, "retry-after") {
        Some(header) => header.parse().ok().or_else(|| until(header, context, response)),
        None => in_words(&json::find_text(&response.envelope, "/message")),
    }
}

fn until(header: &str, context: &RunContext, response: &Response) -> Option<u32> {
    let then = date::http_date(header)?;
    let vendor = pairs::get(&response.headers, "date").and_then(date::http_date);
    let clocks = [vendor, date::parse(&context.as_of).ok().and_then(date::Moment::at)];
    let waits = clocks.into_iter().flatten().map(|now| then.as_second() - now.as_second());
    let wait = waits.into_iter().find(|wait| (0..=LONGEST_SECONDS).contains(wait)).unwrap_or(0);
    u32::try_from(wait).ok()
}

/// `Rate limit is exceeded. Try again in 57 seconds.`
fn in_words(message: &str) -> Option<u32> {
    let (_, rest) = message.split_once("again in ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use purser_plugin_sdk::pairs::pairs;

    use super::*;

    fn asked(headers: [(&str, &str); 2], body: &str) -> Option<u32> {
        let context = RunContext {
            settings: String::new(),
            as_of: "2026-11-23T18:00:00Z".into(),
            local_date: "2026-11-23".into(),
            window_from: "2026-11-20".into(),
            window_to: "2026-11-23".into(),
            cloud: "global".into(),
            locale: "nl-NL".into(),
        };
        let response =
            Response { status: 429, headers: pairs(headers), envelope: body.into(), kept: 0, attempt: 1 };
        asked_for(&context, &response)
    }

    #[test]
    fn seconds_dates_and_words_are_understood() {
        assert_eq!(asked([("Retry-After", "57"), ("x", "y")], ""), Some(57));
        assert_eq!(
            asked([("x", "y"); 2], r#"{"statusCode":429,"message":"Try again in 57 seconds."}"#),
            Some(57)
        );
        let dates =
            [("Retry-After", "Mon, 23 Nov 2026 18:05:30 GMT"), ("Date", "Mon, 23 Nov 2026 18:05:00 GMT")];
        assert_eq!(asked(dates, ""), Some(30));
        let wrong_clock =
            [("Retry-After", "Mon, 23 Nov 2026 18:00:30 GMT"), ("Date", "Tue, 01 Jan 2030 00:00:00 GMT")];
        assert_eq!(asked(wrong_clock, ""), Some(30));
        assert_eq!(asked([("x", "y"); 2], "<html>"), None);
    }
}
