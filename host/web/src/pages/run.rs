//! `/activity/{run}`: one run, live while it goes on. Its numbers add up, or the page says that they do not.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use purser_domain::{Balance, Cast, Decimal, Digest, RunId, Tally};
use purser_pipeline::report::{Feed, Note, Report};
use purser_store::runs::{LogLine, Run, RunState};

use super::activity::trigger;
use super::plugin_usage::{self, UseView};
use crate::books::Book;
use crate::format::{Number, NumberStyle, Pill, When, duration, run_pill};
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    shell: Shell,
    live: Live,
}

/// The part that is asked for again every second while the run goes on.
#[derive(Template)]
#[template(path = "run_live.html")]
struct Live {
    id: RunId,
    account: String,
    account_path: String,
    pill: Pill,
    is_live: bool,
    may_cancel: bool,
    trigger: &'static str,
    window: String,
    requested: When,
    started: Option<When>,
    visible: Option<When>,
    finished: Option<When>,
    took: String,
    plugin: String,
    /// Roles that another version plays.
    own_roles: Vec<(String, String)>,
    plugin_use: Vec<UseView>,
    attempt: u32,
    /// One sentence that changes seldom, for those who listen.
    spoken: String,
    feeds: Vec<FeedRow>,
    lines: Vec<BalanceLine>,
    measures: Vec<String>,
    adds_up: bool,
    committed: Vec<(&'static str, String)>,
    notes: Vec<Note>,
    log: Vec<LogRow>,
}

struct FeedRow {
    title: String,
    pill: Pill,
    done: u64,
    known: u64,
    requests: String,
    pages: String,
    records: String,
    partitions: String,
}

/// One row of the table that must add up.
struct BalanceLine {
    sign: &'static str,
    name: String,
    records: String,
    sums: Vec<Number>,
    is_total: bool,
}

struct LogRow {
    at: When,
    line: LogLine,
}

/// What a run told last.
pub(crate) fn report(run: &Run) -> Report {
    serde_json::from_value(run.report.clone()).unwrap_or_default()
}

/// The page.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(run): Path<RunId>,
) -> Result<Response, Problem> {
    let live = snapshot(&state, &visitor, run).await?;
    page(&RunPage { shell: Shell::load(&state, &visitor, Area::Activity).await?, live })
}

/// The live part alone.
pub(crate) async fn live(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(run): Path<RunId>,
) -> Result<Response, Problem> {
    page(&snapshot(&state, &visitor, run).await?)
}

/// Asks the run to stop.
pub(crate) async fn cancel(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(run): Path<RunId>,
) -> Result<Response, Problem> {
    let found = state.store.run(run).await?;
    if found.finished_at.is_some() {
        return Err(Problem::new(409, "RUN-ENDED", "the run has ended already", "look at its result"));
    }
    state.acts.cancel_run(run, &visitor.person.name).await?;
    visitor.tell_at("The run was asked to stop; what is committed stays.", &format!("/activity/{run}")).await
}

async fn snapshot(state: &WebState, visitor: &Visitor, id: RunId) -> Result<Live, Problem> {
    let run = state.store.run(id).await?;
    let book = Book::load(state, run.order.account).await?;
    let is_live = matches!(run.state, RunState::Queued | RunState::Running);
    let is_cancelling = is_live && state.store.is_cancelled(id).await?;
    let log = state.store.run_log(id).await?;
    let (report, numbers) = (report(&run), visitor.numbers);
    let when = |at| When::new(at, &book.zone);
    let measures = measures(&report.balance);
    Ok(Live {
        id,
        account: book.account.title.clone(),
        account_path: format!("/connectors/{}/accounts/{}", book.account.connector, book.account.id),
        pill: if is_cancelling { Pill::new("warn", "Stopping") } else { run_pill(run.state) },
        is_live,
        may_cancel: is_live && !is_cancelling && visitor.person.may(purser_store::people::Role::Operator),
        trigger: trigger(run.order.trigger),
        window: format!(
            "{} – {}",
            run.order.window_from,
            run.order.window_to.yesterday().unwrap_or_default()
        ),
        requested: when(run.requested_at),
        started: run.started_at.map(when),
        visible: run.visible_at.map(when),
        finished: run.finished_at.map(when),
        took: took(state, &run),
        plugin: run.order.cast.crawl.to_string(),
        own_roles: own_roles(&run.order.cast),
        plugin_use: plugin_usage::peaks(&report.plugin),
        attempt: run.attempt,
        spoken: spoken(&run, &report),
        feeds: report.feeds.iter().map(|feed| feed_row(feed, numbers)).collect(),
        lines: lines(&report.balance, &measures, numbers),
        adds_up: adds_up(&report.balance),
        measures: measures.iter().map(|measure| measure_title(measure)).collect(),
        committed: committed(&report, numbers),
        notes: report.notes,
        log: log.into_iter().map(|line| LogRow { at: when(line.at), line }).collect(),
    })
}

