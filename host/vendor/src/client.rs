//! The one HTTP client: sends what a plugin described, if it was granted.
//!
//! Tokens are added here and nowhere else. Lost connections and answers cut off before their first byte are tried
//! again with the same request id; waits the vendor names are kept up to a limit; every other answer goes back to the
//! plugin, which knows what it means.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, SET_COOKIE};
use http::{Method, StatusCode};
use purser_domain::AccountId;
use tokio::sync::OwnedSemaphorePermit;
use url::Url;
use uuid::Uuid;

use crate::body::Body;
use crate::connector::{Audience, Auth, Connector};
pub use crate::error::SendError;
use crate::pacing::{Gate, Lane, backoff, retry_after};
pub use crate::request::{ATTEMPT_ID, REQUEST_ID};
use crate::request::{Prepared, download_host, prepare};
use crate::secret::Secret;
use crate::sent::{Sent, shown_path};
use crate::surroundings::{Pace, Surroundings};
use crate::tokens::TokenError;
use crate::transport::{Transport, host_of};

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One of the connector's calls.
    Call {
        /// Its name.
        name: String,
        /// Values for its path.
        path: Vec<(String, String)>,
        /// Its query.
        query: Vec<(String, String)>,
    },
    /// A download host: GET, no body, no token.
    Absolute(String),
}

/// What a plugin asks to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where.
    pub target: Target,
    /// Headers, out of the call's list. [`REQUEST_ID`] and [`ATTEMPT_ID`] in a value are filled in.
    pub headers: Vec<(String, String)>,
    /// For a POST.
    pub body: Option<String>,
    /// The same over all tries, also over those after a restart.
    pub request_id: Uuid,
}

/// What the vendor answered, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names are lower-case; values are as received.
    pub headers: Vec<(String, String)>,
    /// The body, unpacked.
    pub body: Body,
}

/// Where the client gets tokens from; [`crate::TokenSource`] outside tests.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// An access token of the audience.
    async fn access(
        &self,
        account: AccountId,
        connector: &Connector,
        audience: &Audience,
    ) -> Result<Secret, TokenError>;
    /// The vendor did not accept this token.
    fn forget(&self, account: AccountId, audience: &Audience, token: &Secret);
    /// The vendor does not let this token's bearer in. Whether that was the application itself: then the person's token is
    /// given out next.
    fn application_refused(&self, account: AccountId, audience: &Audience, token: &Secret) -> bool;
    /// The account's plain secret.
    async fn secret(&self, account: AccountId, connector: &Connector) -> Result<Secret, TokenError>;
}

/// The one HTTP client.
pub struct Client {
    transport: Transport,
    credentials: Arc<dyn Credentials>,
    surroundings: Surroundings,
    gate: Gate,
}

impl Client {
    /// Made once; rates and concurrency are counted per client.
    #[must_use]
    pub fn new(transport: Transport, credentials: Arc<dyn Credentials>, surroundings: Surroundings) -> Self {
        let gate = Gate::new(surroundings.clone(), transport.limits());
        Self { transport, credentials, surroundings, gate }
    }

    /// How waiting is done: by everybody who waits for the vendor, so that a test waits for nothing.
    #[must_use]
    pub fn pace(&self) -> &dyn Pace {
        self.surroundings.pace.as_ref()
    }

    /// An id for a request that is nobody's work to repeat.
    #[must_use]
    pub fn new_request_id(&self) -> Uuid {
        self.surroundings.chance.uuid()
    }

    /// Sends, and gives the answer once its first bytes are there.
    pub async fn send(
        &self,
        account: AccountId,
        connector: &Connector,
        outgoing: &Outgoing,
    ) -> Result<Answer, SendError> {
        self.send_noting(account, connector, outgoing, &mut Sent::default()).await
    }

    /// Sends, and notes for the log where it went and what came of it, also where it was refused.
    pub async fn send_noting(
        &self,
        account: AccountId,
        connector: &Connector,
        outgoing: &Outgoing,
        sent: &mut Sent,
    ) -> Result<Answer, SendError> {
        *sent = Sent::asked(outgoing);
        let outcome = self.tried(account, connector, outgoing, sent).await;
        sent.came_to(&outcome);
        outcome
    }

