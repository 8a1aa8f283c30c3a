//! Tokens, passwords and signatures.

use sha2::{Digest as _, Sha256};
use url::Url;

use super::document::rewritten;
use crate::recording::Exchange;

/// Parts of the names of members, parameters and headers whose values are secrets, or may be.
const SECRET: [&str; 12] = [
    "token",
    "secret",
    "password",
    "passwd",
    "apikey",
    "accesskey",
    "authorization",
    "cookie",
    "signature",
    "credential",
    "connectionstring",
    "privatekey",
];
/// Parts of the names of what says where a list goes on: called a token, and the key to nothing. Without it the recording
/// could not be walked.
const PAGING: [&str; 6] = ["continuation", "next", "page", "skip", "cursor", "delta"];
/// Parameters of signed addresses that are written out nowhere.
const SIGNATURES: [&str; 5] = ["sig", "awsaccesskeyid", "keypairid", "hmac", "redacted"];
/// What stands beside a signature and belongs to it.
const BESIDE: [&str; 16] = [
    "se", "sp", "sv", "sr", "st", "spr", "sip", "skoid", "sktid", "skt", "ske", "sks", "skv", "expires",
    "policy", "date",
];
/// A path segment that is longer and is no plain word may be the key to what lies there.
const LONG_SEGMENT: usize = 40;

/// Replaces secrets; the key is thrown away with it.
pub struct Secrets {
    key: [u8; 32],
}

impl Secrets {
    /// With a key nobody else has.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Takes the secrets out of an exchange. What a request passes on is replaced as where it was received.
    pub fn redact(&self, exchange: &mut Exchange) {
        exchange.named_texts().for_each(|(name, value)| self.text(name, value));
        let bodies = exchange.body.as_mut().into_iter().chain(exchange.text.as_mut());
        bodies.for_each(|body| *body = self.document(body));
        if let Some(json) = exchange.json.as_mut() {
            let redacted = self.document(json.get());
            if let Ok(raw) = serde_json::value::RawValue::from_string(redacted) {
                *json = raw;
            }
        }
    }

    fn document(&self, text: &str) -> String {
        rewritten(text, &mut |name, text| self.text(name, text))
    }

    /// One text under a name.
    pub fn text(&self, name: &str, text: &mut String) {
        if is_secret(name) && !text.is_empty() {
            *text = if is_signed_query(text) { unsigned_query(text) } else { self.stand_in(text) };
        } else {
            *text = self.words(text);
        }
    }

    /// Addresses and bearer tokens inside a text.
    fn words(&self, text: &str) -> String {
        if is_signed_query(text) && !text.contains("://") {
            return unsigned_query(text);
        }
        let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | ',' | ';');
        let mut redacted = String::with_capacity(text.len());
        for word in text.split_inclusive(is_end) {
            let end =
                word.char_indices().next_back().filter(|(_, c)| is_end(*c)).map_or(word.len(), |(at, _)| at);
            let (word, end) = word.split_at(end);
            if is_bearer(word) {
                redacted.push_str(&self.stand_in(word));
            } else if word.starts_with("https://") || word.starts_with("http://") {
                redacted.push_str(&address(word));
            } else {
                redacted.push_str(word);
            }
            redacted.push_str(end);
        }
        redacted
    }

    /// The same for the same secret; a stand-in stands for itself.
    fn stand_in(&self, secret: &str) -> String {
        if secret.starts_with(STAND_IN) {
            return secret.to_owned();
        }
        let hash = Sha256::new().chain_update(self.key).chain_update(secret.as_bytes()).finalize();
        format!("{STAND_IN}{}", hex(hash.as_ref()))
    }
}

const STAND_IN: &str = "redacted-";

/// An address without what signs it: whoever had it could read what lies there. One without a signature stays.
#[must_use]
pub fn address(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return text.to_owned() };
    let is_plain = url.username().is_empty() && url.password().is_none();
    let parameters: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let kept = unsigned(&parameters);
    let has_long = url.path().split('/').any(is_long);
    if is_plain && !has_long && kept.len() == parameters.len() {
        return text.to_owned();
    }
    // An address of another scheme may have no place for a name; then there was none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
    let segments = url.path().split('/').map(|segment| match is_long(segment) {
        true => format!("x-{}", hex(Sha256::digest(segment.as_bytes()).as_ref())),
        false => segment.to_owned(),
    });
    let path = segments.collect::<Vec<_>>().join("/");
    url.set_path(&path);
    url.to_string()
}

