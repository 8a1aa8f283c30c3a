//! The two connection pools behind everything that leaves the host, and the limits they obey.
//!
//! One pool resolves names to public addresses only; the other is for hosts that the operator's configuration names.
//! Neither follows redirects, unpacks, sends cookies or uses a proxy from the environment, which would resolve names
//! out of our sight.

use std::error::Error as _;
use std::net::IpAddr;
use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use url::{Host, Url};

use crate::address::{NotPublic, PublicOnly, is_public};
use crate::error::SendError;
use crate::host_pattern::is_usable_scheme;

/// Bounds of every request. One table, so that no bound is forgotten.
#[derive(Debug, Clone)]
pub struct HttpLimits {
    /// To connect, with TLS.
    pub connect: Duration,
    /// From sending a request to the head of its answer.
    pub deadline: Duration,
    /// Between two chunks of a body.
    pub idle: Duration,
    /// For a whole body.
    pub body_deadline: Duration,
    /// Bytes of a body on the wire.
    pub wire_bytes: u64,
    /// Bytes of a body, unpacked.
    pub body_bytes: u64,
    /// Unpacked bytes per byte on the wire.
    pub ratio: u32,
    /// Tries of one request, the first included.
    pub attempts: u32,
    /// Wait before the second try; doubles with each.
    pub backoff: Duration,
    /// Longest wait between two tries of ours.
    pub backoff_cap: Duration,
    /// Longest wait a vendor may ask for; a longer one is handed to the plugin.
    pub retry_after_cap: Duration,
    /// Redirects of one GET.
    pub redirects: u32,
    /// Requests of one account under way at a time. With 150 ms of latency 8 left a run waiting for a third of its
    /// time, 16 for a twentieth.
    pub per_account: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            deadline: Duration::from_secs(180),
            idle: Duration::from_secs(60),
            body_deadline: Duration::from_secs(3600),
            wire_bytes: 8 << 30,
            body_bytes: 64 << 30,
            ratio: 300,
            attempts: 4,
            backoff: Duration::from_millis(500),
            backoff_cap: Duration::from_secs(30),
            retry_after_cap: Duration::from_secs(300),
            redirects: 3,
            per_account: 16,
        }
    }
}

/// The connection pools could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be set up")]
pub struct SetupFault(#[source] reqwest::Error);

/// The connection pools.
#[derive(Clone)]
pub struct Transport {
    public: reqwest::Client,
    named: reqwest::Client,
    limits: HttpLimits,
}

impl Transport {
    /// Made once; clones share the pools.
    pub fn new(limits: HttpLimits) -> Result<Self, SetupFault> {
        let public = builder(&limits).dns_resolver(PublicOnly).build().map_err(SetupFault)?;
        let named = builder(&limits).build().map_err(SetupFault)?;
        Ok(Self { public, named, limits })
    }

    /// The bounds in force.
    #[must_use]
    pub fn limits(&self) -> &HttpLimits {
        &self.limits
    }

    /// Sends once, and waits for the head of the answer. Redirects are answers.
    pub(crate) async fn send(
        &self,
        by_operator: bool,
        request: reqwest::Request,
    ) -> Result<reqwest::Response, SendError> {
        let host = host_of(request.url());
        admit(request.url(), by_operator)?;
        let pool = if by_operator { &self.named } else { &self.public };
        match tokio::time::timeout(self.limits.deadline, pool.execute(request)).await {
            Err(_) => Err(SendError::TimedOut(host)),
            Ok(Err(error)) => Err(send_error(&error, host)),
            Ok(Ok(response)) => Ok(response),
        }
    }
}

/// Host and port, for messages.
pub(crate) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// A resolver never sees a host that is an address already, so those are looked at here.
fn admit(url: &Url, by_operator: bool) -> Result<(), SendError> {
    if !is_usable_scheme(url, by_operator) {
        return Err(SendError::HostRefused(host_of(url)));
    }
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        _ => None,
    };
    match address {
        Some(address) if !by_operator && !is_public(address) => Err(SendError::AddressRefused(host_of(url))),
        _ => Ok(()),
    }
}

fn builder(limits: &HttpLimits) -> reqwest::ClientBuilder {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    reqwest::Client::builder()
        .user_agent(concat!("purser/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .connect_timeout(limits.connect)
}

/// The library's own text holds the URL with its query, so nothing of it is kept.
fn send_error(error: &reqwest::Error, host: String) -> SendError {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return SendError::AddressRefused(host);
        }
        cause = error.source();
    }
    if error.is_timeout() { SendError::TimedOut(host) } else { SendError::Unreachable(host) }
}
