//! The demo without a person: the whole journey over HTTP, two daily runs, and the proof.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use purser_domain::{AccountId, RunId};
use purser_pipeline::report::Report;
use purser_simulator::{Action, Faults, Rule};
use purser_store::ledger::Filter;
use purser_store::runs::{Run, RunState};
use purser_store::{Accounts as _, Store};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::compare::Side;
use super::visitor::{Seen, Visitor};
use super::{MovedClock, World};
use crate::command::run as command_run;
use crate::data::DataDir;
use crate::say::say;

/// The account's rate card, unless its settings say otherwise.
const RATE_CARD_CURRENCY: &str = "EUR";
/// The language the check chooses.
const LOCALE: &str = "nl-NL";
/// A Monday in mid-month, before the daily run: the proof does not depend on the day it is made.
const BEGIN: &str = "2026-11-16T17:30:00Z";
/// Just after 19:00 CET.
const FIRST_RUN: &str = "2026-11-16T18:00:01Z";

/// The last line of the output.
#[derive(Debug, Serialize)]
struct Summary {
    purchases: u64,
    records: u64,
    rejected: u64,
    unmapped: u64,
    voids_held: u64,
    currencies: BTreeMap<String, String>,
    locale: String,
    ledger_difference: BTreeMap<String, String>,
    seconds: u64,
}

/// Runs the check; success only where Purchases and ledger agree.
pub async fn run(
    data: &DataDir,
    listen: SocketAddr,
    simulated: purser_simulator::Config,
    clock: MovedClock,
    stop: CancellationToken,
) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    clock.set(BEGIN.parse()?);
    let faults = simulated.faults.clone();
    let world = World::start(data, listen, simulated, clock.clock(), stop.clone()).await?;
    let outcome = journey(&world, &clock, &faults, &stop).await;
    let result = match outcome {
        Ok(runs) => prove(&world, &runs, begun).await,
        Err(error) => Err(error),
    };
    world.end().await?;
    result
}

async fn journey(
    world: &World,
    clock: &MovedClock,
    faults: &Faults,
    stop: &CancellationToken,
) -> anyhow::Result<Vec<Run>> {
    let mut visitor = Visitor::new()?;
    eprintln!("signing in and giving consent …");
    sign_in(world, &mut visitor).await?;
    let account = consent(world, &mut visitor).await?;
    set_locale(world, &mut visitor, account).await?;

    let first: Timestamp = FIRST_RUN.parse()?;
    let one = daily_run(world, clock, first, account, stop).await?;
    // The second day: what the simulator restates by itself, and one download that is cut off once.
    world
        .simulator
        .set_faults(faults.clone().with(Rule::new("/blobs/", Action::CutOff { keep: 50 }).first(1)));
    let two =
        daily_run(world, clock, first.checked_add(SignedDuration::from_hours(24))?, account, stop).await?;
    Ok(vec![one, two])
}

async fn sign_in(world: &World, visitor: &mut Visitor) -> anyhow::Result<()> {
    let page = visitor.open(&world.url.join("/sign-in")?).await?.ok()?;
    let form = page
        .form_with("password")?
        .with("name", world.sign_in.name)
        .with("password", &world.sign_in.password);
    let home = visitor.send(form).await?.ok()?;
    if home.url.path().contains("sign-in") {
        bail!("the sign-in was refused");
    }
    Ok(())
}

/// Settings → the vendor's sign-in page → a user → back → confirmation → connected.
async fn consent(world: &World, visitor: &mut Visitor) -> anyhow::Result<AccountId> {
    let settings = visitor.open(&world.url.join("/connectors/microsoft-csp/settings")?).await?.ok()?;
    let choice = visitor.open(&settings.address("/consent/start")?).await?.ok()?;
    let confirm = choose_user(visitor, choice.ok()?).await?;
    visitor.send(confirm.form_to("/consent/confirm")?).await?.ok()?;
    let accounts = world.purser.store.accounts().await?;
    let account = accounts.last().context("the consent left no account")?;
    Ok(account.id)
}

