//! Token requests on the wire: no redirects, small answers, patience where the vendor asks for it.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use http::header::RETRY_AFTER;
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};

use crate::body::Body;
use crate::error::SendError;
use crate::pacing::{backoff, retry_after};
use crate::secret::Secret;
use crate::surroundings::Surroundings;
use crate::transport::{Transport, host_of};

/// A token response is a few kilobytes; more is not one.
const RESPONSE_CAP: usize = 256 * 1024;

#[derive(Debug, thiserror::Error)]
#[error("the token endpoint is busy or out of reach")]
pub(crate) struct Busy;

/// What token requests and everything like them go through.
pub(crate) struct TokenHttp<'a> {
    pub transport: &'a Transport,
    pub surroundings: &'a Surroundings,
    pub by_operator: bool,
    pub attempts: u32,
    /// The client's statement anew, where it proves itself by one.
    pub again: &'a (dyn Fn() -> Option<Secret> + Sync),
}

impl<'c> AsyncHttpClient<'c> for TokenHttp<'_> {
    type Error = Busy;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Busy>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.tried(request))
    }
}

impl TokenHttp<'_> {
    /// "Busy" and lost connections are tried again; any other answer is the library's to read.
    async fn tried(&self, mut request: HttpRequest) -> Result<HttpResponse, Busy> {
        let limits = self.transport.limits();
        let mut tries = 1;
        loop {
            let outcome = self.sent(&request).await;
            tracing::debug!(
                http.host = request.uri().authority().map_or("?", |authority| authority.as_str()),
                http.status = outcome.as_ref().map_or(0, |response| response.status().as_u16()),
                http.attempt = tries,
                "token request"
            );
            let asked = match outcome {
                Ok(response) if !is_busy(&response) => return Ok(response),
                Ok(response) => self.asked_wait(&response),
                Err(Busy) => None,
            };
            let wait = asked.unwrap_or_else(|| backoff(limits, self.surroundings, tries));
            if tries >= self.attempts || wait > limits.retry_after_cap {
                return Err(Busy);
            }
            self.surroundings.pace.sleep(wait).await;
            tries += 1;
            request = self.renewed(request);
        }
    }

    /// A statement is good for one request, and the vendor may have seen the one that got no answer.
    fn renewed(&self, request: HttpRequest) -> HttpRequest {
        let Some(statement) = (self.again)() else { return request };
        let (parts, body) = request.into_parts();
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in url::form_urlencoded::parse(&body) {
            let value = if name == "client_assertion" { statement.expose().into() } else { value };
            form.append_pair(&name, &value);
        }
        HttpRequest::from_parts(parts, form.finish().into_bytes())
    }

    fn asked_wait(&self, response: &HttpResponse) -> Option<Duration> {
        let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
        retry_after(value, self.surroundings.clock.now())
    }

    async fn sent(&self, request: &HttpRequest) -> Result<HttpResponse, Busy> {
        let url = request.uri().to_string().parse().map_err(|_| Busy)?;
        let mut sent = reqwest::Request::new(request.method().clone(), url);
        sent.headers_mut().extend(request.headers().clone());
        *sent.body_mut() = Some(request.body().clone().into());
        let response = self.transport.send(self.by_operator, sent).await.map_err(|error| {
            tracing::warn!(
                error.code = error.code(),
                http.host = request.uri().host(),
                "token endpoint out of reach"
            );
            Busy
        })?;
        let mut answer = http::Response::builder().status(response.status());
        for (name, value) in response.headers() {
            answer = answer.header(name, value);
        }
        let body = Body::new(response, self.transport.limits(), None)
            .collect(RESPONSE_CAP)
            .await
            .map_err(|_| Busy)?;
        answer.body(body.to_vec()).map_err(|_| Busy)
    }
}

fn is_busy(response: &HttpResponse) -> bool {
    matches!(response.status().as_u16(), 408 | 429 | 500..=599)
}

/// Gets a small JSON document, such as signing keys, from the authority.
pub(crate) async fn fetch_json(
    transport: &Transport,
    by_operator: bool,
    url: url::Url,
) -> Result<serde_json::Value, SendError> {
    let host = host_of(&url);
    let response = transport.send(by_operator, reqwest::Request::new(http::Method::GET, url)).await?;
    if response.status() != http::StatusCode::OK {
        return Err(SendError::Unreachable(host));
    }
    let body = Body::new(response, transport.limits(), None).collect(RESPONSE_CAP).await?;
    serde_json::from_slice(&body).map_err(|_| SendError::Damaged)
}
