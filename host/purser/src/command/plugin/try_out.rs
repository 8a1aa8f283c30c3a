//! `purser plugin try`: what another version would do to the Purchases there are, in money, before it does it. Reads the
//! database beside a server at work, and writes nothing.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use jiff::civil::Date;
use purser_domain::diff::verdict::{Terms, Verdict};
use purser_domain::{AccountId, Decimal, Role};
use purser_pipeline::Limits;
use purser_pipeline::replay::{self, Progress, Question, Report, Wanted, WantedError, table};
use purser_pipeline::rollout::Rollout;
use purser_runtime::{Plugin, Sandbox};

use super::{component, version_of};
use crate::command::DataArgs;
use crate::failure::Failure;
use crate::whole_file::WholeFile;
use crate::wiring;

pub mod text;

/// How the exit code tells the verdict.
const EXIT_CODES: &str = "Ends with 0 where the version may be activated, with 3 where somebody must confirm the \
difference, with 4 where it must not be activated, with 1 where the try itself failed, and with 2 where it was asked for \
wrongly.";

/// What to try, and on what.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub struct Args {
    /// A `.wasm` file, a bundled plugin's id, the digest (or its beginning) of an installed version, or `id@version`.
    plugin: String,
    #[command(flatten)]
    data: DataArgs,
    /// Of this account only; may be given several times. Unless given, of all accounts of the connector.
    #[arg(long = "account")]
    accounts: Vec<AccountId>,
    /// First start date (UTC) of Purchases; unless given, that of the first booked period that is open. Without any days
    /// also what began earlier and stands together with something in an open period: that is what an activation asks for.
    #[arg(long)]
    from: Option<Date>,
    /// First start date (UTC) that is not compared any more.
    #[arg(long)]
    to: Option<Date>,
    /// Only this role (crawl, mapping, localisation); may be given several times. Unless given, all that the version can
    /// play and no plugin of another id plays.
    #[arg(long = "role")]
    roles: Vec<Role>,
    /// Changes of money that need no confirmation: as much of each currency, pluses and minuses added without their signs.
    #[arg(long, default_value = "0")]
    threshold: Decimal,
    /// Accept that Purchases get other references: they are voided, and made anew.
    #[arg(long)]
    accept_references: bool,
    /// How the difference is written.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// File; standard output, unless given.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// To read: verdict, sums by customer, and examples of what differs.
    Text,
    /// One JSON object with everything.
    Json,
    /// RFC 4180 with a header: one line a sum and a difference.
    Csv,
}

/// Tries, and tells by the exit code.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let rollout = wiring::open_rollout(&args.data).await?;
    let candidate = candidate(&rollout, &args.plugin).await?;
    let wanted = Wanted {
        roles: args.roles.clone(),
        accounts: args.accounts.clone(),
        from: args.from,
        to: args.to,
        terms: Terms { threshold: args.threshold.clone(), accept_references: args.accept_references },
    };
    let report = report_of(&rollout, &candidate, wanted).await?;
    write(args, &report)?;
    Ok(ExitCode::from(match report.verdict {
        Verdict::Clean => 0,
        Verdict::NeedsConfirmation => 3,
        Verdict::Blocked => 4,
    }))
}

/// What a version would change.
pub async fn report_of(rollout: &Rollout, candidate: &Plugin, wanted: Wanted) -> anyhow::Result<Report> {
    let asked = replay::question(rollout.store.as_ref(), &rollout.plugins, candidate, wanted).await;
    replayed(rollout, asked.map_err(refused)?).await
}

/// A component is checked, and not installed.
async fn candidate(rollout: &Rollout, name: &str) -> anyhow::Result<Plugin> {
    let Ok(bytes) = component(name) else {
        let version = version_of(rollout, name).await?;
        return Ok(rollout.load_one(version.digest).await?);
    };
    let sandbox = Sandbox::new(purser_runtime::Limits::default(), crate::data::component_cache())?;
    Ok(tokio::task::spawn_blocking(move || sandbox.admit(&bytes)).await??)
}

/// What was asked for wrongly.
fn refused(error: WantedError) -> anyhow::Error {
    match error {
        WantedError::Store(error) => Failure::from(error).into(),
        error => Failure::input(error.code(), error.to_string(), error.remedy()).into(),
    }
}

/// Replays, with the pages counted on standard error, until it is done or interrupted.
async fn replayed(rollout: &Rollout, question: Question) -> anyhow::Result<Report> {
    let (progress, stop) = (Arc::new(Progress::default()), crate::command::serve::stop_on_signal());
    let bar = indicatif::ProgressBar::new(0);
    let shown = tokio::spawn({
        let (bar, progress) = (bar.clone(), progress.clone());
        async move {
            loop {
                let (done, all) = progress.pages();
                bar.set_length(all);
                bar.set_position(done);
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    });
    let report = replay::replay(&rollout.store, &Limits::default(), question, &progress, &stop).await;
    shown.abort();
    bar.finish_and_clear();
    report.map_err(|error| match error {
        replay::ReplayError::Store(error) => Failure::from(error).into(),
        error => anyhow::Error::new(error),
    })
}

fn write(args: &Args, report: &Report) -> anyhow::Result<()> {
    let unwritable = |error: std::io::Error| {
        let remedy = "name a file that may be written with --out";
        Failure::new("CLI-OUT", format!("the file cannot be written: {error}"), remedy)
    };
    match &args.out {
        None => write_to(args.format, report, std::io::stdout().lock()),
        Some(path) => {
            let whole = WholeFile::begin(Path::new(path)).map_err(unwritable)?;
            write_to(args.format, report, std::io::BufWriter::new(whole.file()))?;
            Ok(whole.end().map_err(unwritable)?)
        }
    }
}

fn write_to(format: Format, report: &Report, mut out: impl Write) -> anyhow::Result<()> {
    match format {
        Format::Text => out.write_all(text::of(report).as_bytes())?,
        Format::Csv => table::write(report, &mut out)?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, report)?;
            writeln!(out)?;
        }
    }
    Ok(out.flush()?)
}