/// Chooses the service account on the simulator's page.
async fn choose_user(visitor: &mut Visitor, page: Seen) -> anyhow::Result<Seen> {
    visitor.send(page.form_with("user")?.pressing("user", "service")).await?.ok()
}

async fn set_locale(world: &World, visitor: &mut Visitor, account: AccountId) -> anyhow::Result<()> {
    let url = world.url.join(&format!("/connectors/microsoft-csp/accounts/{account}"))?;
    let page = visitor.open(&url).await?.ok()?;
    visitor.send(page.form_with("locale")?.with("locale", LOCALE)).await?.ok()?;
    let saved = world.purser.store.settings(account).await?.host.locale;
    if saved != LOCALE {
        bail!("the Locale is {saved} after it was changed to {LOCALE}");
    }
    Ok(())
}

/// Moves the clock to a daily run and waits for its end.
async fn daily_run(
    world: &World,
    clock: &MovedClock,
    at: Timestamp,
    account: AccountId,
    stop: &CancellationToken,
) -> anyhow::Result<Run> {
    let store: &dyn Store = world.purser.store.as_ref();
    let before = newest(store, account).await?;
    clock.set(at);
    eprintln!("daily run of {} …", at.strftime("%Y-%m-%d"));
    let run = loop {
        match newest(store, account).await? {
            Some(run) if Some(run) != before => break run,
            _ if stop.is_cancelled() => bail!("stopped"),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    let run = command_run::watch(store, run, stop).await?.context("stopped")?;
    for note in &command_run::report(&run).notes {
        eprintln!("{}: {} {} · {}", note.level, note.code, note.subject, note.what);
    }
    if !matches!(run.state, RunState::Succeeded | RunState::Warnings | RunState::Partial) {
        bail!("the run ended as {:?}", run.state);
    }
    Ok(run)
}

async fn newest(store: &dyn Store, account: AccountId) -> anyhow::Result<Option<RunId>> {
    Ok(store.runs(Some(account), 1).await?.first().map(|run| run.id))
}

/// Compares Purchases with the ledger, prints where they differ, and the summary as the last line.
async fn prove(world: &World, runs: &[Run], begun: Instant) -> anyhow::Result<ExitCode> {
    let (purchases, count) = purchases(world.purser.store.as_ref()).await?;
    let mut ledger = Side::of_ledger(&world.simulator.ledger().lines)?;
    let last = runs.last().context("there was no run")?.order.as_of.to_zoned(TimeZone::UTC).date();
    ledger.add_legacy(&world.simulator.legacy_days(last, RATE_CARD_CURRENCY), RATE_CARD_CURRENCY)?;
    ledger.add_charges(&world.simulator.billing_ledger(last))?;
    let differences = Side::differences(&ledger, &purchases);
    for difference in differences.iter().take(20) {
        say!("differs: {difference}");
    }
    let reports: Vec<Report> = runs.iter().map(command_run::report).collect();
    let total = |of: fn(&Report) -> u64| reports.iter().map(of).sum();
    let text = |sums: BTreeMap<String, purser_domain::Decimal>| {
        sums.into_iter().map(|(currency, sum)| (currency, sum.canonical())).collect()
    };
    let summary = Summary {
        purchases: count,
        records: total(|report| report.balance.received.records),
        rejected: total(|report| report.balance.rejected.values().map(|tally| tally.records).sum()),
        unmapped: reports.last().map_or(0, |report| report.unmapped),
        voids_held: total(|report| report.voids_held),
        currencies: text(purchases.currencies()),
        locale: LOCALE.into(),
        ledger_difference: text(Side::difference_by_currency(&ledger, &purchases)),
        seconds: begun.elapsed().as_secs(),
    };
    say!("{}", serde_json::to_string(&summary)?);
    Ok(if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn purchases(store: &dyn Store) -> anyhow::Result<(Side, u64)> {
    let (mut side, mut count, mut after) = (Side::default(), 0, None);
    loop {
        let page = store.purchases(&Filter::default(), after, 1_000).await?;
        let Some(last) = page.last() else { return Ok((side, count)) };
        after = Some(last.key);
        count += page.len() as u64;
        page.iter().for_each(|purchase| side.add_purchase(purchase));
    }
}
