//! What stays of a request that was sent: the line of the run's log that tells of it, and what is kept of the request.

use std::time::Duration;

use jiff::Timestamp;
use purser_runtime::contract::crawl;
use purser_store::sent::Sent;

use crate::work::Work;

/// One request while it is under way.
pub struct Note {
    at: Timestamp,
    begun: Duration,
    /// Where it went, filled in by the client.
    pub sent: purser_vendor::Sent,
    /// Bytes of the answer so far.
    pub bytes: u64,
}

impl Note {
    /// Begins with the request.
    #[must_use]
    pub fn begin(work: &Work) -> Self {
        let begun = work.client.pace().elapsed();
        Self { at: work.now(), begun, sent: purser_vendor::Sent::default(), bytes: 0 }
    }

    /// More of the answer has come.
    pub fn received(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// The line, once the answer is read. `code` is that of what went wrong after the head of the answer was there.
    #[must_use]
    pub fn line(&self, work: &Work, request: u64, code: Option<&str>) -> Sent {
        let took = work.client.pace().elapsed().saturating_sub(self.begun);
        Sent {
            at: self.at,
            call: self.sent.call.clone(),
            method: self.sent.method.clone(),
            host: self.sent.host.clone(),
            path: self.sent.path.clone(),
            status: self.sent.status,
            code: code.unwrap_or(&self.sent.code).to_owned(),
            bytes: self.bytes,
            attempts: self.sent.attempts,
            millis: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            request_id: work.request_id(request).to_string(),
        }
    }
}

/// What is kept of a request that has ended, where that is not all: an address the vendor made is a key to what lies
/// there, in any part of it, and what a plugin noted for itself may name another one.
#[must_use]
pub fn kept_of(request: &str) -> Option<String> {
    let mut request: crawl::Request = serde_json::from_str(request).ok()?;
    let is_plain = request.state.is_empty() && matches!(request.target, crawl::Target::Call(_));
    if is_plain {
        return None;
    }
    request.state.clear();
    if let crawl::Target::Absolute(address) = &mut request.target {
        let host = url::Url::parse(address).map(|url| url.origin().ascii_serialization());
        *address = format!("{}/…", host.unwrap_or_default());
    }
    serde_json::to_string(&request).ok()
}
