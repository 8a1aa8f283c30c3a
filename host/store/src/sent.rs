//! What a run sent to its vendor, for the person who asks what this host did.
//!
//! **Invariant:** nothing here is a secret: no header, no query, no body, and of a download no path.

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::RunId;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::runs::Fence;

/// Of a run's requests so many are kept from its beginning, and as many from its end.
pub const KEPT_AT_EACH_END: u64 = 1_000;

/// One request and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// When it was begun.
    pub at: Timestamp,
    /// The call of the connector's; empty for a download.
    pub call: String,
    /// `GET` or `POST`; empty where it was refused before it could be sent.
    pub method: String,
    /// Host, and port where it is not the usual one.
    pub host: String,
    /// Of a call, without its query; of a download nothing.
    pub path: String,
    /// Of the last answer; none: there was no answer.
    pub status: Option<u16>,
    /// The code of what went wrong; empty: nothing did.
    pub code: String,
    /// Bytes of the answer, unpacked.
    pub bytes: u64,
    /// How often it was tried.
    pub attempts: u32,
    /// From the first try to the answer's end.
    pub millis: u64,
    /// The id the vendor was given, the same over all tries.
    pub request_id: String,
}

/// A run's requests as far as they are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SentLog {
    /// With their numbers, from 1, in the order they were noted.
    pub lines: Vec<(u64, Sent)>,
    /// All there were, the ones no longer kept included.
    pub total: u64,
}

/// The log of what was sent.
#[async_trait]
pub trait SentLogs: Send + Sync {
    /// Notes requests that no [`Completion`](crate::runs::Completion) tells of. Of a long run those in the middle are
    /// dropped.
    async fn note_sent(&self, fence: Fence, lines: &[Sent]) -> Result<()>;
    /// What a run sent.
    async fn sent(&self, run: RunId) -> Result<SentLog>;
}
