//! Staged contributions: a page's, sorted by ledger key, in packed chunks with a key range each.
//!
//! A commit reads only the chunks that overlap the key range it works on, so its memory stays bounded however large the
//! partition is, and nothing is written per record before the commit.

use std::io::Write as _;

use purser_domain::purchase::Key;
use purser_domain::{AccountId, Contribution};

use crate::codec::{append_contribution, unknown};
use crate::{Error, Result};

/// Unpacked bytes of a chunk: small enough to read few records in vain, large enough to compress well.
const CHUNK_BYTES: usize = 192 * 1024;
/// The fastest level that still shrinks repeated words to nothing.
const LEVEL: i32 = 1;
/// Bytes before each contribution: its key and its length.
const HEAD: usize = Key::LENGTH + 4;

/// A packed, sorted part of what a page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The least key in it.
    pub first: Key,
    /// The greatest.
    pub last: Key,
    /// Bytes once unpacked.
    pub length: u64,
    /// The packed bytes.
    pub data: Vec<u8>,
}

/// Packs what a page says about a partition of a feed.
pub fn pack(account: AccountId, feed: &str, contributions: &[Contribution]) -> Result<Vec<Chunk>> {
    let key = |it: &Contribution| Key::new(account, feed, &it.reference, &it.description);
    let mut sorted: Vec<_> = contributions.iter().map(|it| (key(it), it)).collect();
    // Stable: equal references stay in record order, the first one describes their sum.
    sorted.sort_by_key(|(key, _)| *key);
    let (mut chunks, mut open) = (Vec::new(), Open::default());
    for (key, contribution) in sorted {
        open.push(key, contribution)?;
        if open.bytes.len() >= CHUNK_BYTES {
            chunks.extend(std::mem::take(&mut open).close()?);
        }
    }
    chunks.extend(open.close()?);
    Ok(chunks)
}

/// Compresses a page or a list of keys.
pub fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    zstd::bulk::compress(bytes, LEVEL).map_err(|error| Error::Failed(Box::new(error)))
}

/// Undoes [`compress`]; `length` is what was compressed.
pub fn decompress(packed: &[u8], length: u64) -> Result<Vec<u8>> {
    let length = usize::try_from(length).map_err(|_| unknown())?;
    let bytes = zstd::bulk::decompress(packed, length).map_err(|_| unknown())?;
    if bytes.len() == length { Ok(bytes) } else { Err(unknown()) }
}

#[derive(Default)]
struct Open {
    range: Option<(Key, Key)>,
    bytes: Vec<u8>,
}

impl Open {
    fn push(&mut self, key: Key, contribution: &Contribution) -> Result<()> {
        self.range = Some((self.range.map_or(key, |(first, _)| first), key));
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes = append_contribution(contribution, std::mem::take(&mut self.bytes))?;
        let length = self.bytes.len().saturating_sub(start + HEAD);
        let length = u32::try_from(length).map_err(|_| unknown())?;
        if let Some(mut head) = self.bytes.get_mut(start + Key::LENGTH..start + HEAD) {
            head.write_all(&length.to_le_bytes()).map_err(|error| Error::Failed(Box::new(error)))?;
        }
        Ok(())
    }

    fn close(self) -> Result<Option<Chunk>> {
        let Some((first, last)) = self.range else { return Ok(None) };
        let length = self.bytes.len() as u64;
        Ok(Some(Chunk { first, last, length, data: compress(&self.bytes)? }))
    }
}

/// One staged contribution, still packed: where it lies in the bytes it was read from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    start: usize,
    end: usize,
}

impl Entry {
    pub(crate) fn packed<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.start..self.end).unwrap_or_default()
    }
}

/// Finds the contributions in an unpacked chunk that begins at `offset` of `bytes`.
pub(crate) fn entries(bytes: &[u8], mut offset: usize) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    while offset < bytes.len() {
        let head =
            bytes.get(offset..offset + HEAD).and_then(|head| head.split_first_chunk::<{ Key::LENGTH }>());
        let (key, length) = head.ok_or_else(unknown)?;
        let length = u32::from_le_bytes(length.try_into().map_err(|_| unknown())?);
        let (start, end) = (offset + HEAD, offset + HEAD + length as usize);
        if end > bytes.len() {
            return Err(unknown());
        }
        found.push(Entry { key: Key::from_bytes(*key), start, end });
        offset = end;
    }
    Ok(found)
}
