//! Which hosts a download may come from: `*.blob.example.net`, or one host the operator's configuration names.
//!
//! **Invariant:** `*` stands for one or more labels and only at the start; plain `http` is only ever possible for a
//! loopback host that the operator's configuration names.

use url::Url;

/// A host, or all hosts under a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    plain_http: bool,
    any_label: bool,
    host: String,
    port: Option<u16>,
    by_operator: bool,
}

/// Why a text is no host pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no host pattern: {why}")]
pub struct InvalidPattern {
    text: String,
    why: &'static str,
}

impl HostPattern {
    /// A plugin's pattern: a host name, `*.` in front for all under it. Always `https` on its usual port.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let invalid = |why| InvalidPattern { text: text.chars().take(80).collect(), why };
        let (any_label, host) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let valid_label = |label: &str| {
            (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if !host.split('.').all(valid_label) {
            return Err(invalid("a host name is dot-separated letters, digits and dashes"));
        }
        if any_label && !host.contains('.') {
            return Err(invalid("`*` must stand before at least two labels"));
        }
        Ok(Self {
            plain_http: false,
            any_label,
            host: host.to_ascii_lowercase(),
            port: None,
            by_operator: false,
        })
    }

    /// One host that the operator's configuration names by its base URL, such as `http://127.0.0.1:9100`.
    pub fn by_operator(base: &Url) -> Result<Self, InvalidPattern> {
        let invalid = |why| InvalidPattern { text: base.origin().ascii_serialization(), why };
        let host = base.host_str().ok_or_else(|| invalid("it has no host"))?;
        if !is_usable_scheme(base, true) {
            return Err(invalid("only https, or http to this machine itself"));
        }
        Ok(Self {
            plain_http: base.scheme() == "http",
            any_label: false,
            host: host.to_ascii_lowercase(),
            port: base.port(),
            by_operator: true,
        })
    }

    /// Whether a URL's scheme, host and port fit.
    #[must_use]
    pub fn matches(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        let scheme = if self.plain_http { "http" } else { "https" };
        url.scheme() == scheme && url.port() == self.port && self.matches_host(&host.to_ascii_lowercase())
    }

    /// Whether the operator's configuration names the host, so that it may lie in a private network.
    #[must_use]
    pub fn is_by_operator(&self) -> bool {
        self.by_operator
    }

    fn matches_host(&self, host: &str) -> bool {
        if !self.any_label {
            return host == self.host;
        }
        host.strip_suffix(&self.host)
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(|labels| !labels.is_empty())
    }
}

/// Whether the scheme may be used: `https`, or `http` to this machine where the operator asked for it.
pub(crate) fn is_usable_scheme(url: &Url, by_operator: bool) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => by_operator && is_loopback(url),
        _ => false,
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn a_star_stands_for_one_or_more_whole_labels() {
        let pattern = HostPattern::parse("*.blob.example.net").unwrap();
        for (text, matches) in [
            ("https://a.blob.example.net/x?sig=1", true),
            ("https://a.b.BLOB.example.net/", true),
            ("https://blob.example.net/", false),
            ("https://ablob.example.net/", false),
            ("https://a.blob.example.net.evil.test/", false),
            ("https://a.blob.example.net:8443/", false),
            ("http://a.blob.example.net/", false),
            ("ftp://a.blob.example.net/", false),
        ] {
            assert_eq!(pattern.matches(&url(text)), matches, "{text}");
        }
    }

    #[test]
    fn an_operators_host_is_matched_with_scheme_and_port() {
        let pattern = HostPattern::by_operator(&url("http://127.0.0.1:9100/blobs")).unwrap();
        assert!(pattern.matches(&url("http://127.0.0.1:9100/x")));
        assert!(!pattern.matches(&url("http://127.0.0.1:9101/x")));
        assert!(!pattern.matches(&url("https://127.0.0.1:9100/x")));
    }

    #[test]
    fn plain_http_beyond_this_machine_is_refused() {
        assert!(HostPattern::by_operator(&url("http://10.0.0.1/")).is_err());
        assert!(HostPattern::by_operator(&url("http://localhost:80/")).is_ok());
    }

    #[test]
    fn a_pattern_is_a_host_name_and_nothing_else() {
        for text in ["", "*", "*.net", "https://a.net", "a.*.net", "a.net/path", "a.net:80", "user@a.net"] {
            assert!(HostPattern::parse(text).is_err(), "{text}");
        }
    }
}
