//! Where the files of a billing month lie: paths with placeholders, one file a month or several parts.

use std::str::FromStr;

use jiff::civil::Date;
use jiff::{Span, ToSpan as _};
use purser_plugin_sdk::date;

/// The most steps of a path: the connector lists a call for each number of them.
pub const MOST_STEPS: usize = 8;
/// Placeholders, and what they become in November 2026 and for the third part.
pub const PLACEHOLDERS: [(&str, &str); 9] = [
    ("{month}", "2026-11"),
    ("{compact}", "202611"),
    ("{year}", "2026"),
    ("{mm}", "11"),
    ("{from}", "20261101"),
    ("{to}", "20261201"),
    ("{next}", "2026-12"),
    ("{part}", "3"),
    ("{part5}", "00003"),
];

/// The path of a month's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(String);

impl Template {
    /// Whether a month has parts, counted from 1 until there is no more.
    #[must_use]
    pub fn has_parts(&self) -> bool {
        self.0.contains("{part}") || self.0.contains("{part5}")
    }

    /// The steps of the path for a month and part.
    ///
    /// # Errors
    /// Where the month is none.
    pub fn steps(&self, month: &str, part: u32) -> Result<Vec<String>, String> {
        let first = date::civil(&format!("{month}-01"))?;
        let next =
            first.checked_add(Span::new().months(1)).map_err(|_| format!("{month} has no month after"))?;
        let compact = |date: Date| date::name(date).replace('-', "");
        let values = [
            month.to_owned(),
            month.replace('-', ""),
            format!("{:04}", first.year()),
            format!("{:02}", first.month()),
            compact(first),
            compact(next),
            month_of(next),
            part.to_string(),
            format!("{part:05}"),
        ];
        let filled = PLACEHOLDERS
            .iter()
            .zip(&values)
            .fold(self.0.clone(), |path, ((placeholder, _), value)| path.replace(placeholder, value));
        Ok(filled.split('/').map(str::to_owned).collect())
    }

    fn names_its_month(&self) -> bool {
        let has = |placeholder: &str| self.0.contains(placeholder);
        has("{month}") || has("{compact}") || has("{from}") || (has("{year}") && has("{mm}"))
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let template = Self(text.trim().trim_start_matches('/').to_owned());
        let plain = PLACEHOLDERS.iter().fold(template.0.clone(), |path, (known, _)| path.replace(known, "1"));
        if plain.contains(['{', '}']) {
            let known: Vec<&str> = PLACEHOLDERS.iter().map(|(name, _)| *name).collect();
            return Err(format!("{text:?} has an unknown placeholder; there are: {}", known.join(", ")));
        }
        if plain.contains(['?', '#', '\\']) || plain.contains("://") {
            return Err(format!(
                "{text:?} is no plain path: the address before it is the operator's to configure"
            ));
        }
        let steps: Vec<&str> = plain.split('/').collect();
        if steps.iter().any(|step| matches!(*step, "" | "." | "..")) || steps.len() > MOST_STEPS {
            return Err(format!("{text:?} is no path of 1 to {MOST_STEPS} steps"));
        }
        if !template.names_its_month() {
            return Err(format!(
                "{text:?} is the same for every month; put {{month}} where the month stands"
            ));
        }
        Ok(template)
    }
}

/// Months (`2026-11`) to read: those of the window, and where that reaches into the present month, those before it that
/// are read again.
///
/// # Errors
/// Where a date is none.
pub fn months(from: &str, to: &str, today: &str, back: u32) -> Result<Vec<String>, String> {
    let last = date::civil(to)?.checked_sub(1.day()).map_err(|error| error.to_string())?;
    let (mut first, present) = (first_of(date::civil(from)?), first_of(date::civil(today)?));
    if first_of(last) >= present {
        let reread = present.checked_sub(i64::from(back).months()).map_err(|error| error.to_string())?;
        first = first.min(reread);
    }
    Ok(first.series(1.month()).take_while(|month| *month <= last).map(month_of).collect())
}

fn first_of(date: Date) -> Date {
    date.first_of_month()
}

fn month_of(date: Date) -> String {
    date::name(date).chars().take(7).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(template: &str, month: &str, part: u32) -> String {
        template.parse::<Template>().unwrap().steps(month, part).unwrap().join("/")
    }

    #[test]
    fn placeholders_become_the_month_and_the_part() {
        for (placeholder, value) in PLACEHOLDERS {
            assert_eq!(steps(&format!("{{month}}/{placeholder}"), "2026-11", 3), format!("2026-11/{value}"));
        }
        assert_eq!(
            steps("/cur/{from}-{to}/a-{part5}.csv.gz", "2026-12", 12),
            "cur/20261201-20270101/a-00012.csv.gz"
        );
    }

    #[test]
    fn what_is_no_path_of_a_month_says_why() {
        for (text, reason) in [
            ("report.csv", "the same for every month"),
            ("{year}.csv", "the same for every month"),
            ("{month}/{day}.csv", "unknown placeholder"),
            ("https://x.example/{month}.csv", "no plain path"),
            ("{month}.csv?sig=1", "no plain path"),
            ("a//{month}.csv", "no path of 1 to 8 steps"),
            ("../{month}.csv", "no path of 1 to 8 steps"),
            ("1/2/3/4/5/6/7/8/{month}", "no path of 1 to 8 steps"),
            ("", "no path of 1 to 8 steps"),
        ] {
            let error = text.parse::<Template>().unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_daily_run_reads_the_month_in_progress_and_those_before_it() {
        let months = |from, to, back| super::months(from, to, "2026-11-16", back).unwrap();
        assert_eq!(months("2026-11-13", "2026-11-17", 1), ["2026-10", "2026-11"]);
        assert_eq!(months("2026-11-13", "2026-11-17", 0), ["2026-11"]);
        assert_eq!(months("2026-10-30", "2026-11-17", 0), ["2026-10", "2026-11"]);
        assert_eq!(months("2026-02-10", "2026-04-01", 1), ["2026-02", "2026-03"], "days a person chose");
        assert!(super::months("x", "2026-11-17", "2026-11-16", 1).is_err());
    }
}
