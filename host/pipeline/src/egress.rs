//! Where a plugin may send the host by an absolute URL.
//!
//! The attack this stops: a plugin that smuggles data out by asking for a URL of its own making. An absolute URL must
//! begin with a string that the vendor itself sent in the answer the plugin has just seen (and, checked by the client,
//! go to a download host, without a token).

use std::collections::BTreeSet;

use purser_runtime::contract::crawl::{Request, Response, Target};
use url::Url;

/// Strings of one answer that look like URLs.
pub struct Received(BTreeSet<String>);

/// A URL the vendor never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the plugin asks for a URL that the vendor did not send")]
pub struct Denied;

impl Received {
    /// URLs in headers and in the envelope's JSON strings.
    #[must_use]
    pub fn new(response: &Response) -> Self {
        let mut urls: BTreeSet<String> = response.headers.iter().map(|header| header.value.clone()).collect();
        if let Ok(body) = serde_json::from_str(&response.envelope) {
            collect(&body, &mut urls);
        }
        urls.retain(|url| is_specific(url));
        Self(urls)
    }

    /// Whether the request may be made.
    ///
    /// # Errors
    /// [`Denied`] where it may not.
    pub fn check(&self, request: &Request) -> Result<(), Denied> {
        match &request.target {
            Target::Call(_) => Ok(()),
            Target::Absolute(url) if self.0.iter().any(|received| continues(url, received)) => Ok(()),
            Target::Absolute(_) => Err(Denied),
        }
    }
}

fn collect(value: &serde_json::Value, urls: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::String(text) => {
            urls.insert(text.clone());
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, urls)),
        serde_json::Value::Object(members) => members.values().for_each(|member| collect(member, urls)),
        _ => {}
    }
}

/// A URL with a host and something after it: a bare scheme or half a host name would vouch for anything.
fn is_specific(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.and_then(|rest| rest.split_once('/'))
        .is_some_and(|(host, path)| !host.is_empty() && !path.is_empty())
}

/// Whether a request names a whole address of its own, not one of the connector's calls.
#[must_use]
pub fn is_absolute(request: &Request) -> bool {
    matches!(request.target, Target::Absolute(_))
}

/// `received` itself, or something below it.
fn continues(url: &str, received: &str) -> bool {
    let Some(rest) = url.strip_prefix(received) else { return false };
    let is_below = rest.is_empty() || received.ends_with('/') || rest.starts_with(['/', '?']);
    is_below && stays_below(url, received)
}

/// What is sent is the URL as it is parsed: dot segments, in any spelling, would have climbed out of what was received.
fn stays_below(url: &str, received: &str) -> bool {
    let (Ok(url), Ok(received)) = (Url::parse(url), Url::parse(received)) else { return false };
    let plain = url.username().is_empty() && url.password().is_none();
    plain && url.origin() == received.origin() && url.path().starts_with(received.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(envelope: &str, url: &str) -> bool {
        let response =
            Response { status: 200, headers: Vec::new(), envelope: envelope.into(), kept: 0, attempt: 1 };
        let request = Request {
            target: Target::Absolute(url.into()),
            headers: Vec::new(),
            body: None,
            partition: None,
            keep: None,
            delay: 0,
            state: String::new(),
        };
        Received::new(&response).check(&request).is_ok()
    }

    #[test]
    fn an_absolute_url_must_continue_one_the_vendor_sent() {
        let manifest = r#"{"rootDirectory":"https://store.example.net/export/1","short":"https://","host":"https://evil.example"}"#;
        let table = [
            ("https://store.example.net/export/1/part-0.gz?sig=x", true),
            ("https://store.example.net/export/1", true),
            ("https://store.example.net/export/10/part-0.gz", false),
            ("https://store.example.net/other", false),
            ("https://evil.example/?q=stolen", false),
            ("https://evil.example.net/x", false),
            ("https://store.example.net/export/1/../../other", false),
            ("https://store.example.net/export/1/%2e%2E/2", false),
            ("https://store.example.net/export/1/..\\..\\other", false),
            ("https://store.example.net/export/1/.\t./2", false),
            ("https://store.example.net/export/1/a/../b", true),
            ("https://store.example.net/export/1/%2f..", true),
            ("HTTPS://STORE.EXAMPLE.NET/export/1", false),
            ("https://store.example.net./export/1", false),
            ("https://store.example.net:8443/export/1", false),
            ("https://store.example.net@evil.example/export/1", false),
            ("https://me@store.example.net/export/1", false),
            ("https://store.example.net.evil.example/export/1", false),
        ];
        for (url, expected) in table {
            assert_eq!(allowed(manifest, url), expected, "{url}");
        }
    }
}
