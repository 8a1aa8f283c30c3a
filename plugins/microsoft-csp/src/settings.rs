//! The account's settings as this connector reads them; `manifest/settings.rs` describes the same to the host.

use purser_plugin_sdk::types::Problem;
use serde::Deserialize;

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
    /// Whether the last month is read again until its invoice is out.
    pub last_period: bool,
    /// States of a licence subscription that are billed.
    pub billed_statuses: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            market: "NL".to_owned(),
            currency: "EUR".to_owned(),
            currencies: owned(&["EUR", "USD"]),
            last_period: true,
            billed_statuses: owned(&["active", "suspended"]),
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
        Ok(settings.tidy())
    }

    fn tidy(mut self) -> Self {
        for code in self.currencies.iter_mut().chain([&mut self.market, &mut self.currency]) {
            *code = code.trim().to_ascii_uppercase();
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
    fn settings_of_the_wrong_shape_are_named() {
        let Err(Problem::Reject(reason)) = Settings::read(r#"{"currencies":"EUR"}"#) else { panic!("taken") };
        assert!(reason.starts_with("CSP-001"), "{reason}");
    }
}
