//! From what a plugin asks to what is sent: the grant check, as a pure function.
//!
//! **Invariant:** a prepared request is one of the connector's calls with nothing beside what that call lists, or a
//! plain GET to a download host without token, headers or body.

use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use url::Url;
use uuid::Uuid;

use crate::client::{Outgoing, Target};
use crate::connector::{Auth, Call, Connector, Method, is_reserved_header};
use crate::error::SendError;
use crate::transport::host_of;

/// Stands in a header's value for the request's own id: the same over all tries.
pub const REQUEST_ID: &str = "{request-id}";
/// Stands in a header's value for an id that each try has of its own.
pub const ATTEMPT_ID: &str = "{attempt-id}";

/// A request that may be sent.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub method: http::Method,
    pub url: Url,
    /// As the plugin wrote them; [`Prepared::headers`] fills the ids in.
    headers: Vec<(HeaderName, String)>,
    pub body: Option<String>,
    pub auth: Auth,
    pub by_operator: bool,
    /// The call's name; empty for a download.
    pub call: String,
    pub per_minute: Option<u32>,
}

/// Checks a request against what was granted, and builds it.
pub(crate) fn prepare(connector: &Connector, outgoing: &Outgoing) -> Result<Prepared, SendError> {
    match &outgoing.target {
        Target::Call { name, path, query } => prepare_call(connector, outgoing, name, path, query),
        Target::Absolute(url) => prepare_download(connector, outgoing, url),
    }
}

/// Where a request would go: the check that comes before every sending, without the sending.
///
/// # Errors
/// Where it was not granted.
pub fn address_of(connector: &Connector, outgoing: &Outgoing) -> Result<Url, SendError> {
    let prepared = prepare(connector, outgoing)?;
    prepared.headers(outgoing.request_id, Uuid::nil())?;
    Ok(prepared.url)
}

/// Whether a URL lies at a download host, and then whether the operator named that host.
pub(crate) fn download_host(connector: &Connector, url: &Url) -> Option<bool> {
    let plain = url.username().is_empty() && url.password().is_none();
    let pattern = connector.download_hosts.iter().find(|pattern| plain && pattern.matches(url))?;
    Some(pattern.is_by_operator())
}

impl Prepared {
    /// The headers of one try.
    pub(crate) fn headers(&self, request_id: Uuid, attempt_id: Uuid) -> Result<HeaderMap, SendError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let text = value
                .replace(REQUEST_ID, &request_id.to_string())
                .replace(ATTEMPT_ID, &attempt_id.to_string());
            let value =
                HeaderValue::try_from(text).map_err(|_| refused(format!("a value of header {name}")))?;
            headers.append(name.clone(), value);
        }
        if self.body.is_some() && !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if self.call.is_empty() {
            headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        }
        Ok(headers)
    }
}

fn prepare_call(
    connector: &Connector,
    outgoing: &Outgoing,
    name: &str,
    path: &[(String, String)],
    query: &[(String, String)],
) -> Result<Prepared, SendError> {
    let call = connector.calls.get(name).ok_or_else(|| refused(format!("call {name:?}")))?;
    let endpoint = connector
        .endpoints
        .get(&call.endpoint)
        .ok_or_else(|| refused(format!("endpoint {:?} of call {name:?}", call.endpoint)))?;
    let method = match call.method {
        Method::Get if outgoing.body.is_some() => {
            return Err(refused(format!("a body with GET call {name:?}")));
        }
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
    };
    Ok(Prepared {
        method,
        url: call_url(&endpoint.base_url, call, path, query)?,
        headers: call_headers(call, &outgoing.headers)?,
        body: outgoing.body.clone(),
        auth: endpoint.auth.clone(),
        by_operator: endpoint.by_operator,
        call: name.to_owned(),
        per_minute: call.per_minute,
    })
}

