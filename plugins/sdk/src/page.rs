//! A page's bytes to its records, by framing.
//!
//! **Invariant:** the ordinals are those the host counts: a record that cannot be read keeps its place.

use crate::json;
use crate::manifest::Framing;
use crate::types::Problem;

/// The records of a JSON page, each as it is spelt. For `lines`, each line that is not blank.
///
/// A whole document is taken as well as the bare array the host cuts from it, so that a raw answer can be tried.
///
/// # Errors
/// Where the page is not what the framing promises.
pub fn records<'p>(framing: &Framing, page: &'p [u8]) -> Result<Vec<&'p str>, Problem> {
    match framing {
        Framing::JsonItems(pointer) => items(text(page)?, pointer),
        Framing::JsonWhole => Ok(vec![text(page)?]),
        Framing::Lines => Ok(lines(page)),
        Framing::Csv => Err(Problem::Bug("rows of CSV are read with page::rows".to_owned())),
    }
}

/// One row of CSV.
pub type Row = csv::StringRecord;

/// The header and the rows of a CSV page; a row that cannot be read says why.
///
/// # Errors
/// Where there is no header.
pub fn rows(page: &[u8]) -> Result<(Row, Vec<Result<Row, String>>), Problem> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(page);
    let header =
        reader.headers().cloned().map_err(|error| Problem::Reject(format!("no header row: {error}")))?;
    let rows = reader.records().map(|row| match row {
        Ok(row) if row.len() == header.len() => Ok(row),
        Ok(row) => Err(format!("{} values where the header has {}", row.len(), header.len())),
        Err(_) => Err("not UTF-8 text".to_owned()),
    });
    Ok((header.clone(), rows.collect()))
}

fn items<'p>(text: &'p str, pointer: &str) -> Result<Vec<&'p str>, Problem> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let array = if text.trim_start().starts_with('[') {
        text
    } else {
        let found = json::find(text, pointer).map_err(Problem::Reject)?;
        found.ok_or_else(|| Problem::Reject(format!("the answer has no array at {pointer}")))?
    };
    json::items(array).map_err(Problem::Reject)
}

/// A line that is not UTF-8 is kept as an empty record, which no reader takes for an object.
fn lines(page: &[u8]) -> Vec<&str> {
    let lines = page.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty()).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect()
}

fn text(page: &[u8]) -> Result<&str, Problem> {
    let page = page.strip_prefix(b"\xef\xbb\xbf").unwrap_or(page);
    std::str::from_utf8(page).map_err(|_| Problem::Reject("the answer is not UTF-8 text".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items_at(pointer: &str) -> Framing {
        Framing::JsonItems(pointer.to_owned())
    }

    #[test]
    fn an_array_and_the_document_around_it_give_the_same_records() {
        let expected = vec![r#"{"q": 1.10 }"#, "2"];
        assert_eq!(records(&items_at("/items"), br#"[{"q": 1.10 },2]"#).unwrap(), expected);
        assert_eq!(
            records(&items_at("/items"), "\u{feff}{\"n\":1,\"Items\":[{\"q\": 1.10 },2]}".as_bytes())
                .unwrap(),
            expected
        );
        assert!(records(&items_at("/items"), b"").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_page_is_refused_with_a_reason() {
        for bad in [&b"<html>"[..], b"{\"items\":[{}", b"{\"code\":2000}", b"{\"items\":3}", b"\xff\xfe"] {
            assert!(matches!(records(&items_at("/items"), bad), Err(Problem::Reject(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_broken_line_keeps_its_place() {
        let page = b"{\"a\":1}\n\n\xff\xff\r\n{\"a\":2}";
        assert_eq!(records(&Framing::Lines, page).unwrap(), [r#"{"a":1}"#, "", r#"{"a":2}"#]);
    }

    #[test]
    fn rows_of_the_wrong_length_are_told() {
        let (header, rows) = rows(b"id,text\n1,\"two\nlines\"\n2\n").unwrap();
        assert_eq!(header, vec!["id", "text"]);
        assert_eq!(rows[0].as_ref().unwrap(), &vec!["1", "two\nlines"]);
        assert!(rows[1].as_ref().unwrap_err().contains("header has 2"));
    }
}
