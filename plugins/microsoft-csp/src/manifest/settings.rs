//! The settings' JSON Schema: the form an administrator fills in. `crate::settings` reads what comes of it.

use serde_json::json;

use crate::settings::Settings;

const MONTH: &str = "^([0-9]{4}-[0-9]{2})?$";

/// The schema; its defaults are those of the code that reads the settings.
pub fn schema() -> String {
    let defaults = Settings::default();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Microsoft CSP",
        "type": "object",
        "properties": {
            "market": {
                "type": "string",
                "title": "Market",
                "description": "The country your offers are sold in, two letters. Names and rates of legacy Azure follow it.",
                "default": defaults.market,
                "pattern": "^[A-Z]{2}$"
            },
            "currency": {
                "type": "string",
                "title": "Currency of the rate card",
                "description": "Three letters. Legacy Azure usage is priced in it.",
                "default": defaults.currency,
                "pattern": "^[A-Z]{3}$"
            },
            "currencies": {
                "type": "array",
                "items": { "type": "string", "pattern": "^[A-Z]{3}$" },
                "title": "Billing currencies",
                "description": "Microsoft sends one invoice a month for each. Azure plan usage is retrieved for each.",
                "default": defaults.currencies
            },
            "charge_events_from": {
                "type": "string",
                "title": "Licences by charge events, from month",
                "description": "First month, such as 2027-01, whose licences are billed by Microsoft's charge lines instead of by a count of each day. Empty: none is. Takes effect with a month that has not begun.",
                "default": defaults.charge_events_from,
                "pattern": MONTH,
                "x-purser-takes-effect": "next-period"
            },
            "charge_events_until": {
                "type": "string",
                "title": "Licences by charge events, until month",
                "description": "First month that is counted by the day again. Empty: charge events have no end.",
                "default": defaults.charge_events_until,
                "pattern": MONTH,
                "x-purser-takes-effect": "next-period"
            },
            "last_period": {
                "type": "boolean",
                "title": "Read the last month until its invoice is out",
                "description": "Usage and charges of the last month are still corrected until then.",
                "default": defaults.last_period
            },
            "billed_statuses": {
                "type": "array",
                "items": { "type": "string" },
                "title": "Licence states that are billed",
                "description": "Microsoft bills suspended licences as well.",
                "default": defaults.billed_statuses
            },
            "billing_day": {
                "type": "integer",
                "minimum": 1,
                "maximum": 28,
                "title": "Billing day of legacy Azure",
                "description": "The day of the month on which your billing cycle begins; tiers and included quantities are counted from it. It is on your legacy Azure invoice.",
                "default": defaults.billing_day
            }
        }
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_form_are_those_of_the_code() {
        let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
        let properties = schema["properties"].as_object().unwrap();
        let defaults: serde_json::Map<_, _> =
            properties.iter().map(|(k, v)| (k.clone(), v["default"].clone())).collect();
        let filled_in = serde_json::Value::Object(defaults).to_string();
        assert_eq!(Settings::read(&filled_in).unwrap(), Settings::default());
        for property in properties.values() {
            assert!(property["title"].is_string() && property["description"].is_string());
        }
    }
}
