//! When the breaker trips: stories of runs, one after the other.

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use purser_domain::{AccountId, Cast, RunId};
use purser_store::runs::{Order, RunState};
use purser_store::{Accounts as _, Runs as _};
use purser_store_sqlite::SqliteStore;
use serde_json::json;

use super::*;

/// A run's mapping, how often it crashed, and how often the localisation did.
type Told = (&'static str, u64, u64);

struct Book {
    store: SqliteStore,
    _folder: tempfile::TempDir,
}

impl Book {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("purser.db")).await.unwrap();
        for tenant in ["one", "other"] {
            store.connect_account(&"sample".parse().unwrap(), "main", tenant, tenant, now()).await.unwrap();
        }
        Self { store, _folder: folder }
    }

    /// A run from its order to its end.
    async fn ran(&self, account: AccountId, (mapping, by_mapping, by_texts): Told) -> Run {
        let cast = Cast::one(Digest::of(b"all")).with(Role::Mapping, Digest::of(mapping.as_bytes()));
        let order = Order {
            account,
            trigger: Trigger::Manual,
            occurrence: None,
            as_of: now(),
            local_date: date(2026, 11, 23),
            window_from: date(2026, 11, 20),
            window_to: date(2026, 11, 24),
            settings_revision: 0,
            cast,
        };
        let run = self.store.order_run(&order, now()).await.unwrap().unwrap();
        let until = now() + SignedDuration::from_hours(1);
        let (_, fence) = self.store.claim_run(now(), until).await.unwrap().unwrap();
        let crashes = [(Role::Mapping, by_mapping), (Role::Localisation, by_texts)];
        let crashes = crashes.into_iter().filter(|(_, count)| *count > 0).collect();
        let report = json!(Report { crashes, ..Report::default() });
        self.store.finish_run(fence, RunState::Partial, &report, now()).await.unwrap();
        self.store.run(run).await.unwrap()
    }

    /// Whether the last of these runs trips the breaker for its mapping.
    async fn trips(story: &[(AccountId, Told)]) -> bool {
        let (book, mut last) = (Self::open().await, None);
        for (account, told) in story {
            last = Some((book.ran(*account, *told).await, told.1));
        }
        let (run, crashes) = last.unwrap();
        tripped(&book.store, &run, Role::Mapping, crashes).await.unwrap().is_some()
    }
}

fn now() -> Timestamp {
    "2026-11-23T18:00:00Z".parse().unwrap()
}

const ONE: AccountId = AccountId(1);
const OTHER: AccountId = AccountId(2);

#[tokio::test]
async fn only_many_crashes_in_one_run_or_some_in_three_runs_in_a_row_trip_it() {
    const BAD: Told = ("new", 1, 0);
    const GOOD: Told = ("new", 0, 0);
    let table = [
        ("one crash", vec![(ONE, BAD)], false),
        ("nearly as many as trip it", vec![(ONE, ("new", 19, 0))], false),
        ("as many as trip it", vec![(ONE, ("new", 20, 0))], true),
        ("two runs", vec![(ONE, BAD); 2], false),
        ("three runs", vec![(ONE, BAD); 3], true),
        ("a good run between", vec![(ONE, BAD), (ONE, BAD), (ONE, GOOD), (ONE, BAD)], false),
        ("three since a good run", vec![(ONE, GOOD), (ONE, BAD), (ONE, BAD), (ONE, BAD)], true),
        ("another version crashed", vec![(ONE, ("old", 1, 0)), (ONE, ("old", 1, 0)), (ONE, BAD)], false),
        ("another role crashed", vec![(ONE, ("new", 0, 1)), (ONE, ("new", 0, 1)), (ONE, BAD)], false),
        ("of another account", vec![(OTHER, BAD), (OTHER, BAD), (ONE, BAD)], false),
        ("a good run of another", vec![(ONE, BAD), (ONE, BAD), (OTHER, GOOD), (ONE, BAD)], true),
    ];
    for (what, story, expected) in table {
        assert_eq!(Book::trips(&story).await, expected, "{what}");
    }
}

#[tokio::test]
async fn why_it_trips_names_the_run_and_the_count() {
    let book = Book::open().await;
    let run = book.ran(ONE, ("new", 23, 0)).await;
    let because = tripped(&book.store, &run, Role::Mapping, 23).await.unwrap().unwrap();
    assert_eq!((run.id, because.as_str()), (RunId(1), "it crashed 23 times as mapping in run 1"));
}

#[test]
fn stops_that_may_be_the_hosts_own_doing_are_no_crashes() {
    let too_many = |what| CallError::TooMany { what, given: 2, limit: 1 };
    let crashes = [
        CallError::Trap { reason: String::new(), log: String::new() },
        too_many(Counted::Crashes),
        CallError::Contract(String::new()),
        CallError::Problem(Problem::Bug(String::new())),
    ];
    let others = [
        CallError::Deadline { used_ms: 2, limit_ms: 1 },
        CallError::Memory { wanted_bytes: 2, limit_bytes: 1 },
        CallError::Sandbox(String::new()),
        CallError::Problem(Problem::RetryLater(1)),
        CallError::Problem(Problem::NeedsConsent(String::new())),
        too_many(Counted::Records),
    ];
    for (errors, count) in [(&crashes[..], 1), (&others[..], 0)] {
        for error in errors {
            let seen = Crashes::default();
            seen.failed(Role::Mapping, error);
            assert_eq!(seen.seen().values().sum::<u64>(), count, "{error:?}");
        }
    }
}
