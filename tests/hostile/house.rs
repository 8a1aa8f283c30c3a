//! A whole host around the hostile plugin: store, client, pipeline, a vendor on loopback; one account that is attacked,
//! another of the same connector, and one of another connector. All three run at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use purser_domain::AccountId;
use purser_pipeline::export::Rows;
use purser_pipeline::plugins::Plugins;
use purser_pipeline::report::Report;
use purser_pipeline::usage::{Board, VersionUse};
use purser_pipeline::{Clock, Host};
use purser_runtime::{Limits, Sandbox};
use purser_store::Runs as _;
use purser_store::ledger::Filter;
use purser_store::runs::RunState;
use purser_vendor::connector::Connector;
use tokio_util::sync::CancellationToken;

use crate::components;
use crate::ground::{Ground, NewAccount, Served};
use crate::vendor::{ATTACKED, GOOD, NEIGHBOUR, Vendor};

/// How long all runs of a test may take together before the host counts as hanging.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long the host may take to answer while an attack goes on.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

pub struct House {
    pub host: Arc<Host>,
    pub board: Arc<Board>,
    pub vendor: Vendor,
    pub attacked: AccountId,
    ground: Ground,
    neighbours: [AccountId; 2],
    hours: Arc<AtomicI64>,
}

/// What an attack came to.
pub struct Outcome {
    pub state: RunState,
    pub report: Report,
    /// The attacked account's Purchases: quantity, cost and currency.
    pub rows: Vec<String>,
    /// What the attacked account's plugin had sent.
    pub asked: Vec<String>,
}

impl Outcome {
    /// Every code the run tells, of what went wrong and of what was set aside.
    pub fn codes(&self) -> Vec<String> {
        let notes = self.report.notes.iter().map(|note| note.code.clone());
        let word = |text: &str| text.split([' ', ':']).next().unwrap_or_default().to_owned();
        notes.chain(self.report.balance.rejected.keys().map(|reason| word(reason))).collect()
    }

    /// Records set aside.
    pub fn rejected(&self) -> u64 {
        self.report.balance.rejected.values().map(|tally| tally.records).sum()
    }
}

/// What of the host is other than usual.
pub struct Plan {
    pub limits: Limits,
    pub requests: u64,
    pub feed: &'static str,
    pub wasi: bool,
}

impl Plan {
    pub fn of(feed: &'static str) -> Self {
        Self { limits: components::tight(), requests: 1_000, feed, wasi: false }
    }
}

impl House {
    pub async fn with(plan: Plan) -> Self {
        let vendor = Vendor::default();
        let hours = Arc::new(AtomicI64::new(0));
        let clock = clock(hours.clone());
        let ground = Ground::of(vendor.routes(), clock.clone()).await;
        let feeds = [plan.feed];
        let account =
            |connector, tenant, secret, feeds| NewAccount { connector, cloud: "main", tenant, secret, feeds };
        let attacked = ground.connect(&account("hostile", "attacked", ATTACKED, &feeds)).await.id;
        let same = ground.connect(&account("hostile", "neighbour", NEIGHBOUR, &["records"])).await.id;
        let other = ground.connect(&account("meterhub", "neighbour", NEIGHBOUR, &[])).await.id;
        let board = Arc::new(Board::new(clock));
        let sandbox = Sandbox::recorded(plan.limits, Some(components::compiled()), board.clone()).unwrap();
        let plugins = Plugins::new(sandbox, None);
        let hostile = if plan.wasi { components::with_wasi() } else { components::plain("hostile") };
        plugins.activate(&hostile).unwrap();
        plugins.activate(&components::plain("meterhub")).unwrap();
        let limits =
            purser_pipeline::Limits { requests_of_run: plan.requests, ..purser_pipeline::Limits::default() };
        let served = [("hostile", "api"), ("meterhub", "hub")];
        let served = served.map(|(connector, endpoint)| Served { connector, cloud: "main", endpoint });
        let host = Arc::new(ground.host(plugins, &served, limits));
        Self { host, board, vendor, attacked, neighbours: [same, other], hours, ground }
    }

