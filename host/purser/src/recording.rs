//! A recording of a run: what the vendor sent and was kept, page by page, with the request and the context it was mapped
//! in. JSON, one object a line, for people to read and for tests to map again.
//!
//! No token, address of a download or secret of ours is in it. Names and numbers of customers are: it is as confidential as
//! the Purchases.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use purser_store::Store;
use purser_store::accounts::Account;
use purser_store::runs::{PageRead, Run};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::failure::Failure;
use crate::whole_file::WholeFile;

/// Grows where an older reader would misread it.
const FORMAT: u32 = 1;
/// Pages listed at once; one of them is held at a time.
const LISTED: u32 = 200;

/// The first line.
#[derive(Serialize)]
struct Head<'a> {
    #[serde(rename = "purser-recording")]
    format: u32,
    purser: &'static str,
    connector: &'a str,
    run: &'a Run,
}

/// Every other line.
#[derive(Serialize)]
struct Line<'a> {
    feed: &'a str,
    request: &'a RawValue,
    context: &'a RawValue,
    sha256: String,
    #[serde(flatten)]
    page: Page<'a>,
}

#[derive(Serialize)]
enum Page<'a> {
    #[serde(rename = "page")]
    Text(&'a str),
    #[serde(rename = "page-base64")]
    Bytes(String),
}

/// Writes the recording of a run that has ended.
///
/// # Errors
/// Where the file cannot be written or the store fails.
pub async fn write(out: &Path, store: &dyn Store, account: &Account, run: &Run) -> anyhow::Result<u64> {
    let unwritable = |error: std::io::Error| {
        let what = format!("the recording cannot be written: {error}");
        Failure::new("CLI-RECORD", what, "name a file that may be written with --record")
    };
    let part = WholeFile::begin(out).map_err(unwritable)?;
    let pages = collect(part.file(), store, account, run).await?;
    part.end().map_err(unwritable)?;
    Ok(pages)
}

async fn collect(file: &File, store: &dyn Store, account: &Account, run: &Run) -> anyhow::Result<u64> {
    let mut out = BufWriter::new(file);
    let (purser, connector) = (env!("CARGO_PKG_VERSION"), account.connector.as_str());
    write_line(&mut out, &Head { format: FORMAT, purser, connector, run })?;
    let (mut count, mut after) = (0, 0);
    loop {
        let reads = store.pages_of_run(run.id, after, LISTED).await.map_err(Failure::from)?;
        let Some(last) = reads.last() else { break };
        after = last.place;
        for read in &reads {
            let page = store.page(account.id, read.digest).await.map_err(Failure::from)?;
            write_line(&mut out, &line(read, &page.unwrap_or_default())?)?;
            count += 1;
        }
    }
    out.flush()?;
    Ok(count)
}

fn line<'a>(read: &'a PageRead, page: &'a [u8]) -> anyhow::Result<Line<'a>> {
    Ok(Line {
        feed: &read.feed,
        request: serde_json::from_str(&read.request)?,
        context: serde_json::from_str(&read.context)?,
        sha256: read.digest.to_string(),
        page: match std::str::from_utf8(page) {
            Ok(text) => Page::Text(text),
            Err(_) => Page::Bytes(STANDARD.encode(page)),
        },
    })
}

fn write_line(out: &mut impl std::io::Write, line: &impl Serialize) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    Ok(out.write_all(b"\n")?)
}
