//! Answers that tell of an error: five shapes of body, and what each status and code means for the partition.
//!
//! | Answer | Becomes |
//! |---|---|
//! | 429, or a throttling body | `retry-later`, the seconds of header or body, else 60 |
//! | 408, 5xx | `retry-later`, else 30 |
//! | 401 with 900420 (audience) or 403 with 900329 (app-only) | `bug`: the descriptor asks for the wrong token |
//! | 401, or a sign-in failure | `needs-consent` |
//! | 403, 404 | the partition stays incomplete, with who must do what |
//! | 400 with 900127 (sandbox) | the partition stays incomplete |
//! | any other | `reject` |

use std::borrow::Cow;

use purser_plugin_sdk::crawl::{Response, Step};
use purser_plugin_sdk::json;
use purser_plugin_sdk::types::{Problem, RunContext};

use super::{incomplete, patience};

/// Seconds to wait where the vendor does not say.
const THROTTLED_SECONDS: u32 = 60;
const TROUBLED_SECONDS: u32 = 30;

/// What the answer says about itself.
struct Fault<'r> {
    code: Cow<'r, str>,
    /// In the vendor's words; may be empty.
    words: Cow<'r, str>,
    is_sign_in: bool,
}

/// What an error means for the partition it was asked for.
pub fn settle(context: &RunContext, response: &Response) -> Result<Step, Problem> {
    let fault = read(&response.envelope);
    let is_throttling = json::find_text(&response.envelope, "/statusCode") == "429";
    let wait = |default| patience::asked_for(context, response).unwrap_or(default);
    match response.status {
        429 => Err(Problem::RetryLater(wait(THROTTLED_SECONDS))),
        _ if is_throttling => Err(Problem::RetryLater(wait(THROTTLED_SECONDS))),
        408 | 500..=599 => Err(Problem::RetryLater(wait(TROUBLED_SECONDS))),
        _ if fault.is_sign_in => {
            Err(Problem::NeedsConsent(told("CSP-102 the sign-in is no longer accepted", &fault)))
        }
        401 => Err(unauthorised(&fault)),
        403 => forbidden(&fault),
        404 => Ok(incomplete(told(
            "CSP-301 Microsoft does not know this customer, subscription or report any more",
            &fault,
        ))),
        400 if fault.code == "900127" => {
            Ok(incomplete(told("CSP-302 the integration sandbox has no such data", &fault)))
        }
        status => Err(Problem::Reject(told(
            &format!("CSP-501 Microsoft refused the request with status {status}"),
            &fault,
        ))),
    }
}

fn unauthorised(fault: &Fault<'_>) -> Problem {
    match &*fault.code {
        "900421" => Problem::NeedsConsent(told(
            "CSP-101 the sign-in shows no multifactor authentication · connect again with an account that uses MFA",
            fault,
        )),
        "900420" => Problem::Bug(told("CSP-103 the token is for another audience", fault)),
        _ => Problem::NeedsConsent(told(
            "CSP-102 Microsoft no longer accepts the grant · connect the account again",
            fault,
        )),
    }
}

fn forbidden(fault: &Fault<'_>) -> Result<Step, Problem> {
    let what = match &*fault.code {
        "20002" => {
            "CSP-205 there is no reseller relationship with this customer · request it again, or ignore the customer"
        }
        "800043" => "CSP-202 the account may not see prices · give it Admin Agent or Sales Agent",
        "900149" | "800039" | "900124" => {
            "CSP-203 the partner programme or agreement is not active · a Global Admin accepts it in Partner Center"
        }
        "900309" | "90000" => {
            "CSP-204 Conditional Access blocks the account · allow this server's address in the policy"
        }
        "900329" => return Err(Problem::Bug(told("CSP-206 the call needs a user's token", fault))),
        _ => {
            "CSP-201 the account's role is not enough · give it Admin Agent, or Billing Admin and Sales Agent, as a \
             standing assignment (not through PIM); it works again up to an hour later without connecting anew"
        }
    };
    Ok(incomplete(told(what, fault)))
}

/// Reads whichever of the shapes the body has; an empty body or one that is no JSON says nothing.
fn read(body: &str) -> Fault<'_> {
    let mut error = body;
    let is_sign_in = matches!(
        &*json::find_text(body, "/error"),
        "invalid_grant" | "interaction_required" | "consent_required"
    );
    if let Ok(Some(nested)) = json::find(body, "/error")
        && nested.starts_with('{')
    {
        error = nested;
    }
    let mut code = json::find_text(error, "/code");
    while let Ok(Some(inner)) = json::find(error, "/innerError") {
        error = inner;
        let deeper = json::find_text(error, "/code");
        code = if deeper.is_empty() { code } else { deeper };
    }
    let words = ["/description", "/error/message", "/message", "/error_description"].into_iter();
    let words = words.map(|pointer| json::find_text(body, pointer)).find(|words| !words.is_empty());
    Fault { code, words: words.unwrap_or_default(), is_sign_in }
}

/// The vendor's words behind ours, shortened, on one line.
fn told(what: &str, fault: &Fault<'_>) -> String {
    let words: String = fault.words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(160).collect();
    match (fault.code.is_empty(), words.is_empty()) {
        (true, true) => what.to_owned(),
        (false, true) => format!("{what} (code {})", fault.code),
        (true, false) => format!("{what} ({words})"),
        (false, false) => format!("{what} (code {}: {words})", fault.code),
    }
}