    /// What the host grants the hostile plugin.
    pub fn granted(&self) -> Connector {
        let plugin = self.host.plugins.active(&"hostile".parse().unwrap()).unwrap();
        self.host.clouds.connector(plugin.descriptor(), "main").unwrap()
    }

    /// One run of the attacked account with this answer, while its neighbours run too. Everything but the attacked account
    /// must end as always, and the host must answer all the while.
    pub async fn attack(&self, body: &str) -> Outcome {
        self.vendor.answer(body);
        self.hours.fetch_add(1, Ordering::SeqCst);
        self.vendor.asked();
        let mut runs = Vec::new();
        for account in [self.attacked, self.neighbours[0], self.neighbours[1]] {
            runs.push(self.host.order_now(account, None, None).await.unwrap());
        }
        let stop = CancellationToken::new();
        let workers = [0, 1].map(|_| tokio::spawn(self.host.clone().work(stop.clone())));
        let waited = tokio::time::timeout(PATIENCE, self.wait_for(&runs)).await;
        stop.cancel();
        assert!(waited.is_ok(), "the host hangs");
        for worker in workers {
            worker.await.unwrap();
        }
        self.assert_untouched().await;
        let run = self.ground.store.run(runs[0]).await.unwrap();
        Outcome {
            state: run.state,
            report: serde_json::from_value(run.report).unwrap(),
            rows: self.rows(self.attacked).await,
            asked: self.vendor.asked(),
        }
    }

    /// Until all have ended; meanwhile the host is asked, as `/readyz` does.
    async fn wait_for(&self, runs: &[purser_domain::RunId]) {
        let mut open = runs.to_vec();
        while !open.is_empty() {
            let answer = tokio::time::timeout(ANSWERS_WITHIN, self.ground.store.run(open[0])).await;
            let run = answer.expect("the host does not answer").unwrap();
            match run.finished_at {
                Some(_) => drop(open.remove(0)),
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    async fn assert_untouched(&self) {
        assert_eq!(self.rows(self.neighbours[0]).await, ["3 3 EUR"]);
        let expected = ["10.125 2.0250000000000000000001 EUR", "3 0.3 EUR"];
        assert_eq!(self.rows(self.neighbours[1]).await, expected);
        for account in self.neighbours {
            let run = self.ground.store.runs(Some(account), 1).await.unwrap().remove(0);
            let report: Report = serde_json::from_value(run.report).unwrap();
            // Nobody has mapped this vendor's customers; nothing else is to be said.
            let told: Vec<_> = report.notes.iter().filter(|note| note.code != "LED-ALL-UNMAPPED").collect();
            assert!(told.is_empty(), "{told:?}");
        }
    }

    async fn rows(&self, account: AccountId) -> Vec<String> {
        let filter = Filter { account: Some(account), ..Filter::default() };
        let mut rows = Rows::new(self.ground.store.as_ref(), filter, "en-US");
        let mut all = Vec::new();
        while let Some(some) = rows.next().await.unwrap() {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            all.extend(
                some.iter()
                    .map(|row| format!("{} {} {}", row.quantity, text(&row.cost), text(&row.currency))),
            );
        }
        all.sort();
        all
    }

    /// What the hostile plugin used.
    pub fn used(&self) -> VersionUse {
        self.board.of_plugin("hostile").remove(0)
    }
}

fn clock(hours: Arc<AtomicI64>) -> Clock {
    let begin: Timestamp = "2026-11-15T17:00:00Z".parse().unwrap();
    Arc::new(move || begin + SignedDuration::from_hours(hours.load(Ordering::SeqCst)))
}

/// What the attacked account has before an attack: three records of 1 EUR.
pub fn good() -> String {
    format!("{GOOD}\n{GOOD}\n{GOOD}\n")
}