    async fn tried(
        &self,
        account: AccountId,
        connector: &Connector,
        outgoing: &Outgoing,
        sent: &mut Sent,
    ) -> Result<Answer, SendError> {
        let prepared = prepare(connector, outgoing)?;
        sent.granted(&prepared);
        let lane = (account, connector.id.to_string(), prepared.call.clone());
        let mut exchange =
            Exchange { client: self, account, connector, prepared: &prepared, fresh_token: false, tries: 1 };
        let mut tries = 1;
        loop {
            sent.attempts = tries;
            let place = self.gate.admit(&lane, prepared.per_minute).await;
            let outcome = exchange.attempt(outgoing.request_id, tries, place).await;
            match self.next_step(&lane, outcome, tries) {
                Step::Done(outcome) => return *outcome,
                Step::Wait(wait) => self.surroundings.pace.sleep(wait).await,
            }
            tries += 1;
        }
    }

    /// What an outcome leads to. The answer's place is free again while we wait.
    fn next_step(&self, lane: &Lane, outcome: Result<Answer, SendError>, tries: u32) -> Step {
        let limits = self.transport.limits();
        let wait = match &outcome {
            Ok(answer) => self.asked_wait(answer).inspect(|wait| self.gate.hold_back(lane, *wait)),
            Err(SendError::Token(_)) => None, // the token source has tried for itself
            Err(error) if error.is_transient() => Some(backoff(limits, &self.surroundings, tries)),
            Err(_) => None,
        };
        match wait {
            Some(wait) if tries < limits.attempts => Step::Wait(wait),
            _ => Step::Done(Box::new(outcome)),
        }
    }

    /// The wait the vendor asks for, where it asks for one that we would keep.
    fn asked_wait(&self, answer: &Answer) -> Option<Duration> {
        if !matches!(answer.status, 408 | 429 | 500..=599) {
            return None;
        }
        let (_, value) = answer.headers.iter().find(|(name, _)| name == RETRY_AFTER.as_str())?;
        let wait = retry_after(value, self.surroundings.clock.now())?;
        (wait <= self.transport.limits().retry_after_cap).then_some(wait)
    }
}

enum Step {
    Done(Box<Result<Answer, SendError>>),
    Wait(Duration),
}

/// One request while it is tried.
struct Exchange<'a> {
    client: &'a Client,
    account: AccountId,
    connector: &'a Connector,
    prepared: &'a Prepared,
    /// A token was refused once, and its successor is in use.
    fresh_token: bool,
    /// Which try this is, from 1.
    tries: u32,
}

