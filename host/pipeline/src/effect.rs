//! Settings that take effect with a period: a rule of billing must not change in a period that has begun.
//!
//! A plugin's settings schema marks them with `"x-purser-takes-effect": "next-period"`; they hold a month (`2026-11`) or
//! nothing. **Invariant:** neither the old nor the new value of a changed one is a month that has begun: moving either
//! would change how days already billed are billed.

use purser_domain::Month;
use serde_json::Value;

/// Why a changed setting cannot be saved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TooLate {
    /// It names no month.
    #[error("{title}: {value:?} is no month")]
    NoMonth {
        /// The setting's title.
        title: String,
        /// What was given.
        value: String,
    },
    /// A month that has begun would change its rule.
    #[error("{title}: {month} has begun, and what is billed in it keeps its rule")]
    Begun {
        /// The setting's title.
        title: String,
        /// The month.
        month: Month,
    },
}

impl TooLate {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoMonth { .. } => "SET-MONTH",
            Self::Begun { .. } => "SET-PERIOD",
        }
    }

    /// What to do.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NoMonth { .. } => "give a month such as 2027-01, or nothing",
            Self::Begun { .. } => "leave it as it is, or choose a month after the current one",
        }
    }
}

/// Checks the marked settings of a schema, from what is stored to what is to be saved; `current` is the month in the
/// account's zone.
///
/// # Errors
/// [`TooLate`] for the first one that is changed and may not be.
pub fn check(schema: &Value, before: &Value, after: &Value, current: &Month) -> Result<(), TooLate> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let marked = properties.into_iter().flatten().filter(|(_, property)| {
        property.get("x-purser-takes-effect").and_then(Value::as_str) == Some("next-period")
    });
    for (name, property) in marked {
        let value = |settings: &Value| text(settings.get(name).or_else(|| property.get("default")));
        let (before, after) = (value(before), value(after));
        if before == after {
            continue;
        }
        let title = property.get("title").and_then(Value::as_str).unwrap_or(name);
        // What is stored and names no month has no effect anywhere: it may go.
        if let Ok(month) = before.parse::<Month>() {
            begins_later(title, month, current)?;
        }
        if !after.is_empty() {
            let month = after.parse().map_err(|_| TooLate::NoMonth { title: title.into(), value: after })?;
            begins_later(title, month, current)?;
        }
    }
    Ok(())
}

fn begins_later(title: &str, month: Month, current: &Month) -> Result<(), TooLate> {
    if month > *current { Ok(()) } else { Err(TooLate::Begun { title: title.into(), month }) }
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_changes_with_a_month_that_has_not_begun() {
        let schema = json!({ "properties": {
            "from": { "title": "From", "type": "string", "default": "", "x-purser-takes-effect": "next-period" },
            "market": { "title": "Market", "type": "string", "default": "NL" },
        } });
        let told = |before: &str, after: &str| {
            let current: Month = "2026-11".parse().unwrap();
            check(&schema, &json!({ "from": before }), &json!({ "from": after }), &current)
                .err()
                .map(|e| e.code())
        };
        for (before, after, expected) in [
            ("", "2026-12", None),
            ("", "2026-11", Some("SET-PERIOD")),
            ("", "2025-01", Some("SET-PERIOD")),
            ("2026-12", "", None),
            ("2026-12", "2027-03", None),
            ("2026-12", "2026-11", Some("SET-PERIOD")),
            ("2026-11", "", Some("SET-PERIOD")),
            ("2026-01", "2027-01", Some("SET-PERIOD")),
            ("2026-01", "2026-01", None),
            ("", "soon", Some("SET-MONTH")),
            ("", "2026-13", Some("SET-MONTH")),
        ] {
            assert_eq!(told(before, after), expected, "{before} -> {after}");
        }
        let current: Month = "2026-11".parse().unwrap();
        assert_eq!(
            check(&schema, &json!({}), &json!({ "market": "DE" }), &current),
            Ok(()),
            "other settings are free"
        );
        let late = check(&schema, &json!({}), &json!({ "from": "2026-11" }), &current).unwrap_err();
        assert_eq!(late.to_string(), "From: 2026-11 has begun, and what is billed in it keeps its rule");
        assert!(!late.remedy().is_empty());
    }
}