fn prepare_download(connector: &Connector, outgoing: &Outgoing, url: &str) -> Result<Prepared, SendError> {
    if outgoing.body.is_some() || !outgoing.headers.is_empty() {
        return Err(refused("headers or a body with a download".into()));
    }
    let url = Url::parse(url).map_err(|_| refused("a download from what is no URL".into()))?;
    let by_operator = download_host(connector, &url).ok_or_else(|| SendError::HostRefused(host_of(&url)))?;
    Ok(Prepared {
        method: http::Method::GET,
        url,
        headers: Vec::new(),
        body: None,
        auth: Auth::None,
        by_operator,
        call: String::new(),
        per_minute: None,
    })
}

fn call_url(
    base: &Url,
    call: &Call,
    path: &[(String, String)],
    query: &[(String, String)],
) -> Result<Url, SendError> {
    let mut text = base.as_str().trim_end_matches('/').to_owned();
    text.push_str(&filled_path(&call.path_template, path)?);
    for (index, (name, value)) in query.iter().enumerate() {
        if !call.query.contains(name) {
            return Err(refused(format!("query parameter {name:?}")));
        }
        text.push(if index == 0 { '?' } else { '&' });
        text.push_str(&encoded(name));
        text.push('=');
        text.push_str(&encoded(value));
    }
    let url = Url::parse(&text).map_err(|_| refused("a path that makes no URL".into()))?;
    // The parser resolves dot segments; whatever then lies outside the base was an attempt to climb.
    if url.origin() != base.origin() || !url.path().starts_with(base.path().trim_end_matches('/')) {
        return Err(refused("a path outside its endpoint".into()));
    }
    Ok(url)
}

fn filled_path(template: &str, path: &[(String, String)]) -> Result<String, SendError> {
    let mut used = 0;
    let segments = template.split('/').map(|segment| filled_segment(segment, path, &mut used));
    let filled = segments.collect::<Result<Vec<_>, _>>()?.join("/");
    if used == path.len() {
        Ok(filled)
    } else {
        Err(refused("a path parameter the call does not have".into()))
    }
}

fn filled_segment(template: &str, path: &[(String, String)], used: &mut usize) -> Result<String, SendError> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(|| refused("a broken path template".into()))?;
        let value = path.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
        let value = value
            .filter(|value| !value.is_empty())
            .ok_or_else(|| refused(format!("no value for {name:?}")))?;
        filled.push_str(before);
        filled.push_str(&encoded(value));
        *used += 1;
        rest = after;
    }
    filled.push_str(rest);
    if filled == "." || filled == ".." { Err(refused("a path that climbs".into())) } else { Ok(filled) }
}

fn call_headers(call: &Call, asked: &[(String, String)]) -> Result<Vec<(HeaderName, String)>, SendError> {
    asked
        .iter()
        .map(|(name, value)| {
            let lower = name.to_ascii_lowercase();
            let granted = call.headers.iter().any(|listed| listed.eq_ignore_ascii_case(&lower));
            if !granted || is_reserved_header(&lower) {
                return Err(refused(format!("header {name:?}")));
            }
            let name = HeaderName::try_from(lower).map_err(|_| refused(format!("header {name:?}")))?;
            Ok((name, value.clone()))
        })
        .collect()
}

