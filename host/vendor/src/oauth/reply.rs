//! What a token endpoint answers. Vendors write numbers as numbers or as text.

use std::fmt;
use std::time::Duration;

use oauth2::{AccessToken, RefreshToken, Scope, TokenResponse as _};
use serde::{Deserialize, Deserializer, Serialize};

use super::Exchanged;
use crate::secret::Secret;

/// An error response, without its free text.
#[derive(Clone, Default, Deserialize, Serialize)]
pub(crate) struct Refusal {
    pub error: String,
    #[serde(default, deserialize_with = "numbers")]
    pub error_codes: Vec<u64>,
    #[serde(default)]
    pub trace_id: Option<String>,
    #[serde(default)]
    pub correlation_id: Option<String>,
}

impl Refusal {
    /// For the vendor's support: nothing secret, nothing personal.
    pub(crate) fn evidence(&self) -> String {
        let codes: Vec<String> = self.error_codes.iter().map(u64::to_string).collect();
        let mut evidence = format!("{} {}", shortened(&self.error), codes.join(" ")).trim_end().to_owned();
        for (name, id) in [("trace", &self.trace_id), ("correlation", &self.correlation_id)] {
            if let Some(id) = id {
                evidence.push_str(&format!(", {name} {}", shortened(id)));
            }
        }
        evidence
    }
}

/// What comes from outside is shown only as far as it looks like an identifier.
fn shortened(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(64).collect()
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.evidence())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.evidence())
    }
}

impl oauth2::ErrorResponse for Refusal {}

/// A token response. The token types' `Debug` shows no text.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct TokenReply {
    access_token: AccessToken,
    #[serde(default)]
    token_type: TokenKind,
    #[serde(default, deserialize_with = "number")]
    expires_in: Option<u64>,
    #[serde(default)]
    refresh_token: Option<RefreshToken>,
    /// An id token, in a type that does not show it.
    #[serde(default)]
    id_token: Option<AccessToken>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
pub(super) struct TokenKind(String);

impl oauth2::TokenType for TokenKind {}

impl oauth2::TokenResponse for TokenReply {
    type TokenType = TokenKind;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &TokenKind {
        &self.token_type
    }

    fn expires_in(&self) -> Option<Duration> {
        self.expires_in.map(Duration::from_secs)
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

impl From<TokenReply> for Exchanged {
    fn from(reply: TokenReply) -> Self {
        Self {
            // Without a life the token serves only the request it was asked for.
            expires_in: reply.expires_in().unwrap_or_default(),
            refresh_token: reply.refresh_token.map(|token| Secret::new(token.into_secret())),
            id_token: reply.id_token.map(|token| Secret::new(token.into_secret())),
            access_token: Secret::new(reply.access_token.into_secret()),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u64),
    Text(String),
    Other(serde::de::IgnoredAny),
}

impl NumberOrText {
    fn value(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Other(_) => None,
        }
    }
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(Option::<NumberOrText>::deserialize(deserializer)?.and_then(|number| number.value()))
}

fn numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    let numbers = Option::<Vec<NumberOrText>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(numbers.iter().filter_map(NumberOrText::value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_be_text() {
        let reply = r#"{"access_token":"a","token_type":"Bearer","expires_in":"3599","refresh_token":"r"}"#;
        let reply: TokenReply = serde_json::from_str(reply).unwrap();
        assert_eq!(reply.expires_in, Some(3599));
        let refusal: Refusal = serde_json::from_str(r#"{"error":"e","error_codes":["1",2,{}]}"#).unwrap();
        assert_eq!(refusal.error_codes, [1, 2]);
    }

    #[test]
    fn a_refusal_shows_identifiers_only() {
        let refusal = Refusal {
            error: "invalid_grant\r\n<b>".into(),
            error_codes: vec![50126],
            trace_id: Some("753be5e9-0eeb".into()),
            correlation_id: None,
        };
        assert_eq!(format!("{refusal:?}"), "invalid_grantb 50126, trace 753be5e9-0eeb");
    }
}
