//! The account form: from settings and the connector's JSON Schema to fields, and from what was sent back to settings.
//!
//! **Invariant:** pure. Whatever is sent ends as settings whose every value has the right form and range, or as a
//! sentence beside its field; nothing is silently left out.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use purser_store::accounts::{HostSettings, Settings, UnmappedCustomers};
use serde_json::{Map, Value};

use crate::acts::{ConnectorView, FeedView};

/// What a form sends, in order.
pub(crate) type Sent = Vec<(String, String)>;

/// A field of the plugin's settings, drawn from the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) kind: Kind,
    /// One value; of a list, one a line.
    pub(crate) value: String,
    pub(crate) failure: String,
}

/// How a field is drawn and read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Free text.
    Text,
    /// One of these.
    Choice(Vec<String>),
    /// A whole number in a range.
    Integer(Option<i64>, Option<i64>),
    /// Yes or no.
    Switch,
    /// Texts, one a line.
    List,
}

impl Field {
    /// The name in the form.
    pub(crate) fn input(&self) -> String {
        format!("plugin.{}", self.name)
    }

    /// Whether this is the chosen value.
    pub(crate) fn is(&self, value: &str) -> bool {
        self.value == value
    }
}

/// A field that cannot be used as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) field: &'static str,
    pub(crate) what: String,
}

/// The plugin's fields, filled with what is stored.
pub(crate) fn fields(connector: &ConnectorView, stored: &Value) -> Vec<Field> {
    let Some(properties) = connector.settings_schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    let field = |(name, schema): (&String, &Value)| {
        let value = stored.get(name).or_else(|| schema.get("default")).unwrap_or(&Value::Null);
        Field {
            name: name.clone(),
            title: text(schema, "title").unwrap_or_else(|| name.clone()),
            description: text(schema, "description").unwrap_or_default(),
            kind: kind(schema),
            value: as_input(value),
            failure: String::new(),
        }
    };
    properties.iter().map(field).collect()
}

/// The plugin's settings as sent; the fields come back with what was sent and what is wrong with it.
pub(crate) fn read_plugin(connector: &ConnectorView, sent: &Sent) -> (Vec<Field>, Value) {
    let mut settings = Map::new();
    let mut fields = fields(connector, &Value::Null);
    for field in &mut fields {
        field.value = last(sent, &field.input()).unwrap_or_default().replace("\r\n", "\n");
        match read_field(field) {
            Ok(value) => drop(settings.insert(field.name.clone(), value)),
            Err(failure) => field.failure = failure,
        }
    }
    (fields, Value::Object(settings))
}

fn read_field(field: &Field) -> Result<Value, String> {
    let value = field.value.trim();
    match &field.kind {
        Kind::Text => Ok(Value::from(value)),
        Kind::Switch => Ok(Value::from(value == "on" || value == "true")),
        Kind::List => {
            Ok(value.lines().map(str::trim).filter(|line| !line.is_empty()).map(Value::from).collect())
        }
        Kind::Choice(values) if values.iter().any(|known| known == value) => Ok(Value::from(value)),
        Kind::Choice(values) => Err(format!("Choose one of: {}.", values.join(", "))),
        Kind::Integer(least, most) => {
            let number: i64 = value.parse().map_err(|_| "Give a whole number.".to_owned())?;
            if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
                return Err(range(*least, *most));
            }
            Ok(Value::from(number))
        }
    }
}

fn range(least: Option<i64>, most: Option<i64>) -> String {
    match (least, most) {
        (Some(least), Some(most)) => format!("Give a number from {least} to {most}."),
        (Some(least), None) => format!("Give a number of at least {least}."),
        (None, Some(most)) => format!("Give a number of at most {most}."),
        (None, None) => "Give a whole number.".to_owned(),
    }
}

