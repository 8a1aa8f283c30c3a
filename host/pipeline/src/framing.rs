//! From an answer's body to pages: cut on record borders, every record verbatim.
//!
//! A page is what the sandbox maps in one call and what is kept as evidence: 1–4 MiB of whole records. JSON items
//! become a JSON array of the items as received, lines stay lines, CSV rows keep their header. Bodies of lines and CSV
//! stream, so a download of many gigabytes never stands in memory; a JSON document is held whole, up to a cap.
//!
//! **Invariant:** [`records`] of a page gives back exactly the records that were cut, in order: an ordinal names the
//! same bytes for ever.

mod csv_rows;
mod json_items;

use std::ops::Range;

use bytes::Bytes;
use purser_runtime::contract::manifest::Framing;

/// Sizes that bound memory.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// A page is closed once it holds this many bytes.
    pub page: usize,
    /// The longest JSON document that is taken whole.
    pub document: usize,
    /// The longest single record of a streamed body.
    pub record: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { page: 2 << 20, document: 96 << 20, record: 16 << 20 }
    }
}

/// Some records of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The page.
    pub bytes: Bytes,
    /// How many records it holds.
    pub records: u32,
}

/// Why a body is no page of the feed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// Not JSON, or cut off.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// JSON, but not of the promised shape.
    #[error("the body has no array at {0:?}")]
    NoArray(String),
    /// Not text.
    #[error("the body is not UTF-8 text")]
    NotText,
    /// Larger than the limits allow.
    #[error("the body holds a {0} of more than {1} bytes")]
    TooLarge(&'static str, usize),
}

/// Cuts one body into pages as it arrives.
pub struct Framer {
    framing: Framing,
    sizes: Sizes,
    pending: Vec<u8>,
    /// Of `pending`: how far it was searched for record ends.
    searched: usize,
    csv: csv_rows::Rows,
}

impl Framer {
    /// For one body.
    #[must_use]
    pub fn new(framing: Framing, sizes: Sizes) -> Self {
        Self { framing, sizes, pending: Vec::new(), searched: 0, csv: csv_rows::Rows::default() }
    }

    /// Takes the next bytes; gives the pages that are full.
    ///
    /// # Errors
    /// Where the body, or one record of it, is larger than the limits allow.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Cut>, FramingError> {
        self.pending.extend_from_slice(bytes);
        match self.framing {
            Framing::JsonItems(_) | Framing::JsonWhole => {
                self.limit("document", self.sizes.document)?;
                Ok(Vec::new())
            }
            Framing::Lines => self.full_pages(lines_end),
            Framing::Csv => self.full_pages(|framer| framer.csv.end_of_rows(&framer.pending)),
        }
    }

    /// Ends the body: the last pages, and the envelope — the body without its records.
    ///
    /// # Errors
    /// Where the body is no page of the feed.
    pub fn finish(mut self) -> Result<(Vec<Cut>, String), FramingError> {
        let body = std::mem::take(&mut self.pending);
        match &self.framing {
            Framing::JsonItems(pointer) => json_items::cut(&body, pointer, self.sizes.page),
            Framing::JsonWhole => {
                serde_json::from_slice::<serde::de::IgnoredAny>(&body)
                    .map_err(|e| FramingError::NotJson(e.to_string()))?;
                Ok((vec![Cut { bytes: body.into(), records: 1 }], String::new()))
            }
            Framing::Lines => Ok((line_pages(&body, self.sizes.page).whole(), String::new())),
            Framing::Csv => Ok((self.csv.pages(&body, self.sizes.page).whole(), String::new())),
        }
    }

    /// Pages are full by the records in them, never by how the body arrived: the same body gives the same pages.
    fn full_pages(&mut self, end_of_records: impl Fn(&mut Self) -> usize) -> Result<Vec<Cut>, FramingError> {
        if self.pending.len() < self.sizes.page {
            return Ok(Vec::new());
        }
        let end = end_of_records(self);
        if self.pending.len() - end > self.sizes.record {
            return Err(FramingError::TooLarge("record", self.sizes.record));
        }
        if end == 0 {
            return Ok(Vec::new());
        }
        let whole = self.pending.get(..end).unwrap_or_default();
        let filled = match self.framing {
            Framing::Csv => self.csv.pages(whole, self.sizes.page),
            _ => line_pages(whole, self.sizes.page),
        };
        self.pending.drain(..filled.end);
        self.searched = end - filled.end;
        Ok(filled.pages)
    }

    fn limit(&self, what: &'static str, bytes: usize) -> Result<(), FramingError> {
        if self.pending.len() > bytes { Err(FramingError::TooLarge(what, bytes)) } else { Ok(()) }
    }
}

