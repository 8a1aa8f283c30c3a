//! What goes wrong, as data: read from a TOML or JSON file, set from a test, or put from another process.
//!
//! ```toml
//! late_usage = true            # false: nothing late, nothing restated, nothing vanishes
//! revoked_grant = true         # any of the switches of [`Faults`]
//!
//! [[rules]]                    # any number; the first that matches and is due acts
//! path = "/utilizations/azure" # part of the path and query; empty: all
//! method = "GET"               # left out: any
//! first = 2                    # the first two that match; or nth = [1, 4]; neither: every one
//! each_path = true             # counted for each path of its own: here the first two tries of each page
//! do = "status"                # see [`Action`]
//! status = 503
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Everything that may go wrong. The default: nothing, with late usage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// What happens to single requests.
    pub rules: Vec<Rule>,
    /// Late, restated and vanishing usage; on unless switched off. It changes the data *and* the ledger.
    pub late_usage: bool,
    /// Token requests: the grant has expired after 90 days of inactivity (`invalid_grant`, 700082).
    pub expired_grant: bool,
    /// Token requests: the user's sessions were revoked (`invalid_grant`, 50173).
    pub revoked_grant: bool,
    /// Token requests: the user is disabled (`invalid_grant`, 50057).
    pub user_disabled: bool,
    /// Token requests: a policy asks for MFA again (`invalid_grant`, 50076).
    pub mfa_expired: bool,
    /// Token requests: the client secret has expired (`invalid_client`, 7000222).
    pub secret_expired: bool,
    /// Token requests are refused like this.
    pub token_refusal: Option<TokenRefusal>,
    /// So many token requests are answered with 503 `temporarily_unavailable`.
    pub transient_token_errors: u32,
    /// Partner Center finds no MFA in any token (401, 900421).
    pub mfa_missing: bool,
    /// No user has any partner role (403).
    pub role_missing: bool,
    /// The application has no permission of its own on Graph (403).
    pub app_permission_missing: bool,
    /// id tokens name no directory roles (`wids`): whether they do is the tenant's choice.
    pub no_role_claim: bool,
    /// id tokens name another issuer.
    pub wrong_issuer: bool,
    /// id tokens carry another nonce.
    pub wrong_nonce: bool,
    /// id tokens are for another client.
    pub wrong_audience: bool,
    /// id tokens are of another tenant.
    pub wrong_tenant: bool,
    /// id tokens do not verify.
    pub bad_signature: bool,
    /// Exports end as failed with 5000 "no data"; utilization answers 204 for ever.
    pub no_data: bool,
    /// Every collection and export is empty, and says it succeeded.
    pub vanish_all: bool,
    /// Following pages of utilization repeat the first one's items.
    pub repeated_page: bool,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            late_usage: true,
            expired_grant: false,
            revoked_grant: false,
            user_disabled: false,
            mfa_expired: false,
            secret_expired: false,
            token_refusal: None,
            transient_token_errors: 0,
            mfa_missing: false,
            role_missing: false,
            app_permission_missing: false,
            no_role_claim: false,
            wrong_issuer: false,
            wrong_nonce: false,
            wrong_audience: false,
            wrong_tenant: false,
            bad_signature: false,
            no_data: false,
            vanish_all: false,
            repeated_page: false,
        }
    }
}

impl Faults {
    /// Reads a fault file: JSON when it begins with `{`, TOML otherwise. Unknown keys are errors that name the known.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        if text.trim_start().starts_with('{') {
            return Ok(serde_json::from_str(text)?);
        }
        Ok(toml::from_str(text)?)
    }

    /// One rule more.
    #[must_use]
    pub fn with(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }
}

/// A refusal of the token endpoint, in its own shape with the ids of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRefusal {
    /// The `error` member.
    pub error: String,
    /// The AADSTS number.
    pub code: u32,
}

/// One fault: when, and what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Part of the path and query, compared without case; empty: any.
    #[serde(default)]
    pub path: String,
    /// HTTP method; none: any.
    #[serde(default)]
    pub method: Option<String>,
    /// Only these of the matching requests, from 1; empty: see `first`.
    #[serde(default)]
    pub nth: Vec<u32>,
    /// Only the first so many; none: every one.
    #[serde(default)]
    pub first: Option<u32>,
    /// Count for each path and query of its own.
    #[serde(default)]
    pub each_path: bool,
    /// What happens.
    #[serde(flatten)]
    pub action: Action,
}

