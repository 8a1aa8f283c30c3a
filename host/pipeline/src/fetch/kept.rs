//! What of an answer is held before it is written: its pages, the room they take, what is noted and recorded of it.
//!
//! **Invariant:** whoever waits for room holds none, so no request waits for another for ever.

use purser_domain::Digest;
use purser_store::runs::{Page, Request};
use sha2::Digest as _;

use super::Failure;
use crate::recording::Tape;
use crate::sent::Note;
use crate::work::{Place, Work};

/// Pages of the answer that are not yet staged.
pub(super) struct Kept {
    pub(super) note: Note,
    pub(super) pages: Vec<Page>,
    pub(super) unstaged_bytes: usize,
    pub(super) pages_seen: u64,
    pub(super) records: u64,
    body: Option<sha2::Sha256>,
    pub(super) place: Option<Place>,
    /// What a recording takes of the answer; none where nobody records.
    pub(super) tape: Option<Tape>,
}

impl Kept {
    pub(super) fn begin(work: &Work) -> Self {
        Self {
            note: Note::begin(work),
            pages: Vec::new(),
            unstaged_bytes: 0,
            pages_seen: 0,
            records: 0,
            body: None,
            place: None,
            tape: Tape::begin(work),
        }
    }

    /// Takes a place for a page. Whoever has to wait for one stages its pages first and so holds none: else all could
    /// wait for each other.
    pub(super) async fn make_room(
        &mut self,
        work: &Work,
        request: &Request,
        bytes: usize,
    ) -> Result<(), Failure> {
        let place = match work.room.try_take(bytes) {
            Some(place) => Some(place),
            None => {
                self.stage(work, request).await?;
                work.room.take(bytes).await
            }
        };
        match (&mut self.place, place) {
            (Some(held), Some(place)) => held.merge(place),
            (held, place) => *held = held.take().or(place),
        }
        Ok(())
    }

    /// Writes the pages so far; nothing of them is visible yet.
    pub(super) async fn stage(&mut self, work: &Work, request: &Request) -> Result<(), Failure> {
        let pages = std::mem::take(&mut self.pages);
        self.unstaged_bytes = 0;
        if !pages.is_empty() {
            let staged = work.store.stage_pages(work.fence, request.number, pages).await;
            staged.map_err(|error| Failure::last("RUN-STORE", error))?;
        }
        self.place = None;
        Ok(())
    }

    pub(super) fn take(&mut self, page: Page) {
        self.tape.iter_mut().for_each(|tape| tape.learn(&page.facts));
        self.unstaged_bytes += page.bytes.len();
        self.pages_seen += 1;
        self.records += page.balance.received.records;
        self.body.get_or_insert_default().update(page.digest.as_bytes());
        self.pages.push(page);
    }

    pub(super) fn body_digest(&self) -> Option<Digest> {
        self.body.clone().map(|hash| Digest::from_bytes(hash.finalize().into()))
    }
}
