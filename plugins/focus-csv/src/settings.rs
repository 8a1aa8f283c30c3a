//! The account's settings as this connector reads them; `manifest/settings.rs` describes the same to the host.

use purser_plugin_sdk::types::Problem;
use serde::Deserialize;

use crate::columns::{Column, Overrides};
use crate::files::Template;

/// What an administrator may change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Paths of a month's files under the base address, with placeholders.
    pub files: Vec<String>,
    /// Months before the present one that a daily run reads again.
    pub months_back: u32,
    /// Which period a Purchase is of.
    pub period: Period,
    /// What becomes of rows that cost nothing.
    pub zero_rows: ZeroRows,
    /// More columns that tell charges apart.
    pub reference_columns: Vec<String>,
    /// More columns to keep with each Purchase.
    pub metadata_columns: Vec<String>,
    /// Columns in place of the preset's.
    #[serde(flatten)]
    pub overrides: Overrides,
}

/// Which period a Purchase is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// That of the charge.
    #[default]
    Charge,
    /// The month the vendor bills it in.
    Billing,
}

/// What becomes of rows that cost nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ZeroRows {
    /// Purchases like others.
    #[default]
    Keep,
    /// None.
    Ignore,
}

/// The most months that are read again each day.
pub const MOST_MONTHS_BACK: u32 = 24;

impl Default for Settings {
    fn default() -> Self {
        Self {
            files: vec!["{month}.csv".to_owned()],
            months_back: 1,
            period: Period::default(),
            zero_rows: ZeroRows::default(),
            reference_columns: Vec::new(),
            metadata_columns: Vec::new(),
            overrides: Overrides::default(),
        }
    }
}

impl Settings {
    /// Reads the settings of a run; what is not there has its default.
    ///
    /// # Errors
    /// Where they cannot be read, or make no sense.
    pub fn read(json: &str) -> Result<Self, Problem> {
        let json = if json.trim().is_empty() { "{}" } else { json };
        let settings: Self = serde_json::from_str(json).map_err(|error| {
            Problem::Reject(format!("FCS-001 the account's settings cannot be read: {error}"))
        })?;
        if settings.months_back > MOST_MONTHS_BACK {
            let what = format!("FCS-001 at most {MOST_MONTHS_BACK} months can be read again each day");
            return Err(Problem::Reject(what));
        }
        Ok(settings)
    }

    /// The files of a month.
    ///
    /// # Errors
    /// Where there is none, or one is no path.
    pub fn templates(&self) -> Result<Vec<Template>, Problem> {
        let read: Result<Vec<Template>, String> = self.files.iter().map(|text| text.parse()).collect();
        match read {
            Ok(templates) if templates.is_empty() => Err(Problem::Reject(
                "FCS-002 no file is named · say under Files where each month's file lies".to_owned(),
            )),
            Ok(templates) => Ok(templates),
            Err(reason) => Err(Problem::Reject(format!("FCS-002 {reason} · correct it under Files"))),
        }
    }

    /// The column that stands in place of the preset's.
    #[must_use]
    pub fn column(&self, column: Column) -> Option<&str> {
        self.overrides.of(column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_has_its_default() {
        assert_eq!(Settings::read("").unwrap(), Settings::default());
        assert_eq!(Settings::read("{}").unwrap(), Settings::default());
        let set =
            Settings::read(r#"{"period":"billing","zero_rows":"ignore","column_region":" Place "}"#).unwrap();
        assert_eq!((set.period, set.zero_rows), (Period::Billing, ZeroRows::Ignore));
        assert_eq!((set.column(Column::Region), set.column(Column::Product)), (Some("Place"), None));
    }

    #[test]
    fn settings_that_make_no_sense_are_named() {
        for (json, code) in [(r#"{"files":3}"#, "FCS-001"), (r#"{"months_back":25}"#, "FCS-001")] {
            let Err(Problem::Reject(reason)) = Settings::read(json) else { panic!("{json} taken") };
            assert!(reason.starts_with(code), "{reason}");
        }
        for files in ["[]", r#"["report.csv"]"#, r#"["{month}.csv?token=x"]"#] {
            let settings = Settings::read(&format!("{{\"files\":{files}}}")).unwrap();
            let Err(Problem::Reject(reason)) = settings.templates() else { panic!("{files} taken") };
            assert!(reason.starts_with("FCS-002"), "{reason}");
        }
    }
}