/// Parameters without the signature and what belongs to it.
fn unsigned(parameters: &[(String, String)]) -> Vec<&(String, String)> {
    let is_signed = parameters.iter().any(|(name, _)| is_signature(name));
    let goes = |name: &str| is_signature(name) || (is_signed && is_beside(name));
    parameters.iter().filter(|(name, _)| !goes(name)).collect()
}

/// What stands for a signed query: put behind an address, it gives what [`address`] makes of the signed one.
fn unsigned_query(text: &str) -> String {
    let query = text.trim_start_matches('?').as_bytes();
    let parameters: Vec<(String, String)> = url::form_urlencoded::parse(query).into_owned().collect();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("redacted", "1").extend_pairs(unsigned(&parameters));
    query.finish()
}

fn is_long(segment: &str) -> bool {
    segment.len() > LONG_SEGMENT
}

/// `sv=…&sig=…`, as some vendors hand a signature out beside its address.
fn is_signed_query(text: &str) -> bool {
    let text = text.trim_start_matches('?');
    text.contains('=')
        && !text.contains(char::is_whitespace)
        && url::form_urlencoded::parse(text.as_bytes()).any(|(name, _)| is_signature(&name))
}

fn is_bearer(word: &str) -> bool {
    word.starts_with("eyJ") && word.split('.').count() >= 3
}

fn is_secret(name: &str) -> bool {
    let name = plain(name);
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    has(&SECRET) && !has(&PAGING)
}

fn is_signature(name: &str) -> bool {
    let plain = plain(name);
    SIGNATURES.contains(&plain.as_str())
        || plain.starts_with("xamz")
        || plain.starts_with("xgoog")
        || is_secret(name)
}

fn is_beside(name: &str) -> bool {
    BESIDE.contains(&plain(name).as_str())
}

/// Small letters and digits alone.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Eight bytes tell secrets of one recording apart.
fn hex(hash: &[u8]) -> String {
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_loses_its_signature_and_keeps_where_it_leads() {
        for (signed, expected) in [
            ("https://a.example/x?page=2&size=5", "https://a.example/x?page=2&size=5"),
            ("https://a.example/x?sv=1&sig=s%2B&page=2", "https://a.example/x?page=2"),
            ("https://u:p@a.example/x", "https://a.example/x"),
            ("https://a.example/x?X-Amz-Signature=1&X-Amz-Date=2", "https://a.example/x"),
            ("https://a.example/x?redacted=1", "https://a.example/x"),
            ("https://a.example/x?pageToken=p&access_token=t", "https://a.example/x?pageToken=p"),
            ("no address", "no address"),
        ] {
            assert_eq!(address(signed), expected);
            assert_eq!(address(expected), expected, "redacted once is redacted twice");
        }
        let handed_out = "sv=1&sdd=5&sig=s%2B&page=2";
        for query in [handed_out, &unsigned_query(handed_out)] {
            assert_eq!(
                address(&format!("https://a.example/x?{query}")),
                "https://a.example/x?sdd=5&page=2",
                "a signature handed out beside its address leads to where it led"
            );
        }
        let long = address(&format!("https://a.example/{}/part-0.gz", "k".repeat(60)));
        assert!(!long.contains("kkkk") && long.ends_with("/part-0.gz"), "{long}");
        assert_eq!(address(&long), long);
    }

    #[test]
    fn secrets_go_by_name_and_by_shape_and_the_same_ones_stay_the_same() {
        let secrets = Secrets::new([7; 32]);
        let document = r#"{"continuationToken":"c1","accessToken":"t1","sas":"?sv=1&sig=abc","note":"see https://a.example/x?sig=abc, eyJa.b.c","password":"p","cost":1.50}"#;
        let redacted = secrets.document(document);
        for gone in ["t1\"", "abc", "eyJ", "\"p\""] {
            assert!(!redacted.contains(gone), "{gone} is in {redacted}");
        }
        assert!(
            redacted.contains("1.50") && redacted.contains("see https://a.example/x, redacted-"),
            "{redacted}"
        );
        assert!(
            redacted.contains(r#""continuationToken":"c1""#),
            "where a list goes on is no secret: {redacted}"
        );
        assert_eq!(secrets.document(&redacted), redacted, "redacted once is redacted twice");
        let mut asked =
            Exchange { query: [("accessToken".to_owned(), "t1".to_owned())].into(), ..Exchange::default() };
        secrets.redact(&mut asked);
        assert!(redacted.contains(&asked.query["accessToken"]), "what is passed on is what was received");
    }
}
