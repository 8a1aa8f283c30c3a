//! The preflight table: what of the vendor works with an account's grant, asked live.
//!
//! **Rules:** probes decide, role names only explain; an answer that no row of the table knows is `unknown`, and
//! unknown never blocks.

use std::ops::RangeInclusive;

use purser_domain::AccountId;
use serde_json::Value;

use crate::client::{self, Client, Outgoing, Target};
use crate::connector::Connector;
use crate::error::SendError;

/// A probe's answer is a small JSON document; what is larger is judged by its status alone.
const ANSWER_CAP: usize = 1024 * 1024;

/// One live request, and how to read its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Its name.
    pub name: String,
    /// What can be done when it is ok: `read customers`.
    pub capability: String,
    /// The call it makes.
    pub call: String,
    /// Values for the call's path.
    pub path: Vec<(String, String)>,
    /// Its query.
    pub query: Vec<(String, String)>,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// For a POST.
    pub body: Option<String>,
    /// Daily runs can not do without it.
    pub needed: bool,
    /// The first that matches decides.
    pub answers: Vec<Answer>,
}

/// One answer a probe knows how to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status codes.
    pub statuses: RangeInclusive<u16>,
    /// A header that must hold this value, compared without case.
    pub header: Option<(String, String)>,
    /// A JSON pointer into the body, and the text found there.
    pub body: Option<(String, String)>,
    /// What it says.
    pub verdict: Verdict,
    /// The user lacks a role.
    pub about_role: bool,
    /// Stable code.
    pub code: String,
    /// What to do about it.
    pub remedy: String,
}

/// What a probe's answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It works.
    Ok,
    /// It does not; when it is given, it works with the consent there is.
    Missing,
    /// It does not, and only new consent mends that.
    Refused,
    /// It can not be told. Never blocks.
    Unknown,
}

impl Verdict {
    /// `ok`, `missing`, `refused` or `unknown`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }

    /// The verdict of this name; none: there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Ok, Self::Missing, Self::Refused, Self::Unknown]
            .into_iter()
            .find(|verdict| verdict.as_str() == name)
    }

    /// It is known not to work.
    #[must_use]
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Missing | Self::Refused)
    }
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The probe's name.
    pub name: String,
    /// What works when it is ok.
    pub capability: String,
    /// What the answer says.
    pub verdict: Verdict,
    /// Stable code.
    pub code: String,
    /// What to do about it; empty when ok.
    pub remedy: String,
    /// The user lacks a role.
    pub about_role: bool,
    /// For support: the status and the vendor's ids of the request.
    pub evidence: String,
    /// Daily runs can not do without it.
    pub needed: bool,
}

/// What an account lacks, by its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// Stable code of the row.
    pub code: String,
    /// What does not work.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
    /// Only new consent mends it.
    pub needs_consent: bool,
}

/// Asks every probe of the connector, one after the other, in the table's order.
pub async fn preflight(client: &Client, account: AccountId, connector: &Connector) -> Vec<Row> {
    let mut rows = Vec::new();
    for probe in connector.consent.iter().flat_map(|rules| &rules.probes) {
        rows.push(ask(client, account, connector, probe).await);
    }
    rows
}

/// What the rows say together: the first *needed* one that only new consent mends decides, else the first that is missing.
/// None: nothing needed is known to be missing.
#[must_use]
pub fn lack(rows: &[Row]) -> Option<Lack> {
    let row = worst(rows)?;
    Some(Lack {
        code: row.code.clone(),
        what: format!("the account cannot {}", row.capability),
        remedy: row.remedy.clone(),
        needs_consent: row.verdict == Verdict::Refused,
    })
}

/// The row that [`lack`] speaks of.
#[must_use]
pub fn worst(rows: &[Row]) -> Option<&Row> {
    let first = |verdict| rows.iter().find(move |row| row.needed && row.verdict == verdict);
    first(Verdict::Refused).or_else(|| first(Verdict::Missing))
}

async fn ask(client: &Client, account: AccountId, connector: &Connector, probe: &Probe) -> Row {
    let target =
        Target::Call { name: probe.call.clone(), path: probe.path.clone(), query: probe.query.clone() };
    let outgoing = Outgoing {
        target,
        headers: probe.headers.clone(),
        body: probe.body.clone(),
        request_id: client.new_request_id(),
    };
    match client.send(account, connector, &outgoing).await {
        Ok(answer) => judged(probe, answer).await,
        Err(error) => unanswered(probe, &error),
    }
}