/// End of the last whole line; remembers how far it has looked.
fn lines_end(framer: &mut Framer) -> usize {
    let unsearched = framer.pending.get(framer.searched..).unwrap_or_default();
    match unsearched.iter().rposition(|byte| *byte == b'\n') {
        Some(position) => framer.searched + position + 1,
        None => {
            framer.searched = framer.pending.len();
            0
        }
    }
}

/// Pages cut from whole records.
#[derive(Default)]
struct Filled {
    pages: Vec<Cut>,
    /// Where the last full page ends in what they were cut from.
    end: usize,
    /// Records behind it, too few for a page of their own while the body goes on.
    last: Option<Cut>,
}

impl Filled {
    /// All pages of a body that has ended.
    fn whole(self) -> Vec<Cut> {
        self.pages.into_iter().chain(self.last).collect()
    }
}

fn line_pages(text: &[u8], page_size: usize) -> Filled {
    let mut filled = Filled::default();
    let (mut page, mut records, mut position) = (Vec::new(), 0, 0);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        position += line.len();
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        page.extend_from_slice(line);
        page.push(b'\n');
        records += 1;
        if page.len() >= page_size {
            let bytes = std::mem::take(&mut page).into();
            filled.pages.push(Cut { bytes, records: std::mem::take(&mut records) });
            filled.end = position;
        }
    }
    filled.last = (records > 0).then(|| Cut { bytes: page.into(), records });
    filled
}

/// The records of a page, by ordinal.
///
/// # Errors
/// Where the bytes are no page of this framing.
pub fn records(framing: &Framing, page: &[u8]) -> Result<Vec<Range<usize>>, FramingError> {
    match framing {
        Framing::JsonItems(_) => json_items::ranges(page),
        Framing::JsonWhole => Ok(std::iter::once(0..page.len()).collect()),
        Framing::Lines => {
            let ends = page.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(end, _)| end);
            Ok(ends.scan(0, |start, end| Some(std::mem::replace(start, end + 1)..end)).collect())
        }
        Framing::Csv => Ok(csv_rows::ranges(page)),
    }
}