/// Roles that another version plays than the one that crawls.
fn own_roles(cast: &Cast<Digest>) -> Vec<(String, String)> {
    let others = cast.roles().filter(|(_, digest)| **digest != cast.crawl);
    others.map(|(role, digest)| (role.to_string(), digest.to_string())).collect()
}

fn took(state: &WebState, run: &Run) -> String {
    let ended = run.finished_at.unwrap_or_else(|| state.acts.now());
    run.started_at.map(|started| duration(ended.duration_since(started))).unwrap_or_default()
}

fn spoken(run: &Run, report: &Report) -> String {
    let at_work: Vec<&str> =
        report.feeds.iter().filter(|feed| feed.state == "running").map(|feed| feed.title.as_str()).collect();
    match run.state {
        RunState::Queued => "The run waits for a worker.".to_owned(),
        RunState::Running if at_work.is_empty() => "The run is starting.".to_owned(),
        RunState::Running => format!("Retrieving: {}.", at_work.join(", ")),
        ended => format!("The run has ended: {}.", run_pill(ended).label.to_lowercase()),
    }
}

fn feed_row(feed: &Feed, numbers: NumberStyle) -> FeedRow {
    let pill = match feed.state.as_str() {
        "running" => Pill::new("info", "Running"),
        "done" => Pill::new("ok", "Done"),
        "skipped" => Pill::new("idle", "Skipped"),
        _ => Pill::new("idle", "Waiting"),
    };
    FeedRow {
        title: if feed.title.is_empty() { feed.name.clone() } else { feed.title.clone() },
        pill,
        done: feed.requests_done,
        known: feed.requests_known.max(feed.requests_done).max(1),
        requests: format!("{} of {}", numbers.count(feed.requests_done), numbers.count(feed.requests_known)),
        pages: numbers.count(feed.pages),
        records: numbers.count(feed.records),
        partitions: numbers.count(feed.partitions),
    }
}

fn committed(report: &Report, numbers: NumberStyle) -> Vec<(&'static str, String)> {
    [
        ("New", report.added),
        ("Changed", report.changed),
        ("Unchanged", report.unchanged),
        ("Voided", report.voided),
        ("Voids held", report.voids_held),
        ("Unmapped", report.unmapped),
        ("Partitions", report.committed),
        ("Partitions unchanged", report.left_unchanged),
    ]
    .map(|(name, count)| (name, numbers.count(count)))
    .into()
}

/// All measures any tally has, currencies before quantities.
fn measures(balance: &Balance) -> Vec<String> {
    let mut names: Vec<String> = tallies(balance).flat_map(|tally| tally.sums.keys().cloned()).collect();
    names.sort_by_key(|name| (name.starts_with("quantity:"), name.clone()));
    names.dedup();
    names
}

fn measure_title(measure: &str) -> String {
    measure.strip_prefix("quantity:").map_or_else(|| measure.to_owned(), |unit| format!("Quantity, {unit}"))
}

fn tallies(balance: &Balance) -> impl Iterator<Item = &Tally> {
    [&balance.received, &balance.purchased]
        .into_iter()
        .chain(balance.ignored.values())
        .chain(balance.rejected.values())
}

