//! Which months a run reads, by UTC as the vendor counts.

use std::collections::BTreeSet;

use purser_plugin_sdk::date;
use purser_plugin_sdk::types::RunContext;

/// The month of the run's instant.
pub fn current(context: &RunContext) -> Result<String, String> {
    Ok(month(&date::name(date::civil(context.as_of.get(..10).unwrap_or_default())?)))
}

/// The month before.
pub fn last(context: &RunContext) -> Result<String, String> {
    let today = date::civil(context.as_of.get(..10).unwrap_or_default())?;
    let day = today.first_of_month().yesterday().map_err(|error| error.to_string())?;
    Ok(month(&date::name(day)))
}

/// Months that are over: those the run's window touches, and always the last one. Ascending.
pub fn over(context: &RunContext) -> Result<Vec<String>, String> {
    let current = current(context)?;
    let touched = date::days(&context.window_from, &context.window_to)?;
    let mut months: BTreeSet<String> = touched.into_iter().map(|day| month(&date::name(day))).collect();
    months.insert(last(context)?);
    Ok(months.into_iter().filter(|month| *month < current).collect())
}

/// No document that bills one of these months is dated before.
pub fn first_day_asked(context: &RunContext) -> Result<String, String> {
    let first = over(context)?.into_iter().next().ok_or("there is no month before the run's")?;
    Ok(format!("{first}-01"))
}

/// The month before the one a day lies in.
pub fn before(day: &str) -> Option<String> {
    let day = date::civil(day).ok()?.first_of_month().yesterday().ok()?;
    Some(month(&date::name(day)))
}

fn month(day: &str) -> String {
    day.get(..7).unwrap_or(day).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(as_of: &str, from: &str, to: &str) -> RunContext {
        RunContext {
            settings: String::new(),
            as_of: as_of.into(),
            local_date: String::new(),
            window_from: from.into(),
            window_to: to.into(),
            cloud: "global".into(),
            locale: String::new(),
        }
    }

    #[test]
    fn months_of_the_window_and_the_last_one_are_read_again() {
        let daily = run("2026-11-23T18:00:00Z", "2026-11-20", "2026-11-24");
        assert_eq!(over(&daily).unwrap(), ["2026-10"]);
        let backfill = run("2026-03-02T00:00:00Z", "2025-11-30", "2026-03-03");
        assert_eq!(over(&backfill).unwrap(), ["2025-11", "2025-12", "2026-01", "2026-02"]);
        assert_eq!(first_day_asked(&backfill).unwrap(), "2025-11-01");
        let january = run("2026-01-01T00:00:00Z", "2025-12-29", "2026-01-02");
        assert_eq!(
            (over(&january).unwrap(), current(&january).unwrap()),
            (vec!["2025-12".into()], "2026-01".into())
        );
    }

    #[test]
    fn an_old_window_still_looks_at_the_last_month() {
        let old = run("2026-11-23T18:00:00Z", "2026-06-10", "2026-06-11");
        assert_eq!(over(&old).unwrap(), ["2026-06", "2026-10"]);
    }
}
