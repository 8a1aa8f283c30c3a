//! The filtered Purchases as a file, streamed: memory stays bounded however many there are.
//!
//! The rows and columns are the pipeline's, the same as on the command line.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use purser_domain::purchase::Key;
use purser_pipeline::export::{COLUMNS, Row};
use purser_store::ledger::Filter;
use purser_store::people::AuditEntry;

use crate::books::Books;
use crate::problem::Problem;
use crate::state::WebState;

/// Purchases read at once.
const PAGE: u32 = 500;

/// The form of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// RFC 4180 with a header row.
    Csv,
    /// One array.
    Json,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
        }
    }

    fn begin(self) -> Result<Bytes, Problem> {
        match self {
            Self::Csv => csv_lines([COLUMNS]),
            Self::Json => Ok(Bytes::from_static(b"[")),
        }
    }

    fn rows(self, rows: &[Row], is_first: bool) -> Result<Bytes, Problem> {
        match self {
            Self::Csv => csv_lines(rows.iter().map(Row::cells)),
            Self::Json => json_rows(rows, is_first),
        }
    }

    fn end(self) -> Bytes {
        match self {
            Self::Csv => Bytes::new(),
            Self::Json => Bytes::from_static(b"\n]\n"),
        }
    }
}

/// Writes down who takes what out.
pub(crate) async fn audited(
    state: &WebState,
    who: &str,
    format: Format,
    filter: &Filter,
) -> Result<(), Problem> {
    let detail = serde_json::json!({ "format": format.name(), "filter": filter });
    let entry = AuditEntry {
        at: state.acts.now(),
        who: who.to_owned(),
        what: "purchases.exported".to_owned(),
        detail,
    };
    Ok(state.store.audit(&entry).await?)
}

/// The file. Where the store fails half-way the transfer breaks off, so that no half file looks like a whole one.
pub(crate) fn stream(state: WebState, books: Books, filter: Filter, format: Format) -> Response {
    let walk = Walk { state, books: Arc::new(books), filter, format, after: None, step: Step::Begin };
    let chunks =
        stream::try_unfold(walk, |walk| async move { walk.next().await.map_err(std::io::Error::other) });
    let disposition = format!("attachment; filename=\"purchases.{}\"", format.name());
    let headers =
        [(header::CONTENT_TYPE, format.media_type().to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    (headers, Body::from_stream(chunks)).into_response()
}

struct Walk {
    state: WebState,
    books: Arc<Books>,
    filter: Filter,
    format: Format,
    after: Option<Key>,
    step: Step,
}

#[derive(PartialEq, Eq)]
enum Step {
    Begin,
    Rows,
    Ended,
}

impl Walk {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Problem> {
        match self.step {
            Step::Ended => return Ok(None),
            Step::Begin => {
                self.step = Step::Rows;
                return Ok(Some((self.format.begin()?, self)));
            }
            Step::Rows => {}
        }
        let is_first = self.after.is_none();
        let purchases = self.state.store.purchases(&self.filter, self.after, PAGE).await?;
        let Some(last) = purchases.last() else {
            self.step = Step::Ended;
            return Ok(Some((self.format.end(), self)));
        };
        self.after = Some(last.key);
        let words = self.books.words(&self.state, &purchases).await?;
        let rows: Vec<Row> =
            purchases.into_iter().zip(words).map(|(p, words)| Row::new(p, words.name)).collect();
        Ok(Some((self.format.rows(&rows, is_first)?, self)))
    }
}

fn csv_lines<const N: usize, C: AsRef<[u8]>>(
    lines: impl IntoIterator<Item = [C; N]>,
) -> Result<Bytes, Problem> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for line in lines {
        writer.write_record(line).map_err(|_| Problem::internal())?;
    }
    Ok(writer.into_inner().map_err(|_| Problem::internal())?.into())
}

fn json_rows(rows: &[Row], is_first: bool) -> Result<Bytes, Problem> {
    let texts: VecDeque<String> =
        rows.iter().map(serde_json::to_string).collect::<Result<_, _>>().map_err(|_| Problem::internal())?;
    let mut chunk = String::new();
    for (position, text) in texts.iter().enumerate() {
        chunk.push_str(if is_first && position == 0 { "\n" } else { ",\n" });
        chunk.push_str(text);
    }
    Ok(chunk.into())
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    #[tokio::test]
    async fn the_file_holds_every_row_of_the_filter_exactly() {
        let mut site = Site::with_many_purchases(1_201).await;
        site.sign_in("vera").await;
        let csv = site.get("/purchases/export.csv").await;
        assert_eq!(csv.header("content-disposition"), "attachment; filename=\"purchases.csv\"");
        let mut rows = csv::Reader::from_reader(csv.text.as_bytes());
        assert_eq!(rows.headers().unwrap().get(0), Some("account"));
        assert_eq!(rows.records().map(Result::unwrap).count(), 1_201);
        let json: Vec<serde_json::Value> =
            serde_json::from_str(&site.get("/purchases/export.json").await.text).unwrap();
        assert_eq!(json.len(), 1_201);
        let none = site.get("/purchases/export.json?period=2020-01").await.text;
        assert_eq!(serde_json::from_str::<Vec<serde_json::Value>>(&none).unwrap().len(), 0);
    }

    #[tokio::test]
    async fn amounts_and_names_are_those_of_the_list_and_the_export_is_audited() {
        let mut site = Site::with_purchases().await;
        site.sign_in("vera").await;
        let json: Vec<serde_json::Value> =
            serde_json::from_str(&site.get("/purchases/export.json?customer=c-1").await.text).unwrap();
        assert_eq!(json.len(), 1);
        assert_eq!(json[0]["cost"], "1234.5678901234567890123456789");
        assert_eq!(json[0]["product_text"], "Virtuele machine");
        let trail = site.store.audit_trail(5).await.unwrap();
        assert!(trail.iter().any(|entry| entry.what == "purchases.exported" && entry.who == "vera"));
    }
}
