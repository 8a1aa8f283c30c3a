//! An answer's body: unpacked while it streams, within limits, cut-offs noticed.
//!
//! While a body is alive it holds one of the account's places for concurrent requests.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::error::SendError;
use crate::transport::HttpLimits;
use crate::unpack::{Fault, Unpacker};

/// Below this size no ratio is held against an answer.
const FREE_RATIO_BYTES: u64 = 4 * 1024 * 1024;
/// A body unpacked in one piece lies in memory.
const WHOLE_CAP: usize = 1 << 30;

/// An answer's body, read chunk by chunk.
pub struct Body {
    response: Option<reqwest::Response>,
    unpacker: Unpacker,
    limits: BodyLimits,
    received: u64,
    given: u64,
    /// Answers the same for ever after the first failure.
    broken: bool,
    _place: Option<OwnedSemaphorePermit>,
}

struct BodyLimits {
    idle: Duration,
    deadline: Instant,
    wire_bytes: u64,
    body_bytes: u64,
    ratio: u32,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body")
            .field("received", &self.received)
            .field("given", &self.given)
            .finish_non_exhaustive()
    }
}

impl Body {
    pub(crate) fn new(
        response: reqwest::Response,
        limits: &HttpLimits,
        place: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let limits = BodyLimits {
            idle: limits.idle,
            deadline: Instant::now() + limits.body_deadline,
            wire_bytes: limits.wire_bytes,
            body_bytes: limits.body_bytes,
            ratio: limits.ratio,
        };
        let unpacker = Unpacker::new();
        Self {
            response: Some(response),
            unpacker,
            limits,
            received: 0,
            given: 0,
            broken: false,
            _place: place,
        }
    }

    /// Waits for the first bytes from the wire, so that a cut-off before them can still be answered by a new try.
    pub(crate) async fn peek(&mut self) -> Result<(), SendError> {
        self.receive().await
    }

    /// The next bytes, unpacked; none when the body is complete.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, SendError> {
        if self.broken {
            return Err(SendError::CutOff);
        }
        let chunk = self.next_chunk().await;
        self.broken = chunk.is_err();
        chunk
    }

    /// The whole body, which must be small.
    pub async fn collect(mut self, cap: usize) -> Result<Bytes, SendError> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if whole.len() + chunk.len() > cap {
                return Err(SendError::TooLarge(u64::try_from(cap).unwrap_or(u64::MAX)));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    async fn next_chunk(&mut self) -> Result<Option<Bytes>, SendError> {
        loop {
            if let Some(plain) = self.unpacker.next().map_err(send_error)? {
                self.count(&plain)?;
                return Ok(Some(plain));
            }
            if self.response.is_none() {
                return Ok(None);
            }
            self.receive().await?;
        }
    }

    async fn receive(&mut self) -> Result<(), SendError> {
        let Some(response) = &mut self.response else {
            return Ok(());
        };
        let patience = self.limits.idle.min(self.limits.deadline.saturating_duration_since(Instant::now()));
        let read = tokio::time::timeout(patience, response.chunk()).await;
        match read.map_err(|_| SendError::CutOff)?.map_err(|_| SendError::CutOff)? {
            Some(bytes) => {
                self.received = self.received.saturating_add(length(&bytes));
                if self.received > self.limits.wire_bytes {
                    return Err(SendError::TooLarge(self.limits.wire_bytes));
                }
                self.unpacker.push(bytes);
            }
            None => {
                self.response = None;
                self.unpacker.end();
            }
        }
        Ok(())
    }

    fn count(&mut self, plain: &Bytes) -> Result<(), SendError> {
        self.given = self.given.saturating_add(length(plain));
        if self.given > self.limits.body_bytes {
            return Err(SendError::TooLarge(self.limits.body_bytes));
        }
        let dense = self.given > self.received.saturating_mul(u64::from(self.limits.ratio));
        if dense && self.given > FREE_RATIO_BYTES {
            return Err(SendError::TooDense(self.limits.ratio));
        }
        Ok(())
    }
}

/// Unpacks a body that was kept as received: the same layers that a streamed one loses.
pub fn unpack_whole(packed: &[u8]) -> Result<Vec<u8>, SendError> {
    let mut unpacker = Unpacker::new();
    unpacker.push(Bytes::copy_from_slice(packed));
    unpacker.end();
    let mut whole = Vec::new();
    while let Some(plain) = unpacker.next().map_err(send_error)? {
        whole.extend_from_slice(&plain);
        if whole.len() > WHOLE_CAP {
            return Err(SendError::TooLarge(u64::try_from(WHOLE_CAP).unwrap_or(u64::MAX)));
        }
    }
    Ok(whole)
}

fn length(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn send_error(fault: Fault) -> SendError {
    match fault {
        Fault::CutOff => SendError::CutOff,
        Fault::Damaged => SendError::Damaged,
    }
}