impl Exchange<'_> {
    async fn attempt(
        &mut self,
        request_id: Uuid,
        tries: u32,
        place: Option<OwnedSemaphorePermit>,
    ) -> Result<Answer, SendError> {
        self.tries = tries;
        let response = self.authorized(request_id).await?;
        let (status, headers) = (response.status().as_u16(), shown_headers(response.headers()));
        let mut body = Body::new(response, self.client.transport.limits(), place);
        body.peek().await?;
        Ok(Answer { status, headers, body })
    }

    /// A refused token is dropped and replaced once in a request's life: it may have been revoked early.
    async fn authorized(&mut self, request_id: Uuid) -> Result<reqwest::Response, SendError> {
        let Auth::OAuth(audience) = &self.prepared.auth else {
            return self.exchanged(request_id, None).await;
        };
        loop {
            let credentials = &self.client.credentials;
            let token = credentials.access(self.account, self.connector, audience).await?;
            let response = self.exchanged(request_id, Some(&token)).await?;
            let is_forbidden = response.status() == StatusCode::FORBIDDEN;
            if is_forbidden && credentials.application_refused(self.account, audience, &token) {
                continue;
            }
            if response.status() != StatusCode::UNAUTHORIZED || self.fresh_token {
                return Ok(response);
            }
            self.fresh_token = true;
            credentials.forget(self.account, audience, &token);
        }
    }

    async fn exchanged(
        &self,
        request_id: Uuid,
        token: Option<&Secret>,
    ) -> Result<reqwest::Response, SendError> {
        let mut headers = self.prepared.headers(request_id, self.client.surroundings.chance.uuid())?;
        if let Some((name, value)) = self.credential(token).await? {
            headers.insert(name, value);
        }
        let mut request = reqwest::Request::new(self.prepared.method.clone(), self.prepared.url.clone());
        *request.headers_mut() = headers.clone();
        *request.body_mut() = self.prepared.body.clone().map(reqwest::Body::from);
        let outcome = match self.client.transport.send(self.prepared.by_operator, request).await {
            Ok(response) => self.followed(response, headers).await,
            Err(error) => Err(error),
        };
        self.trace(request_id, &outcome);
        outcome
    }

    /// The URL without its query, which may hold a signature; of a download only the host.
    fn trace(&self, request_id: Uuid, outcome: &Result<reqwest::Response, SendError>) {
        tracing::debug!(
            account.id = %self.account,
            http.call = self.prepared.call,
            http.method = %self.prepared.method,
            http.host = host_of(&self.prepared.url),
            http.path = shown_path(self.prepared),
            http.status = outcome.as_ref().ok().map(|response| response.status().as_u16()),
            http.error = outcome.as_ref().err().map(SendError::code),
            http.attempt = self.tries,
            http.request_id = %request_id,
            "vendor request"
        );
    }

    async fn credential(
        &self,
        token: Option<&Secret>,
    ) -> Result<Option<(HeaderName, HeaderValue)>, SendError> {
        let unusable = || SendError::NotGranted("a credential that is no header value".into());
        let (name, text) = match (&self.prepared.auth, token) {
            (Auth::OAuth(_), Some(token)) => {
                (AUTHORIZATION, zeroize::Zeroizing::new(format!("Bearer {}", token.expose())))
            }
            (Auth::SecretHeader(name), _) => {
                let secret = self.client.credentials.secret(self.account, self.connector).await?;
                let name = HeaderName::try_from(name.to_ascii_lowercase()).map_err(|_| unusable())?;
                (name, zeroize::Zeroizing::new(secret.expose().to_owned()))
            }
            _ => return Ok(None),
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| unusable())?;
        value.set_sensitive(true);
        Ok(Some((name, value)))
    }

    /// Redirects of a GET stay at the endpoint, or go to a download host — and then carry nothing of ours.
    async fn followed(
        &self,
        mut response: reqwest::Response,
        mut headers: HeaderMap,
    ) -> Result<reqwest::Response, SendError> {
        let mut here = self.prepared.url.clone();
        let mut hops = 0;
        while let Some(there) = redirect_target(&self.prepared.method, &here, &response) {
            let refused = || SendError::RedirectRefused(host_of(&there));
            hops += 1;
            if hops > self.client.transport.limits().redirects {
                return Err(refused());
            }
            let by_operator = if there.origin() == here.origin() && there.username().is_empty() {
                self.hop_by_operator(&here)
            } else {
                headers.clear();
                download_host(self.connector, &there).ok_or_else(refused)?
            };
            let mut request = reqwest::Request::new(Method::GET, there.clone());
            *request.headers_mut() = headers.clone();
            response = self.client.transport.send(by_operator, request).await?;
            here = there;
        }
        Ok(response)
    }

    fn hop_by_operator(&self, here: &Url) -> bool {
        if here.origin() == self.prepared.url.origin() {
            return self.prepared.by_operator;
        }
        download_host(self.connector, here).unwrap_or(false)
    }
}

fn redirect_target(method: &Method, here: &Url, response: &reqwest::Response) -> Option<Url> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    if method != Method::GET || !redirects {
        return None;
    }
    here.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()
}

/// A cookie is the vendor's secret towards us: no plugin and no stored page needs it.
fn shown_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, _)| *name != SET_COOKIE)
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect()
}
