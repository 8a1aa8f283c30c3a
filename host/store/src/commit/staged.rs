//! The staged contributions of a key range.

use purser_domain::sum;

use super::{ChunkHead, KeyRange, LedgerIo};
use crate::Result;
use crate::codec::read_contribution;
use crate::staging::{Entry, entries};

/// The staged contributions of a key range, sorted, still packed.
pub(super) struct Staged {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Staged {
    /// Reads the chunks that overlap the range.
    pub(super) async fn load(io: &mut dyn LedgerIo, chunks: &[ChunkHead], range: &KeyRange) -> Result<Self> {
        let mut staged = Self { bytes: Vec::new(), entries: Vec::new() };
        for head in chunks.iter().filter(|head| range.overlaps(head)) {
            let offset = staged.bytes.len();
            let chunk = io.chunk(head).await?;
            staged.bytes.extend_from_slice(&chunk);
            let found = entries(&staged.bytes, offset)?;
            staged.entries.extend(found.into_iter().filter(|entry| range.holds(&entry.key)));
        }
        // Stable, and chunks come in the order of requests and pages: the first record of a reference stays first.
        staged.entries.sort_by_key(|entry| entry.key);
        Ok(staged)
    }

    /// Entries of one key each.
    pub(super) fn groups(&self) -> impl Iterator<Item = &[Entry]> {
        self.entries.chunk_by(|one, next| one.key == next.key)
    }

    /// Reads a group and sums it.
    pub(super) fn fold(&self, group: &[Entry]) -> Result<Option<sum::Folded>> {
        let mut contributions = group.iter().map(|entry| read_contribution(entry.packed(&self.bytes)));
        let Some(first) = contributions.next().transpose()? else { return Ok(None) };
        match group.len() {
            1 => Ok(Some(sum::fold(first, []))),
            _ => Ok(Some(sum::fold(first, contributions.collect::<Result<Vec<_>>>()?))),
        }
    }
}
