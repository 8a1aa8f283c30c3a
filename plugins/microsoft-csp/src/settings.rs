//! The account's settings as this connector reads them; `manifest/settings.rs` describes the same to the host.

use std::ops::RangeInclusive;

use purser_plugin_sdk::date;
use purser_plugin_sdk::types::Problem;
use serde::Deserialize;

use crate::charges::Mode;

/// What an administrator may change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// ISO 3166 alpha-2 of the country the offers are sold in.
    pub market: String,
    /// ISO 4217, of the rate card.
    pub currency: String,
    /// ISO 4217, of the usage exports: one for each invoice a month.
    pub currencies: Vec<String>,
    /// First month (`2026-11`) whose licences are billed by charge lines instead of daily counts; empty: none is.
    pub charge_events_from: String,
    /// First month after; empty: no end.
    pub charge_events_until: String,
    /// Whether the last month is read again until its invoice is out.
    pub last_period: bool,
    /// States of a licence subscription that are billed.
    pub billed_statuses: Vec<String>,
    /// Day of the month, 1 to 28, on which a billing cycle of legacy Azure begins.
    pub billing_day: i8,
}

/// Days that every month has.
const BILLING_DAYS: RangeInclusive<i8> = 1..=28;

impl Default for Settings {
    fn default() -> Self {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            market: "NL".to_owned(),
            currency: "EUR".to_owned(),
            currencies: owned(&["EUR", "USD"]),
            charge_events_from: String::new(),
            charge_events_until: String::new(),
            last_period: true,
            billed_statuses: owned(&["active", "suspended"]),
            billing_day: 1,
        }
    }
}

impl Settings {
    /// Reads the settings of a run; what is not there has its default.
    pub fn read(json: &str) -> Result<Self, Problem> {
        if json.trim().is_empty() {
            return Ok(Self::default());
        }
        let settings: Self = serde_json::from_str(json).map_err(|error| {
            Problem::Reject(format!("CSP-001 the account's settings cannot be read: {error}"))
        })?;
        settings.tidy().checked()
    }

    /// How licences are billed in a month (`2026-11`). One month has one mode.
    pub fn licence_mode(&self, month: &str) -> Mode {
        let (from, until) = (self.charge_events_from.as_str(), self.charge_events_until.as_str());
        match !from.is_empty() && from <= month && (until.is_empty() || month < until) {
            true => Mode::ChargeEvents,
            false => Mode::DailySnapshot,
        }
    }

    fn checked(self) -> Result<Self, Problem> {
        for month in [&self.charge_events_from, &self.charge_events_until] {
            if !month.is_empty() && date::civil(&format!("{month}-01")).is_err() {
                return Err(Problem::Reject(format!(
                    "CSP-002 {month:?} is no month · give the months of charge events as 2026-11"
                )));
            }
        }
        if !BILLING_DAYS.contains(&self.billing_day) {
            let day = self.billing_day;
            return Err(Problem::Reject(format!("CSP-001 the billing day {day} is not one of 1 to 28")));
        }
        Ok(self)
    }

    fn tidy(mut self) -> Self {
        for code in self.currencies.iter_mut().chain([&mut self.market, &mut self.currency]) {
            *code = code.trim().to_ascii_uppercase();
        }
        for month in [&mut self.charge_events_from, &mut self.charge_events_until] {
            *month = month.trim().to_owned();
        }
        self.currencies.sort();
        self.currencies.dedup();
        self.currencies.retain(|code| !code.is_empty());
        self
    }

    /// Whether a licence subscription in this state is billed.
    pub fn bills(&self, status: &str) -> bool {
        self.billed_statuses.iter().any(|billed| billed.trim().eq_ignore_ascii_case(status.trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_has_its_default() {
        assert_eq!(Settings::read("").unwrap(), Settings::default());
        assert_eq!(Settings::read("{}").unwrap(), Settings::default());
        let set = Settings::read(r#"{"market":"de","currencies":["usd"," eur","USD"],"schedule":"19:00"}"#)
            .unwrap();
        assert_eq!((set.market.as_str(), set.currencies), ("DE", vec!["EUR".to_owned(), "USD".to_owned()]));
        assert_eq!(set.billed_statuses, ["active", "suspended"]);
    }

    #[test]
    fn a_licence_mode_holds_for_whole_months() {
        let mode = |json: &str, month: &str| Settings::read(json).unwrap().licence_mode(month);
        let between = r#"{"charge_events_from":"2026-11","charge_events_until":"2027-02"}"#;
        for (month, charged) in [("2026-10", false), ("2026-11", true), ("2027-01", true), ("2027-02", false)]
        {
            assert_eq!(mode(between, month) == Mode::ChargeEvents, charged, "{month}");
        }
        assert_eq!(mode(r#"{"charge_events_from":" 2026-11 "}"#, "2030-01"), Mode::ChargeEvents);
        assert_eq!(mode(r#"{"charge_events_until":"2027-02"}"#, "2026-12"), Mode::DailySnapshot);
        for wrong in ["November", "2026-13", "2026-1", "2026"] {
            let json = format!(r#"{{"charge_events_from":"{wrong}"}}"#);
            let Err(Problem::Reject(reason)) = Settings::read(&json) else { panic!("{wrong} taken") };
            assert!(reason.starts_with("CSP-002"), "{reason}");
        }
    }

    #[test]
    fn settings_of_the_wrong_shape_are_named() {
        let Err(Problem::Reject(reason)) = Settings::read(r#"{"currencies":"EUR"}"#) else { panic!("taken") };
        assert!(reason.starts_with("CSP-001"), "{reason}");
    }

    #[test]
    fn a_billing_day_is_one_that_every_month_has() {
        for (day, taken) in [(0, false), (1, true), (28, true), (29, false)] {
            let read = Settings::read(&format!(r#"{{"billing_day":{day}}}"#));
            assert_eq!(read.is_ok(), taken, "{day}");
        }
    }
}