/// Percent-encodes everything but the unreserved characters of RFC 3986, so that a value stays one segment.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn refused(what: String) -> SendError {
    SendError::NotGranted(what)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::connector::Endpoint;
    use crate::host_pattern::HostPattern;

    fn connector() -> Connector {
        let endpoint = Endpoint {
            base_url: "https://api.example.net/base".parse().unwrap(),
            auth: Auth::None,
            by_operator: false,
        };
        let call = |method, path: &str| Call {
            endpoint: "api".into(),
            method,
            path_template: path.into(),
            query: ["size".to_owned(), "$filter".to_owned()].into(),
            headers: ["x-locale".to_owned(), "authorization".to_owned()].into(),
            per_minute: None,
        };
        Connector {
            id: "sample".parse().unwrap(),
            cloud: "global".into(),
            endpoints: BTreeMap::from([("api".to_owned(), endpoint)]),
            calls: BTreeMap::from([
                ("seats".to_owned(), call(Method::Get, "/v1/customers/{customer}/seats")),
                ("export".to_owned(), call(Method::Post, "/v1/export")),
            ]),
            download_hosts: vec![HostPattern::parse("*.blob.example.net").unwrap()],
            consent: None,
        }
    }

    fn seats(path: &[(&str, &str)], query: &[(&str, &str)], headers: &[(&str, &str)]) -> Outgoing {
        let owned =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Outgoing {
            target: Target::Call { name: "seats".into(), path: owned(path), query: owned(query) },
            headers: owned(headers),
            body: None,
            request_id: Uuid::nil(),
        }
    }

    fn url(outgoing: &Outgoing) -> String {
        prepare(&connector(), outgoing).unwrap().url.to_string()
    }

    fn is_refused(outgoing: &Outgoing) -> bool {
        matches!(prepare(&connector(), outgoing), Err(SendError::NotGranted(_)))
    }

    #[test]
    fn a_path_value_stays_one_segment() {
        assert_eq!(
            url(&seats(&[("customer", "a/b?c#d%2e é")], &[], &[])),
            "https://api.example.net/base/v1/customers/a%2Fb%3Fc%23d%252e%20%C3%A9/seats"
        );
    }

    #[test]
    fn query_values_are_encoded_and_keep_their_order() {
        assert_eq!(
            url(&seats(&[("customer", "c")], &[("size", "5"), ("$filter", "a eq 'b+c&d'")], &[])),
            "https://api.example.net/base/v1/customers/c/seats?size=5&%24filter=a%20eq%20%27b%2Bc%26d%27"
        );
    }

    #[test]
    fn paths_never_climb_and_parameters_must_fit() {
        for path in
            [&[("customer", "..")][..], &[("customer", ".")], &[("customer", "")], &[], &[("other", "x")]]
        {
            assert!(is_refused(&seats(path, &[], &[])), "{path:?}");
        }
        assert!(is_refused(&seats(&[("customer", "c"), ("extra", "x")], &[], &[])));
    }

    #[test]
    fn what_a_call_does_not_list_is_refused() {
        let unknown = Outgoing {
            target: Target::Call { name: "delete".into(), path: vec![], query: vec![] },
            ..seats(&[], &[], &[])
        };
        let with_body = Outgoing { body: Some("{}".into()), ..seats(&[("customer", "c")], &[], &[]) };
        assert!(is_refused(&unknown));
        assert!(is_refused(&with_body));
        assert!(is_refused(&seats(&[("customer", "c")], &[("offset", "1")], &[])));
        assert!(is_refused(&seats(&[("customer", "c")], &[], &[("x-other", "1")])));
    }

    #[test]
    fn a_reserved_header_is_refused_even_when_listed() {
        assert!(is_refused(&seats(&[("customer", "c")], &[], &[("Authorization", "Bearer x")])));
        assert!(connector().check().is_err());
    }

    #[test]
    fn a_header_may_carry_the_request_id_but_no_line_break() {
        let prepare_with = |value: &str| {
            prepare(&connector(), &seats(&[("customer", "c")], &[], &[("X-Locale", value)])).unwrap()
        };
        let (request, attempt) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let headers = prepare_with("r={request-id} a={attempt-id}").headers(request, attempt).unwrap();
        assert_eq!(headers["x-locale"], format!("r={request} a={attempt}").as_str());
        assert!(prepare_with("a\r\nhost: evil").headers(request, attempt).is_err());
    }

    #[test]
    fn downloads_go_to_listed_hosts_only_and_carry_nothing() {
        let download = |url: &str| Outgoing { target: Target::Absolute(url.into()), ..seats(&[], &[], &[]) };
        assert!(prepare(&connector(), &download("https://a.blob.example.net/x?sig=s")).is_ok());
        for url in [
            "https://evil.test/",
            "http://a.blob.example.net/",
            "https://u:p@a.blob.example.net/",
            "https://a.blob.example.net@evil.test/",
            "https://api.example.net/base/v1/export",
        ] {
            assert!(matches!(prepare(&connector(), &download(url)), Err(SendError::HostRefused(_))), "{url}");
        }
        let blob = "https://a.blob.example.net/x";
        assert!(is_refused(&Outgoing { body: Some("x".into()), ..download(blob) }));
        assert!(is_refused(&Outgoing { headers: vec![("x-locale".into(), "nl".into())], ..download(blob) }));
    }
}
