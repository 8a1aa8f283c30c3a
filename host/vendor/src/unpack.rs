//! Unpacks gzip while bytes arrive, in bounded steps.
//!
//! An answer may be packed on the way (`content-encoding`) and be a gzip file itself, and servers mislabel both. So
//! the bytes decide: up to two layers are taken off where the first two bytes say gzip. Members may be concatenated;
//! an end in the middle of a member is [`Fault::CutOff`].

use std::io::Write as _;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;

/// Output of one step stays near this size, however dense the input.
const STEP_BYTES: usize = 64 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Why bytes can not be unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// They end too early.
    CutOff,
    /// They are not what their first bytes promise.
    Damaged,
}

/// Takes packed bytes in, gives plain ones out.
pub(crate) struct Unpacker {
    wire: Bytes,
    wire_ended: bool,
    outer: Layer,
    outer_ended: bool,
    between: Bytes,
    inner: Layer,
    inner_ended: bool,
}

impl Unpacker {
    pub(crate) fn new() -> Self {
        Self {
            wire: Bytes::new(),
            wire_ended: false,
            outer: Layer::Unknown(Vec::new()),
            outer_ended: false,
            between: Bytes::new(),
            inner: Layer::Unknown(Vec::new()),
            inner_ended: false,
        }
    }

    /// More from the wire. Only to be called after [`Self::next`] gave nothing.
    pub(crate) fn push(&mut self, bytes: Bytes) {
        self.wire = bytes;
    }

    /// The wire has ended.
    pub(crate) fn end(&mut self) {
        self.wire_ended = true;
    }

    /// The next plain bytes; nothing: more is needed, or all has been given.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            if !self.between.is_empty() {
                if let Some(plain) = self.inner.feed(&mut self.between)? {
                    return Ok(Some(plain));
                }
            } else if !self.wire.is_empty() {
                self.between = self.outer.feed(&mut self.wire)?.unwrap_or_default();
            } else if self.wire_ended && !self.outer_ended {
                self.outer_ended = true;
                self.between = self.outer.finish()?.unwrap_or_default();
            } else if self.outer_ended && !self.inner_ended {
                self.inner_ended = true;
                return self.inner.finish();
            } else {
                return Ok(None);
            }
        }
    }
}

enum Layer {
    /// Fewer than two bytes seen.
    Unknown(Vec<u8>),
    Plain,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Finished,
}

impl Layer {
    /// Takes some of the input and gives at most about [`STEP_BYTES`] of output where it is packed.
    fn feed(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, Fault> {
        if let Self::Unknown(seen) = self {
            seen.extend_from_slice(&std::mem::take(input));
            if seen.len() < GZIP_MAGIC.len() {
                return Ok(None);
            }
            *input = Bytes::from(std::mem::take(seen));
            *self = if input.starts_with(&GZIP_MAGIC) {
                Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))
            } else {
                Self::Plain
            };
        }
        match self {
            Self::Gzip(decoder) => inflate(decoder, input),
            _ => Ok(Some(std::mem::take(input))),
        }
    }

    fn finish(&mut self) -> Result<Option<Bytes>, Fault> {
        let rest = match std::mem::replace(self, Self::Finished) {
            Self::Unknown(seen) => seen,
            // At the end of the input a damaged trailer and a missing one look alike.
            Self::Gzip(decoder) => decoder.finish().map_err(|_| Fault::CutOff)?,
            Self::Plain | Self::Finished => Vec::new(),
        };
        Ok((!rest.is_empty()).then(|| Bytes::from(rest)))
    }
}

fn inflate(decoder: &mut MultiGzDecoder<Vec<u8>>, input: &mut Bytes) -> Result<Option<Bytes>, Fault> {
    // One write fills at most the decoder's own buffer of 32 KiB, so the output can not run away between two looks.
    while !input.is_empty() && decoder.get_ref().len() < STEP_BYTES {
        match decoder.write(input) {
            Ok(0) | Err(_) => return Err(Fault::Damaged),
            Ok(taken) => drop(input.split_to(taken)),
        }
    }
    let plain = std::mem::take(decoder.get_mut());
    Ok((!plain.is_empty()).then(|| Bytes::from(plain)))
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn pack(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(packed: &[u8], step: usize) -> Result<Vec<u8>, Fault> {
        let (mut unpacker, mut plain) = (Unpacker::new(), Vec::new());
        for chunk in packed.chunks(step) {
            unpacker.push(Bytes::copy_from_slice(chunk));
            while let Some(bytes) = unpacker.next()? {
                plain.extend_from_slice(&bytes);
            }
        }
        unpacker.end();
        while let Some(bytes) = unpacker.next()? {
            plain.extend_from_slice(&bytes);
        }
        Ok(plain)
    }

    fn lines() -> Vec<u8> {
        (0..20_000).flat_map(|n| format!("{{\"line\":{n}}}\n").into_bytes()).collect()
    }

    #[test]
    fn plain_bytes_pass_as_they_are() {
        for plain in [&b""[..], b"x", b"{}", b"\x1fx"] {
            assert_eq!(unpack(plain, 1).unwrap(), plain);
        }
    }

    #[test]
    fn gzip_is_unpacked_whatever_the_chunks() {
        let packed = pack(&lines());
        for step in [1, 7, 1000, packed.len()] {
            assert_eq!(unpack(&packed, step).unwrap(), lines(), "{step}");
        }
    }

    #[test]
    fn a_packed_gzip_file_is_unpacked_twice() {
        assert_eq!(unpack(&pack(&pack(&lines())), 100).unwrap(), lines());
    }

    #[test]
    fn concatenated_members_are_one_body() {
        let packed = [pack(b"one "), pack(b"two "), pack(&lines())].concat();
        assert_eq!(unpack(&packed, 3).unwrap(), [b"one two ".to_vec(), lines()].concat());
    }

    #[test]
    fn every_truncation_of_gzip_is_noticed() {
        let packed = pack(b"some text that is long enough to have a body");
        for length in 2..packed.len() {
            assert_eq!(unpack(&packed[..length], 5), Err(Fault::CutOff), "{length} of {}", packed.len());
        }
    }

    #[test]
    fn damaged_gzip_is_noticed() {
        let mut packed = pack(&lines());
        let middle = packed.len() / 2;
        for byte in &mut packed[middle..middle + 40] {
            *byte ^= 0x5a;
        }
        assert!(unpack(&packed, 100).is_err());
    }

    #[test]
    fn a_step_never_gives_much_more_than_its_bound() {
        let packed = pack(&vec![0; 20_000_000]);
        let mut unpacker = Unpacker::new();
        unpacker.push(Bytes::from(packed));
        let mut largest = 0;
        while let Some(bytes) = unpacker.next().unwrap() {
            largest = largest.max(bytes.len());
        }
        assert!(largest <= 2 * STEP_BYTES, "{largest}");
    }
}
