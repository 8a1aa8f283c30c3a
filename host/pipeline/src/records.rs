//! The records of a page as trees that may be changed, and the page made of them again: for recordings and the conformance
//! suite.
//!
//! A row of CSV is an object of its columns, so that whoever changes one need not know how the page is framed.

use purser_runtime::contract::manifest::Framing;

use crate::framing;
use crate::json_tree::{Path, Tree};

/// The records of one page.
#[derive(Debug, Clone)]
pub struct Records {
    framing: Framing,
    header: Vec<String>,
    /// By ordinal.
    pub all: Vec<Record>,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A JSON value, or a row by its columns.
    Value(Tree),
    /// As it came: no JSON.
    Bytes(Vec<u8>),
}

impl Record {
    /// The tree; none where it could not be read.
    #[must_use]
    pub fn tree(&self) -> Option<&Tree> {
        match self {
            Self::Value(tree) => Some(tree),
            Self::Bytes(_) => None,
        }
    }

    /// The record with one value put in place of another; none where there is no such place.
    #[must_use]
    pub fn with(&self, path: &Path, value: Tree) -> Option<Self> {
        let mut changed = self.clone();
        let Self::Value(tree) = &mut changed else { return None };
        *tree.at_mut(path)? = value;
        Some(changed)
    }
}

impl Records {
    /// Of a page; none where the bytes are no page of this framing.
    #[must_use]
    pub fn of(framing: &Framing, page: &[u8]) -> Option<Self> {
        if matches!(framing, Framing::Csv) {
            return Self::rows(page);
        }
        let ranges = framing::records(framing, page).ok()?;
        let record = |range| {
            let bytes: &[u8] = page.get(range).unwrap_or_default();
            let tree = std::str::from_utf8(bytes).ok().and_then(Tree::parse);
            tree.map_or_else(|| Record::Bytes(bytes.to_vec()), Record::Value)
        };
        let all = ranges.into_iter().map(record).collect();
        Some(Self { framing: framing.clone(), header: Vec::new(), all })
    }

    fn rows(page: &[u8]) -> Option<Self> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(page);
        let header: Vec<String> = reader.headers().ok()?.iter().map(str::to_owned).collect();
        let row = |row: csv::StringRecord| {
            let cells = header.iter().zip(row.iter());
            let cells = cells.map(|(name, cell)| (name.clone(), Tree::Text(cell.to_owned())));
            Record::Value(Tree::Object(cells.collect()))
        };
        let all = reader.into_records().map(|read| read.map(row)).collect::<Result<_, _>>().ok()?;
        Some(Self { framing: Framing::Csv, header, all })
    }

    /// A page of other records in the same framing.
    #[must_use]
    pub fn page_of(&self, records: &[Record]) -> Vec<u8> {
        let bytes = |record: &Record| match record {
            Record::Value(tree) => tree.json().into_bytes(),
            Record::Bytes(bytes) => bytes.clone(),
        };
        match self.framing {
            Framing::Csv => self.csv(records),
            Framing::Lines => {
                records.iter().flat_map(|record| [bytes(record), b"\n".to_vec()]).flatten().collect()
            }
            Framing::JsonItems(_) => {
                let items: Vec<Vec<u8>> = records.iter().map(bytes).collect();
                [b"[".to_vec(), items.join(&b','), b"]".to_vec()].concat()
            }
            Framing::JsonWhole => records.iter().flat_map(bytes).collect(),
        }
    }

    /// The page with one record put in place of another.
    #[must_use]
    pub fn page_with(&self, ordinal: usize, record: Record) -> Vec<u8> {
        let mut all = self.all.clone();
        if let Some(place) = all.get_mut(ordinal) {
            *place = record;
        }
        self.page_of(&all)
    }

    /// Columns beside the page's own come from the first row: a rule adds them to all.
    fn csv(&self, records: &[Record]) -> Vec<u8> {
        let columns: Vec<&str> = match records.first().and_then(Record::tree) {
            Some(Tree::Object(cells)) => cells.iter().map(|(name, _)| name.as_str()).collect(),
            _ => self.header.iter().map(String::as_str).collect(),
        };
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        // Writing to memory does not fail.
        let _ = writer.write_record(&columns);
        for record in records {
            let cells = match record {
                Record::Value(Tree::Object(cells)) => cells.as_slice(),
                _ => &[],
            };
            let _ = writer.write_record(cells.iter().map(|(_, cell)| cell.scalar().unwrap_or_default()));
        }
        writer.into_inner().unwrap_or_default()
    }

    /// Whether a broken record can stand in such a page beside good ones.
    #[must_use]
    pub fn broken(&self) -> Option<Record> {
        match self.framing {
            Framing::Lines => Some(Record::Bytes(b"{\"broken".to_vec())),
            Framing::JsonItems(_) => Some(Record::Value(Tree::Literal("17".to_owned()))),
            // A row with too few cells.
            Framing::Csv => Some(Record::Value(Tree::Object(vec![(
                self.header.first().cloned().unwrap_or_default(),
                Tree::Text("?".to_owned()),
            )]))),
            Framing::JsonWhole => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_any_framing_is_taken_apart_and_put_together() {
        for (framing, page) in [
            (Framing::Lines, &b"{\"a\":1.0}\nbroken\n"[..]),
            (Framing::JsonItems("/x".into()), b"[{\"a\":1.0},2]"),
            (Framing::JsonWhole, b"{\"a\":[1.0]}"),
            (Framing::Csv, b"a,b\n1.0,\"x,\"\"y\"\"\"\n"),
        ] {
            let records = Records::of(&framing, page).unwrap();
            assert_eq!(records.page_of(&records.all), page, "{framing:?}");
        }
    }

    #[test]
    fn one_value_of_one_record_is_changed() {
        let records = Records::of(&Framing::Csv, b"id,cost\n1,2\n3,4\n").unwrap();
        let path = records.all[1].tree().unwrap().path_of("/COST").unwrap();
        let changed = records.all[1].with(&path, Tree::Text("5".into())).unwrap();
        assert_eq!(records.page_with(1, changed), b"id,cost\n1,2\n3,5\n");
    }
}
