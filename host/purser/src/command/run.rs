//! `purser run`: retrieve now. Where a server holds the data directory the run is handed to it; else it is worked on
//! here.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use purser_domain::{AccountId, RunId};
use purser_pipeline::Host;
use purser_pipeline::recording::Source;
use purser_pipeline::recording::redact::Names;
use purser_pipeline::report::Report;
use purser_store::runs::{Run, RunState};
use purser_store::{Accounts as _, Error, Store};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::DataArgs;
use crate::data::DataDir;
use crate::failure::Failure;
use crate::progress::Display;
use crate::recording;
use crate::say::say;
use crate::wiring::{self, Purser};

/// For which account, and which days.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The account's number.
    account: AccountId,
    #[command(flatten)]
    data: DataArgs,
    /// First UTC day; unless given, as a daily run.
    #[arg(long)]
    from: Option<Date>,
    /// First UTC day not asked for any more.
    #[arg(long)]
    to: Option<Date>,
    /// Wait for the end where a server does the work.
    #[arg(long)]
    wait: bool,
    /// Write what was asked and answered to a file, to read or to try plugins with; waits for the end. No token is in it,
    /// and customers' names and ids are replaced.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Keep customers' names and ids in the recording: it is then as confidential as the Purchases.
    #[arg(long, requires = "record")]
    record_names: bool,
}

/// Orders, works or waits, and shows what came of it.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = wiring::config(&args.data)?;
    let mut data = DataDir::open(&config.data)?;
    let held = !data.take()?;
    if held && args.record.is_some() {
        let remedy =
            "stop the server for as long as the run takes, or record on a restored backup with --data";
        let what = "a server works on this data directory, and only who makes a run can record it";
        return Err(Failure::input("CLI-RECORD-HELD", what, remedy).into());
    }
    let purser = Purser::open(&config, &data, Arc::new(wiring::now)).await?;
    let run = purser.order(args.account, args.from, args.to).await?;
    let spool = args.record.is_some().then(|| recording::begin(&purser, run)).transpose()?;
    let stop = super::serve::stop_on_signal();
    if held && !args.wait {
        say!("run {run} was handed to the server at work");
        return Ok(ExitCode::SUCCESS);
    }
    let mut worker = (!held).then(|| tokio::spawn(work(purser.host.clone(), stop.clone())));
    let ended = tokio::select! {
        ended = watch(purser.store.as_ref(), run, &stop) => ended?,
        worked = outcome(&mut worker) => { worked?; None }
    };
    stop.cancel();
    if let Some(worker) = worker.filter(|worker| !worker.is_finished()) {
        worker.await?.map_err(Failure::from)?;
    }
    if let (Some(file), Some(spool), true) = (&args.record, &spool, ended.is_some()) {
        let account = purser.store.account(args.account).await.map_err(Failure::from)?;
        let names = if args.record_names { Names::Kept } else { Names::Replaced };
        let download_hosts = purser.host.clouds.download_hosts(&account.connector, &account.cloud);
        let source = Source { connector: account.connector.as_str(), download_hosts };
        let answers = recording::write(file, spool, source, names)?;
        say!("{answers} answers were recorded");
    }
    Ok(match ended {
        Some(run) => summary(&run),
        None => ExitCode::from(130),
    })
}

/// Executes runs until `stop`, or until the store fails: what was written stays, and the next worker goes on from there.
async fn work(host: Arc<Host>, stop: CancellationToken) -> purser_store::Result<()> {
    while !stop.is_cancelled() {
        match host.work_once(&stop).await {
            Ok(Some(_)) | Err(Error::Fenced) => {}
            Ok(None) => tokio::time::sleep(Duration::from_millis(200)).await,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// How the worker ended; never where there is none.
async fn outcome(worker: &mut Option<JoinHandle<purser_store::Result<()>>>) -> anyhow::Result<()> {
    match worker {
        Some(worker) => Ok(worker.await?.map_err(Failure::from)?),
        None => std::future::pending().await,
    }
}

/// Shows progress until the run is over; none where it was interrupted.
pub async fn watch(store: &dyn Store, run: RunId, stop: &CancellationToken) -> anyhow::Result<Option<Run>> {
    let mut display = Display::new();
    loop {
        let run = store.run(run).await.map_err(Failure::from)?;
        display.show(&report(&run));
        if run.finished_at.is_some() {
            display.end();
            return Ok(Some(run));
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
    }
}

/// A run's report.
pub fn report(run: &Run) -> Report {
    serde_json::from_value(run.report.clone()).unwrap_or_default()
}

/// Prints a summary that adds up; the exit code says whether somebody must look.
pub fn summary(run: &Run) -> ExitCode {
    let report = report(run);
    let records = |tallies: &std::collections::BTreeMap<String, purser_domain::Tally>| {
        tallies.values().map(|tally| tally.records).sum::<u64>()
    };
    let balance = &report.balance;
    say!(
        "run {} {}: {} records = {} purchased + {} ignored + {} rejected",
        run.id,
        state(run.state),
        balance.received.records,
        balance.purchased.records,
        records(&balance.ignored),
        records(&balance.rejected)
    );
    say!(
        "Purchases: {} new, {} changed, {} as they were, {} set to 0, {} held; {} without a customer",
        report.added,
        report.changed,
        report.unchanged,
        report.voided,
        report.voids_held,
        report.unmapped
    );
    if report.left_unchanged > 0 {
        say!("Parts the vendor calls unchanged, not retrieved again: {}", report.left_unchanged);
    }
    for (measure, sum) in
        balance.purchased.sums.iter().filter(|(measure, _)| !measure.starts_with("quantity:"))
    {
        say!("cost: {sum} {measure}");
    }
    for note in &report.notes {
        say!("{}: {} {} · {} · {}", note.level, note.code, note.subject, note.what, note.remedy);
    }
    match run.state {
        RunState::Succeeded | RunState::Warnings => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn state(state: RunState) -> String {
    serde_json::to_value(state).ok().and_then(|state| state.as_str().map(str::to_owned)).unwrap_or_default()
}
