//! `purser export`: Purchases as JSON or CSV, in ledger order, streamed.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use jiff::civil::Date;
use purser_domain::AccountId;
use purser_pipeline::export::{COLUMNS, Row, Rows};
use purser_store::ledger::Filter;

use super::DataArgs;
use crate::failure::Failure;
use crate::wiring;

/// What to write, and where.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// How rows are written.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// First start date (UTC) taken.
    #[arg(long)]
    from: Option<Date>,
    /// First start date (UTC) not taken any more.
    #[arg(long)]
    to: Option<Date>,
    /// Of one account only.
    #[arg(long)]
    account: Option<AccountId>,
    /// File; standard output, unless given.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// One JSON array, a row a line.
    Json,
    /// RFC 4180 with a header.
    Csv,
}

/// Writes the rows.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let store = wiring::open_store(&args.data).await?;
    let filter =
        Filter { account: args.account, from: args.from, to: args.to, voided: true, ..Filter::default() };
    let mut rows = Rows::new(&store, filter, wiring::DEFAULT_LOCALE);
    match &args.out {
        None => write(args.format, &mut rows, std::io::stdout().lock()).await?,
        Some(file) => {
            // A reader never sees half a file under its final name.
            let part = file.with_extension("part");
            let unwritable = |error: std::io::Error| {
                Failure::new(
                    "CLI-OUT",
                    format!("the file cannot be written: {error}"),
                    "name a file that may be written with --out",
                )
            };
            let out = std::fs::File::create(&part).map_err(unwritable)?;
            write(args.format, &mut rows, std::io::BufWriter::new(out)).await?;
            std::fs::rename(&part, file).map_err(unwritable)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn write(format: Format, rows: &mut Rows<'_>, out: impl Write) -> anyhow::Result<()> {
    match format {
        Format::Json => write_json(rows, out).await,
        Format::Csv => write_csv(rows, out).await,
    }
}

async fn write_json(rows: &mut Rows<'_>, mut out: impl Write) -> anyhow::Result<()> {
    let mut between = "[";
    while let Some(page) = rows.next().await? {
        for row in page {
            writeln!(out, "{between}")?;
            serde_json::to_writer(&mut out, &row)?;
            between = ",";
        }
    }
    writeln!(out, "{}\n]", if between == "[" { "[" } else { "" })?;
    Ok(out.flush()?)
}

async fn write_csv(rows: &mut Rows<'_>, out: impl Write) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(COLUMNS)?;
    while let Some(page) = rows.next().await? {
        for row in page {
            csv.write_record(Row::cells(&row))?;
        }
    }
    Ok(csv.flush()?)
}
