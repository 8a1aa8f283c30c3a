//! CSV rows, found by `csv-core` so that quoted line ends stay inside their row.

use std::ops::Range;

use csv_core::{ReadRecordResult, Reader};

use super::{Cut, Filled};

/// The rows of one body as it arrives.
#[derive(Default)]
pub struct Rows {
    header: Vec<u8>,
}

impl Rows {
    /// End of the last row that is surely whole: a row is whole once another begins.
    pub fn end_of_rows(&self, text: &[u8]) -> usize {
        row_ends(text).iter().rev().nth(1).copied().unwrap_or(0)
    }

    /// Pages of these whole rows; the first row of the body is the header of all.
    pub(super) fn pages(&mut self, rows: &[u8], page_size: usize) -> Filled {
        let mut ends = row_ends(rows).into_iter();
        let mut filled = Filled::default();
        if self.header.is_empty() {
            filled.end = ends.next().unwrap_or(0);
            self.header = ended_row(rows.get(..filled.end).unwrap_or_default());
        }
        let (mut page, mut records, mut start) = (self.header.clone(), 0, filled.end);
        for end in ends {
            page.extend(ended_row(rows.get(start..end).unwrap_or_default()));
            records += 1;
            start = end;
            if page.len() >= page_size {
                filled.pages.push(Cut { bytes: page.into(), records: std::mem::take(&mut records) });
                filled.end = end;
                page = self.header.clone();
            }
        }
        filled.last = (records > 0).then(|| Cut { bytes: page.into(), records });
        filled
    }
}

/// Where the data rows stand in a page.
pub fn ranges(page: &[u8]) -> Vec<Range<usize>> {
    let ends = row_ends(page);
    ends.windows(2).filter_map(|pair| Some(*pair.first()?..*pair.last()?)).collect()
}

/// Where the header row ends.
pub fn header_end(page: &[u8]) -> usize {
    row_ends(page).first().copied().unwrap_or(0)
}

/// A row that surely ends in a line end.
fn ended_row(row: &[u8]) -> Vec<u8> {
    let mut row = row.to_vec();
    if !row.ends_with(b"\n") {
        row.push(b'\n');
    }
    row
}

/// Ends of all rows, blank lines swallowed by the row after them.
fn row_ends(text: &[u8]) -> Vec<usize> {
    let mut reader = Reader::new();
    let (mut fields, mut field_ends) = (vec![0; 4096], vec![0; 256]);
    let mut ends = Vec::new();
    let mut position = 0;
    loop {
        let input = text.get(position..).unwrap_or_default();
        let (result, read, _, _) = reader.read_record(input, &mut fields, &mut field_ends);
        position += read;
        match result {
            ReadRecordResult::Record => ends.push(whole_line_end(text, position)),
            ReadRecordResult::End => return ends,
            ReadRecordResult::InputEmpty if input.is_empty() => return ends,
            ReadRecordResult::InputEmpty
            | ReadRecordResult::OutputFull
            | ReadRecordResult::OutputEndsFull => {}
        }
    }
}

/// `csv-core` ends a row of `\r\n` after the `\r`.
fn whole_line_end(text: &[u8], end: usize) -> usize {
    match (end.checked_sub(1).and_then(|last| text.get(last)), text.get(end)) {
        (Some(b'\r'), Some(b'\n')) => end + 1,
        _ => end,
    }
}