impl Rule {
    /// Does this to every request with the text in its path.
    #[must_use]
    pub fn new(path: &str, action: Action) -> Self {
        Self { path: path.into(), method: None, nth: Vec::new(), first: None, each_path: false, action }
    }

    /// Only to the first so many.
    #[must_use]
    pub fn first(mut self, count: u32) -> Self {
        self.first = Some(count);
        self
    }

    /// Only to this one, from 1.
    #[must_use]
    pub fn nth(mut self, position: u32) -> Self {
        self.nth.push(position);
        self
    }

    /// Counting for each path of its own.
    #[must_use]
    pub fn each_path(mut self) -> Self {
        self.each_path = true;
        self
    }

    /// Whether the rule acts on the `count`-th matching request.
    pub(crate) fn due(&self, count: u32) -> bool {
        match (self.nth.is_empty(), self.first) {
            (false, _) => self.nth.contains(&count),
            (true, Some(first)) => count <= first,
            (true, None) => true,
        }
    }
}

/// What happens to a request. In a file: `do = "status"` and the action's own keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// This answer instead.
    Status {
        /// HTTP status.
        status: u16,
        /// Body as it is.
        #[serde(default)]
        body: String,
        /// Headers.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// 429 in the throttling gateway's own form.
    Throttle {
        /// Seconds; none: no `Retry-After` header, only the text tells 1 second.
        #[serde(default)]
        retry_after: Option<u32>,
        /// The header as an HTTP date.
        #[serde(default)]
        as_date: bool,
        /// A plain text body in place of JSON.
        #[serde(default)]
        text: bool,
    },
    /// The answer, later.
    Slow {
        /// Milliseconds.
        ms: u64,
    },
    /// The connection is closed in the middle of the body.
    CutOff {
        /// Per cent of the body sent before.
        #[serde(default = "half")]
        keep: u8,
    },
    /// The body ends too early, and the length says so: a gzip cut short.
    Truncate {
        /// Per cent of the body left.
        #[serde(default = "half")]
        keep: u8,
    },
    /// 200 with a page of HTML.
    NotJson {},
    /// 204 without a body.
    Empty {
        /// Seconds in `Retry-After`.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// Another value at this JSON pointer; of JSON lines (blobs) the first token is the line, from 0.
    ChangeField {
        /// RFC 6901.
        pointer: String,
        /// Any JSON value.
        value: serde_json::Value,
    },
    /// The member at this JSON pointer is missing.
    RemoveField {
        /// RFC 6901.
        pointer: String,
    },
    /// An error in one of the five shapes: 1 fault, 2 gateway, 3 nested, 4 token endpoint, 5 empty.
    Error {
        /// 1 to 5.
        shape: u8,
        /// HTTP status.
        status: u16,
        /// The vendor's code.
        #[serde(default)]
        code: String,
        /// The vendor's words.
        #[serde(default)]
        message: String,
    },
}

fn half() -> u8 {
    50
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_either_notation_says_the_same() {
        let toml = "revoked_grant = true\n[[rules]]\npath = \"/utilizations\"\nfirst = 2\ndo = \"throttle\"\nretry_after = 1";
        let json = r#"{"revoked_grant":true,"rules":[{"path":"/utilizations","first":2,"do":"throttle","retry_after":1}]}"#;
        assert_eq!(Faults::parse(toml).unwrap(), Faults::parse(json).unwrap());
        assert!(Faults::parse(toml).unwrap().late_usage);
    }

    #[test]
    fn an_unknown_key_is_named_with_the_known_ones() {
        let text = Faults::parse("revoked = true").unwrap_err().to_string();
        assert!(text.contains("revoked") && text.contains("revoked_grant"), "{text}");
        assert!(Faults::parse("[[rules]]\ndo = \"explode\"").is_err());
        assert!(Faults::parse("[[rules]]\ndo = \"not_json\"\nfrist = 1").is_err());
    }

    #[test]
    fn rules_count_from_one() {
        let rule = Rule::new("", Action::NotJson {});
        assert!(rule.due(1) && rule.due(9));
        assert!(rule.clone().first(2).due(2) && !rule.clone().first(2).due(3));
        assert!(rule.clone().nth(3).due(3) && !rule.nth(3).due(1));
    }
}