/// The host's settings as sent.
pub(crate) fn read_host(
    connector: &ConnectorView,
    now: &Settings,
    sent: &Sent,
) -> (HostSettings, Vec<Failure>) {
    let mut failures = Vec::new();
    let mut check = |field, is_right: bool, what: &str| {
        if !is_right {
            failures.push(Failure { field, what: what.to_owned() });
        }
    };
    let locale = sent_or(sent, "locale", &now.host.locale);
    let known = connector.locales.iter().find(|known| known.tag.eq_ignore_ascii_case(&locale));
    check("locale", known.is_some(), "Choose a language from the list, such as en-US.");
    let zone = sent_or(sent, "zone", &now.host.zone);
    check(
        "zone",
        TimeZone::get(&zone).is_ok(),
        "Choose a time zone from the list, such as Europe/Amsterdam.",
    );
    let time = sent_or(sent, "time", &now.host.time);
    check("time", is_time(&time), "Give a time such as 19:00.");
    let look_back = look_back(connector, now, sent);
    check("look_back", look_back.is_some(), "Give a number of days from 0 to 60.");
    let threshold = number(sent, "void_threshold_percent", now.host.void_threshold_percent, 100);
    check("void_threshold_percent", threshold.is_some(), "Give a percentage from 0 to 100.");
    let feeds = read_feeds(connector, sent);
    check("feeds", feeds.is_some(), "Choose at least one kind of data.");
    let close_after = close_after(sent, now.host.close_after_days);
    check("close_after_days", close_after.is_some(), "Give a number of days from 1 to 366, or nothing.");
    let host = HostSettings {
        locale: known.map_or(locale, |known| known.tag.clone()),
        zone,
        time,
        look_back_days: now.host.look_back_days,
        look_back: look_back.unwrap_or_else(|| now.host.look_back.clone()),
        void_threshold_percent: threshold.unwrap_or(now.host.void_threshold_percent),
        feeds: feeds.unwrap_or_default(),
        unmapped_customers: match last(sent, "unmapped_customers") {
            Some("wait") => UnmappedCustomers::Wait,
            Some(_) => UnmappedCustomers::VendorId,
            None => now.host.unmapped_customers,
        },
        uses_application: match last(sent, "uses_application") {
            Some(choice) => choice == "yes",
            None => now.host.uses_application,
        },
        close_after_days: close_after.unwrap_or(now.host.close_after_days),
    };
    (host, failures)
}

/// The days each feed that is read by day looks back; none where one is no number of days.
fn look_back(connector: &ConnectorView, now: &Settings, sent: &Sent) -> Option<BTreeMap<String, u32>> {
    let by_day = connector.feeds.iter().filter(|feed| feed.is_by_day);
    let days = |feed: &FeedView| {
        let field = format!("look_back.{}", feed.name);
        Some((feed.name.clone(), number(sent, &field, now.host.look_back_of(&feed.name), 60)?))
    };
    by_day.map(days).collect()
}

/// A number up to `most`; none where it is no such number.
fn number(sent: &Sent, name: &str, otherwise: u32, most: u32) -> Option<u32> {
    sent_or(sent, name, &otherwise.to_string()).parse().ok().filter(|number| *number <= most)
}

/// Days after which a month closes by itself; nothing: never. None where it is no such number.
fn close_after(sent: &Sent, otherwise: Option<u32>) -> Option<Option<u32>> {
    match last(sent, "close_after_days").map(str::trim) {
        None => Some(otherwise),
        Some("") => Some(None),
        Some(text) => text.parse().ok().filter(|days| (1..=366).contains(days)).map(Some),
    }
}

/// The feeds chosen; empty where all are, so that a feed of a later plugin version is retrieved too. None: none chosen.
fn read_feeds(connector: &ConnectorView, sent: &Sent) -> Option<Vec<String>> {
    let is_chosen = |name: &str| sent.iter().any(|(field, value)| field == "feed" && value == name);
    let chosen: Vec<String> =
        connector.feeds.iter().map(|f| f.name.clone()).filter(|name| is_chosen(name)).collect();
    match chosen.len() {
        0 if !connector.feeds.is_empty() => None,
        all if all == connector.feeds.len() => Some(Vec::new()),
        _ => Some(chosen),
    }
}

/// `HH:MM`, as the store keeps it.
fn is_time(text: &str) -> bool {
    text.len() == 5 && jiff::civil::Time::strptime("%H:%M", text).is_ok()
}

/// The last value sent under a name.
pub(crate) fn last<'a>(sent: &'a Sent, name: &str) -> Option<&'a str> {
    sent.iter().rev().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
}

