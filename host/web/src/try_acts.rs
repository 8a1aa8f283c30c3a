//! The part of the acts' port that tries plugin versions on stored pages. A try takes as long as it takes, so it is begun,
//! and looked at until it has ended.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::{ConnectorId, Digest};
use purser_pipeline::replay::{Report, Wanted};

use crate::Problem;

/// What pages may try.
#[async_trait]
pub trait TryActs: Send + Sync {
    /// Begins to replay stored pages through an installed version; gives the try's number. Written to the audit trail
    /// under `who`. One is at work at a time.
    async fn begin_try(&self, digest: Digest, wanted: Wanted, who: &str) -> Result<u64, Problem>;
    /// A try of this process; none: there is none of this number, or it is too long ago.
    fn try_of(&self, number: u64) -> Option<Try>;
    /// Stops a try that is at work. Written to the audit trail.
    async fn stop_try(&self, number: u64, who: &str) -> Result<(), Problem>;
}

/// A try and how far it is.
#[derive(Debug, Clone)]
pub struct Try {
    /// Of which connector.
    pub connector: ConnectorId,
    /// Of which version.
    pub digest: Digest,
    /// When it began.
    pub began_at: Timestamp,
    /// Who began it.
    pub who: String,
    /// How far it is.
    pub state: TryState,
}

/// How far a try is.
#[derive(Debug, Clone)]
pub enum TryState {
    /// At work: pages done, and pages there are as far as is known.
    Working(u64, u64),
    /// It has ended.
    Done(Arc<Report>),
    /// It has failed.
    Failed(Problem),
}