async fn judged(probe: &Probe, answer: client::Answer) -> Row {
    let (status, headers) = (answer.status, answer.headers);
    let body = answer.body.collect(ANSWER_CAP).await.unwrap_or_default();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let evidence = evidence(status, &headers);
    match probe.answers.iter().find(|known| known.matches(status, &headers, &body)) {
        Some(known) => Row {
            about_role: known.about_role,
            ..row(probe, known.verdict, &known.code, &known.remedy, evidence)
        },
        None => {
            let remedy =
                "the vendor's answer is not a known one; if runs fail, send this row to the plugin's author";
            row(probe, Verdict::Unknown, "PRE-UNKNOWN", remedy, evidence)
        }
    }
}

fn unanswered(probe: &Probe, error: &SendError) -> Row {
    row(probe, Verdict::Unknown, &error.code(), &error.remedy(), error.to_string())
}

fn row(probe: &Probe, verdict: Verdict, code: &str, remedy: &str, evidence: String) -> Row {
    Row {
        name: probe.name.clone(),
        capability: probe.capability.clone(),
        verdict,
        code: code.to_owned(),
        remedy: if verdict == Verdict::Ok { String::new() } else { remedy.to_owned() },
        about_role: false,
        evidence,
        needed: probe.needed,
    }
}

impl Answer {
    fn matches(&self, status: u16, headers: &[(String, String)], body: &Value) -> bool {
        let header = self.header.as_ref().is_none_or(|(name, value)| has_header(headers, name, value));
        let text = self
            .body
            .as_ref()
            .is_none_or(|(pointer, text)| text_at(body, pointer).is_some_and(|is| is == *text));
        self.statuses.contains(&status) && header && text
    }
}

/// Values may arrive doubled ("true,true"): any of the parts counts.
fn has_header(headers: &[(String, String)], name: &str, value: &str) -> bool {
    headers
        .iter()
        .filter(|(given, _)| given.eq_ignore_ascii_case(name))
        .any(|(_, given)| given.split(',').any(|part| part.trim().eq_ignore_ascii_case(value)))
}

fn text_at(body: &Value, pointer: &str) -> Option<String> {
    match body.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(bool) => Some(bool.to_string()),
        _ => None,
    }
}

/// The status, and every header that by its name is an id of the request.
fn evidence(status: u16, headers: &[(String, String)]) -> String {
    let mut evidence = format!("HTTP {status}");
    for (name, value) in headers {
        let plain = name.replace('-', "");
        if !value.is_empty() && ["requestid", "correlationid", "traceid"].iter().any(|id| plain.ends_with(id))
        {
            let value: String = value.chars().filter(|c| !c.is_control()).take(80).collect();
            evidence.push_str(&format!(", {name} {value}"));
        }
    }
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table_row(needed: bool, verdict: Verdict) -> Row {
        Row {
            name: "n".into(),
            capability: "read customers".into(),
            verdict,
            code: "X-1".into(),
            remedy: "do".into(),
            about_role: false,
            evidence: String::new(),
            needed,
        }
    }

    #[test]
    fn only_a_needed_row_counts_and_what_needs_consent_counts_first() {
        use Verdict::{Missing, Ok, Refused, Unknown};
        for (rows, expected) in [
            (vec![], None),
            (vec![table_row(true, Ok), table_row(true, Unknown)], None),
            (vec![table_row(false, Missing), table_row(false, Refused)], None),
            (vec![table_row(true, Ok), table_row(true, Missing)], Some(false)),
            (vec![table_row(true, Missing), table_row(true, Refused)], Some(true)),
        ] {
            assert_eq!(lack(&rows).map(|lack| lack.needs_consent), expected, "{rows:?}");
        }
    }

    #[test]
    fn an_expectation_matches_status_header_and_body_together() {
        let expectation = Answer {
            statuses: 400..=403,
            header: Some(("Is-Fine".into(), "TRUE".into())),
            body: Some(("/error/code".into(), "900421".into())),
            verdict: Verdict::Missing,
            about_role: false,
            code: "X".into(),
            remedy: String::new(),
        };
        let header = |value: &str| vec![("is-fine".to_owned(), value.to_owned())];
        let body = serde_json::json!({"error": {"code": 900_421}});
        assert!(expectation.matches(401, &header("true,true"), &body));
        assert!(!expectation.matches(404, &header("true"), &body));
        assert!(!expectation.matches(401, &header("false"), &body));
        assert!(!expectation.matches(401, &[], &body));
        assert!(!expectation.matches(401, &header("true"), &Value::Null));
    }
}
