//! The preflight table: one live request a row, and how to read its answer.
//!
//! **Invariant:** an answer that is not listed means *unknown*, and unknown never blocks.

use purser_plugin_sdk::manifest::{Answer, Probe, Verdict};
use purser_plugin_sdk::pairs::{pair, pairs};
use purser_plugin_sdk::types::Pair;

use super::calls;

const MFA_REMEDY: &str = "Switch multifactor authentication on for the account, then connect again: since April 2026 \
     Microsoft refuses Partner Center's calls without it. The account itself must be asked for it in this sign-in; another \
     person's approval in PIM does not count.";
const AUDIENCE_REMEDY: &str =
    "The token is for another API. Check the application's registration, then connect again.";
const AGENT_REMEDY: &str = "Give the account Admin Agent, or Sales Agent together with Billing Admin, as a standing \
     assignment. It is seen within an hour; connecting again is not needed.";
const BILLING_REMEDY: &str = "Give the account Admin Agent, or Billing Admin together with Sales Agent. Global Admin does \
     not replace Billing Admin. It is seen within an hour; connecting again is not needed.";
const GRAPH_REMEDY: &str = "Grant the application PartnerBilling.Read.All (Microsoft Graph) in the partner tenant, and give \
     the account Admin Agent, or Billing Admin together with Sales Agent.";
const PRICES_REMEDY: &str = "Give the account Admin Agent or Sales Agent, so that it may read prices. Until then names stay \
     in Microsoft's words, and legacy Azure has no price.";
const SIGN_IN_REMEDY: &str = "Microsoft does not accept the grant. Connect the account again.";
const CLAIMS_REMEDY: &str = "A policy of the tenant asks for a new sign-in. Connect the account again; exclude the service account from sign-in \
     frequency policies, or it happens again.";
const POLICY_REMEDY: &str = "Conditional Access blocks the account. The tenant's administrator must allow this server's \
     address; it then works again by itself.";
const PERSON_REMEDY: &str =
    "The interface takes no token of the application itself. Connect an account of a person.";
const UNKNOWN_REMEDY: &str = "Microsoft did not say. The first run will show it.";

/// Tells whether the account is some kind of agent.
pub const CUSTOMERS: &str = "customers";
/// Tells whether it may read usage.
pub const EXPORTS: &str = "usage exports";

/// All rows, in the order they are shown.
pub fn probes() -> Vec<Probe> {
    vec![mfa(), customers(), invoices(), exports(), rate_card()]
}

fn mfa() -> Probe {
    let compliant = |value: &str| Some(pair("isMfaCompliant", value));
    Probe {
        query: pairs([("size", "1")]),
        headers: pairs([("validatemfa", "true")]),
        needed: true,
        answers: vec![
            Answer { header: compliant("true"), ..ok("CSP-PRE-100") },
            Answer { header: compliant("false"), ..refused(200, 499, "CSP-PRE-101", MFA_REMEDY) },
            coded("900421", refused(401, 401, "CSP-PRE-101", MFA_REMEDY)),
            coded("900420", missing(401, 401, "CSP-PRE-102", AUDIENCE_REMEDY)),
            unknown("CSP-PRE-109"),
        ],
        ..probe("multifactor authentication", "sign in with multifactor authentication", calls::CUSTOMERS)
    }
}

fn customers() -> Probe {
    Probe {
        query: pairs([("size", "1")]),
        needed: true,
        answers: partner_center_answers("CSP-PRE-2", AGENT_REMEDY),
        ..probe(CUSTOMERS, "read customers and licences", calls::CUSTOMERS)
    }
}

fn invoices() -> Probe {
    Probe {
        query: pairs([("size", "1")]),
        answers: partner_center_answers("CSP-PRE-3", BILLING_REMEDY),
        ..probe("billing", "read legacy Azure usage and invoices", calls::INVOICES)
    }
}

/// An export is ordered for real: nothing else tells whether it may be. It is never collected, and goes by itself.
fn exports() -> Probe {
    let body =
        serde_json::json!({ "currencyCode": "USD", "billingPeriod": "current", "attributeSet": "basic" });
    Probe {
        headers: pairs([("content-type", "application/json")]),
        body: Some(body.to_string()),
        needed: true,
        answers: vec![
            ok("CSP-PRE-400"),
            challenged("CSP-PRE-407"),
            missing(401, 401, "CSP-PRE-401", GRAPH_REMEDY),
            lacks_role("CSP-PRE-403", GRAPH_REMEDY),
            unknown("CSP-PRE-409"),
        ],
        ..probe(EXPORTS, "read Azure plan usage with its amounts", calls::USAGE_EXPORT)
    }
}

fn rate_card() -> Probe {
    Probe {
        query: pairs([("currency", "EUR"), ("region", "NL")]),
        headers: pairs([("x-locale", "en-US")]),
        answers: partner_center_answers("CSP-PRE-5", PRICES_REMEDY),
        ..probe("rate card", "read names and rates in your language", calls::RATE_CARD)
    }
}

fn partner_center_answers(family: &str, role_remedy: &str) -> Vec<Answer> {
    let code = |number: &str| format!("{family}{number}");
    vec![
        ok(&code("00")),
        coded("900421", refused(401, 401, &code("01"), MFA_REMEDY)),
        coded("900420", missing(401, 401, &code("02"), AUDIENCE_REMEDY)),
        challenged(&code("07")),
        refused(401, 401, &code("04"), SIGN_IN_REMEDY),
        coded("900309", missing(403, 403, &code("05"), POLICY_REMEDY)),
        coded("900329", missing(403, 403, &code("06"), PERSON_REMEDY)),
        lacks_role(&code("03"), role_remedy),
        unknown(&code("09")),
    ]
}

/// The answer whose body names this code of Partner Center.
fn coded(value: &str, answer: Answer) -> Answer {
    Answer { body: Some(pair("/code", value)), ..answer }
}

/// A claims challenge: the token lacks what a policy asks for, and only a new sign-in can bring it.
fn challenged(code: &str) -> Answer {
    let header = Some(pair("www-authenticate", "error=\"insufficient_claims\""));
    Answer { header, ..refused(401, 401, code, CLAIMS_REMEDY) }
}

fn probe(name: &str, capability: &str, call: &str) -> Probe {
    Probe {
        name: name.to_owned(),
        capability: capability.to_owned(),
        call: call.to_owned(),
        path: Vec::<Pair>::new(),
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
        needed: false,
        answers: Vec::new(),
    }
}

fn ok(code: &str) -> Answer {
    answer(200, 299, Verdict::Ok, code, "")
}

fn missing(status_from: u16, status_to: u16, code: &str, remedy: &str) -> Answer {
    answer(status_from, status_to, Verdict::Missing, code, remedy)
}

/// Partner Center and Graph say no more than that it is forbidden.
fn lacks_role(code: &str, remedy: &str) -> Answer {
    Answer { about_role: true, ..missing(403, 403, code, remedy) }
}

fn refused(status_from: u16, status_to: u16, code: &str, remedy: &str) -> Answer {
    answer(status_from, status_to, Verdict::Refused, code, remedy)
}

fn unknown(code: &str) -> Answer {
    answer(100, 599, Verdict::Unknown, code, UNKNOWN_REMEDY)
}

fn answer(status_from: u16, status_to: u16, verdict: Verdict, code: &str, remedy: &str) -> Answer {
    let (code, remedy) = (code.to_owned(), remedy.to_owned());
    Answer { status_from, status_to, header: None, body: None, verdict, about_role: false, code, remedy }
}