/// A page of only these records of a page.
#[must_use]
pub fn page_of(framing: &Framing, page: &[u8], records: &[Range<usize>]) -> Vec<u8> {
    let cut = |range: &Range<usize>| page.get(range.clone()).unwrap_or_default();
    match framing {
        Framing::JsonItems(_) => json_items::array_of(records.iter().map(cut)),
        Framing::JsonWhole => records.iter().flat_map(cut).copied().collect(),
        Framing::Lines => records.iter().map(cut).flat_map(|line| [line, b"\n"]).flatten().copied().collect(),
        Framing::Csv => {
            let header = page.get(..csv_rows::header_end(page)).unwrap_or_default();
            std::iter::once(header).chain(records.iter().map(cut)).flatten().copied().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_all(framing: &Framing, body: &[u8], chunk: usize, page: usize) -> (Vec<Cut>, String) {
        let mut framer = Framer::new(framing.clone(), Sizes { page, ..Sizes::default() });
        let mut pages = Vec::new();
        for bytes in body.chunks(chunk) {
            pages.extend(framer.push(bytes).unwrap());
        }
        let (last, envelope) = framer.finish().unwrap();
        pages.extend(last);
        (pages, envelope)
    }

    fn texts(framing: &Framing, pages: &[Cut]) -> Vec<String> {
        let mut texts = Vec::new();
        for page in pages {
            let ranges = records(framing, &page.bytes).unwrap();
            assert_eq!(ranges.len(), page.records as usize);
            texts.extend(
                ranges.into_iter().map(|range| String::from_utf8(page.bytes[range].to_vec()).unwrap()),
            );
        }
        texts
    }

    #[test]
    fn json_items_keep_every_byte_of_a_record_and_leave_the_envelope() {
        let framing = Framing::JsonItems("/items".into());
        let body = br#"{"totalCount":2,"items":[{"q": 1.10 }, {"q":2e3}],"links":{"next":{"uri":"x"}}}"#;
        let (pages, envelope) = cut_all(&framing, body, 7, 8);
        assert_eq!(texts(&framing, &pages), [r#"{"q": 1.10 }"#, r#"{"q":2e3}"#]);
        assert_eq!(pages.len(), 2, "each record is longer than half a page");
        assert_eq!(envelope, r#"{"totalCount":2,"items":[],"links":{"next":{"uri":"x"}}}"#);
    }

    #[test]
    fn lines_and_rows_are_the_same_however_the_body_arrives() {
        let lines = b"{\"a\":1}\n\n {\"a\":2}\r\n{\"a\":3}";
        let rows = b"id,text\n1,\"two\nlines\"\n2,b\n3,\"c \"\"q\"\"\"\n";
        for (framing, body) in [(Framing::Lines, &lines[..]), (Framing::Csv, &rows[..])] {
            let whole = texts(&framing, &cut_all(&framing, body, usize::MAX, 1 << 20).0);
            assert_eq!(whole.len(), 3);
            let pages = cut_all(&framing, body, usize::MAX, 5).0;
            assert!(pages.len() > 1);
            for chunk in 1..body.len() {
                let cut = cut_all(&framing, body, chunk, 5).0;
                assert_eq!(texts(&framing, &cut), whole, "chunks of {chunk}");
                assert_eq!(cut, pages, "chunks of {chunk}: evidence names pages by their bytes");
            }
        }
    }

    #[test]
    fn a_page_of_some_records_holds_just_these() {
        let framing = Framing::Csv;
        let page = b"id,n\n1,a\n2,b\n3,c\n";
        let ranges = records(&framing, page).unwrap();
        assert_eq!(page_of(&framing, page, &ranges[1..2]), b"id,n\n2,b\n");
        let framing = Framing::JsonItems("/items".into());
        let ranges = records(&framing, b"[1,[2],{}]").unwrap();
        assert_eq!(page_of(&framing, b"[1,[2],{}]", &ranges[1..]), b"[[2],{}]");
    }

    #[test]
    fn a_body_that_is_no_page_says_why() {
        let whole = |framing: Framing, body: &[u8]| {
            let mut framer = Framer::new(framing, Sizes::default());
            framer.push(body).unwrap();
            framer.finish().unwrap_err()
        };
        let items = Framing::JsonItems("/items".into());
        assert!(matches!(whole(items.clone(), b"<html>"), FramingError::NotJson(_)));
        assert!(matches!(whole(items.clone(), br#"{"items":[{"a":1}"#), FramingError::NotJson(_)));
        assert!(matches!(whole(items.clone(), br#"{"items":[{"a":1}]} more"#), FramingError::NotJson(_)));
        for without in [&br#"{"code":2000}"#[..], b"[1]", br#"{"items":{}}"#] {
            assert_eq!(whole(items.clone(), without), FramingError::NoArray("/items".into()));
        }
        assert!(matches!(whole(Framing::JsonWhole, b"nothing"), FramingError::NotJson(_)));
    }

    #[test]
    fn a_record_without_end_is_refused_before_it_fills_memory() {
        let mut framer = Framer::new(Framing::Lines, Sizes { page: 4, document: 8, record: 16 });
        assert!(framer.push(&[b'x'; 10]).is_ok());
        assert_eq!(framer.push(&[b'x'; 10]), Err(FramingError::TooLarge("record", 16)));
        let mut framer = Framer::new(Framing::JsonWhole, Sizes { page: 4, document: 8, record: 16 });
        assert_eq!(framer.push(&[b'x'; 10]), Err(FramingError::TooLarge("document", 8)));
    }
}