fn sent_or(sent: &Sent, name: &str, otherwise: &str) -> String {
    last(sent, name).unwrap_or(otherwise).trim().to_owned()
}

fn kind(schema: &Value) -> Kind {
    let values = |schema: &Value| -> Option<Vec<String>> {
        Some(
            schema
                .get("enum")?
                .as_array()?
                .iter()
                .filter_map(|value| value.as_str().map(str::to_owned))
                .collect(),
        )
    };
    match (schema.get("type").and_then(Value::as_str), values(schema)) {
        (_, Some(values)) => Kind::Choice(values),
        (Some("boolean"), _) => Kind::Switch,
        (Some("integer"), _) => Kind::Integer(
            schema.get("minimum").and_then(Value::as_i64),
            schema.get("maximum").and_then(Value::as_i64),
        ),
        (Some("array"), _) => Kind::List,
        _ => Kind::Text,
    }
}

fn text(schema: &Value, name: &str) -> Option<String> {
    schema.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn as_input(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(as_input).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn sent(pairs: &[(&str, &str)]) -> Sent {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn settings() -> Settings {
        let at = "2026-11-23T10:00:00Z".parse().unwrap();
        let host = HostSettings::default();
        Settings { revision: 1, host, plugin: Value::Null, changed_by: "anna".into(), changed_at: at }
    }

    #[test]
    fn each_schema_type_becomes_a_field_and_back() {
        let connector = testing::connector();
        let drawn = fields(&connector, &serde_json::json!({"market": "NL"}));
        let drawn: Vec<(&str, &str)> =
            drawn.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect();
        assert_eq!(
            drawn,
            [("market", "NL"), ("mode", "daily"), ("months", "1"), ("trial", "false"), ("skip", "")]
        );
        let (fields, value) = read_plugin(
            &connector,
            &sent(&[
                ("plugin.market", " DE "),
                ("plugin.mode", "events"),
                ("plugin.months", "12"),
                ("plugin.trial", "on"),
                ("plugin.skip", "a\r\n\r\n b \r\n"),
            ]),
        );
        assert!(fields.iter().all(|field| field.failure.is_empty()));
        let expected =
            serde_json::json!({"market":"DE","mode":"events","months":12,"trial":true,"skip":["a","b"]});
        assert_eq!(value, expected);
    }

    #[test]
    fn a_value_out_of_range_is_told_beside_its_field() {
        let (fields, _) =
            read_plugin(&testing::connector(), &sent(&[("plugin.mode", "never"), ("plugin.months", "13")]));
        let failures: Vec<&str> =
            fields.iter().map(|field| field.failure.as_str()).filter(|f| !f.is_empty()).collect();
        assert_eq!(failures, ["Choose one of: daily, events.", "Give a number from 1 to 12."]);
    }

    #[test]
    fn host_settings_are_checked_field_by_field() {
        let all_feeds = [("feed", "usage"), ("feed", "names")];
        let cases: [(&str, &str, &str); 9] = [
            ("locale", "xx-XX", "locale"),
            ("zone", "Mars/Base", "zone"),
            ("time", "25:00", "time"),
            ("time", "7:00", "time"),
            ("look_back.usage", "-1", "look_back"),
            ("look_back.usage", "61", "look_back"),
            ("void_threshold_percent", "101", "void_threshold_percent"),
            ("close_after_days", "0", "close_after_days"),
            ("time", "1900", "time"),
        ];
        for (name, value, failing) in cases {
            let pairs: Vec<_> = all_feeds.into_iter().chain([(name, value)]).collect();
            let (_, failures) = read_host(&testing::connector(), &settings(), &sent(&pairs));
            assert_eq!(failures.iter().map(|f| f.field).collect::<Vec<_>>(), [failing], "{name}={value}");
        }
    }

    #[test]
    fn choosing_every_feed_means_all_also_later_ones() {
        let feeds = |pairs: &[(&str, &str)]| read_feeds(&testing::connector(), &sent(pairs));
        assert_eq!(feeds(&[("feed", "usage"), ("feed", "names")]), Some(Vec::new()));
        assert_eq!(feeds(&[("feed", "usage")]), Some(vec!["usage".to_owned()]));
        assert_eq!(feeds(&[]), None);
    }
}