fn lines(balance: &Balance, measures: &[String], numbers: NumberStyle) -> Vec<BalanceLine> {
    let line = |sign, name: String, tally: &Tally, is_total| BalanceLine {
        sign,
        name,
        records: numbers.count(tally.records),
        sums: measures
            .iter()
            .map(|m| numbers.plain(&tally.sums.get(m).cloned().unwrap_or_default()))
            .collect(),
        is_total,
    };
    let mut lines = vec![line("", "Received".to_owned(), &balance.received, true)];
    lines.push(line("=", "Purchased".to_owned(), &balance.purchased, false));
    lines.extend(
        balance.ignored.iter().map(|(rule, tally)| line("+", format!("Ignored: {rule}"), tally, false)),
    );
    lines.extend(
        balance.rejected.iter().map(|(why, tally)| line("+", format!("Rejected: {why}"), tally, false)),
    );
    lines
}

/// received = purchased + ignored + rejected, in records and in every measure.
fn adds_up(balance: &Balance) -> bool {
    let (mut records, mut sums) = (0, BTreeMap::<&str, Decimal>::new());
    for tally in tallies(balance).skip(1) {
        records += tally.records;
        for (measure, sum) in &tally.sums {
            let total = sums.entry(measure).or_default();
            *total = &*total + sum;
        }
    }
    let zero = Decimal::zero();
    let received = |measure: &str| balance.received.sums.get(measure).unwrap_or(&zero);
    records == balance.received.records
        && sums.iter().all(|(measure, sum)| received(measure) == sum)
        && balance
            .received
            .sums
            .iter()
            .all(|(measure, sum)| sums.get(measure.as_str()).unwrap_or(&zero) == sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Site;

    fn tally(records: u64, euros: &str) -> Tally {
        Tally { records, sums: [("EUR".to_owned(), euros.parse().unwrap())].into() }
    }

    #[test]
    fn a_lost_record_or_cent_is_seen() {
        let ignored = [("covered".to_owned(), tally(1, "0.1"))].into();
        let whole =
            Balance { received: tally(3, "0.3"), purchased: tally(2, "0.2"), ignored, ..Balance::default() };
        assert!(adds_up(&whole));
        assert!(!adds_up(&Balance { received: tally(4, "0.3"), ..whole.clone() }));
        assert!(!adds_up(&Balance { received: tally(3, "0.31"), ..whole.clone() }));
        assert!(!adds_up(&Balance { purchased: Tally { records: 2, ..Tally::default() }, ..whole }));
        assert!(adds_up(&Balance::default()));
    }

    #[tokio::test]
    async fn a_running_run_is_asked_for_again_and_an_ended_one_is_not() {
        let mut site = Site::connected().await;
        let run = site.start_run().await;
        site.sign_in("olaf").await;
        let text = site.get(&format!("/activity/{run}")).await.text;
        assert!(
            text.contains(&format!("hx-get=\"/activity/{run}/live\"")) && text.contains("every 1s"),
            "{text}"
        );
        assert!(text.contains("Cancel") && text.contains("aria-live=\"polite\""));
        assert!(text.contains("http-equiv=\"refresh\""), "works without script");
        site.end_run(run, RunState::Succeeded).await;
        let part = site.get(&format!("/activity/{run}/live")).await.text;
        assert!(!part.contains("hx-get") && !part.contains("<html") && part.contains("Succeeded"));
    }

    #[tokio::test]
    async fn the_numbers_add_up_and_what_was_done_is_told() {
        let mut site = Site::with_purchases().await;
        site.sign_in("vera").await;
        let text = site.get("/activity/1").await.text;
        assert!(
            text.contains("These numbers add up") && text.contains("Received") && text.contains("Purchased")
        );
        assert!(text.contains("1 page retrieved"), "the log");
        assert!(!text.contains("Cancel"));
    }

    #[tokio::test]
    async fn an_ended_run_cannot_be_cancelled() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        let answer = site.post("/activity/1/cancel", "").await;
        assert_eq!(answer.status, 409);
        assert!(answer.text.contains("RUN-ENDED"));
        assert_eq!(site.get("/activity/99").await.status, 404);
    }
}
