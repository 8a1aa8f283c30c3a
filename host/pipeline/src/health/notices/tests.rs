//! What is told when.

use jiff::{SignedDuration, Timestamp};
use purser_domain::AccountId;
use purser_store::accounts::ConsentState::{
    Active, Degraded, Disconnected, NeedsConsent, OperatorFault, Paused, Verifying,
};
use purser_store::accounts::{ConsentState, Reason};
use purser_store::notices::{Acknowledged, Concern, Level, Notice, Notices as _, Subject};
use purser_store_sqlite::SqliteStore;
use purser_vendor::{ClientAuth, Credential, Secret};

use super::{Facts, Step, concerns, step, tell, without_consent};

const ACCOUNT: AccountId = AccountId(1);

/// Whole hours into the story, which begins with the use of the grant.
fn hour(hours: i64) -> Timestamp {
    "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hours)
}

fn day(days: i64) -> Timestamp {
    hour(24 * days)
}

fn why(code: &str, since: Timestamp) -> Reason {
    Reason { code: code.into(), what: "w".into(), remedy: "r".into(), since }
}

fn secret(end: Option<Timestamp>) -> Credential {
    Credential { expires: end, ..Credential::secret(Secret::new("x".into())) }
}

fn told_of(state: &ConsentState, idle_days: u32, is_scheduled: bool, now: Timestamp) -> Vec<Concern> {
    let (used_at, client_auth) = (Some(hour(0)), &ClientAuth::default());
    concerns(&Facts { state, used_at, idle_days, is_scheduled, client_auth, now })
}

fn of(subject: Subject, all: &[Concern]) -> Option<(String, Level, u32)> {
    let one = all.iter().find(|concern| concern.subject == subject)?;
    Some((one.code.clone(), one.level, one.stage))
}

fn notice(concern: Concern) -> Notice {
    let (raised_at, told_at) = (hour(0), hour(0));
    let acknowledged = Some(Acknowledged { by: "ann".into(), at: hour(1) });
    Notice { id: 1, account: ACCOUNT, concern, raised_at, told_at, acknowledged, resolved_at: None }
}

#[test]
fn of_a_plain_secret_only_what_is_wrong_is_told_and_never_that_it_was_not_refreshed() {
    for state in [Active, Verifying, Paused, Disconnected] {
        assert_eq!(without_consent(&state, day(400)), []);
    }
    let told = without_consent(&NeedsConsent(why("RUN-SECRET", day(0))), day(4));
    assert_eq!(of(Subject::Consent, &told), Some(("RUN-SECRET".into(), Level::Error, 1)));
    assert_eq!(told.len(), 1);
}

#[test]
fn a_state_that_needs_somebody_is_told_and_again_every_third_day() {
    let since = hour(5);
    let reason = || why("X-1", since);
    let states = [
        (NeedsConsent(reason()), Some(Level::Error)),
        (OperatorFault(reason()), Some(Level::Error)),
        (Degraded(reason()), Some(Level::Warn)),
        (Active, None),
        (Verifying, None),
        (Paused, None),
        (Disconnected, None),
    ];
    for (state, level) in states {
        for (hours, stage) in [(0, 0), (71, 0), (72, 1), (143, 1), (144, 2), (72 * 30, 30)] {
            let all = told_of(&state, 0, true, since + SignedDuration::from_hours(hours));
            let expected = level.map(|level| ("X-1".to_owned(), level, stage));
            assert_eq!(of(Subject::Consent, &all), expected, "{state:?} {hours}");
        }
    }
}

#[test]
fn a_grant_nobody_uses_is_told_before_its_end_and_after_it() {
    use Level::{Error, Warn};
    let table = [
        (hour(60 * 24 - 1), None),
        (day(60), Some((Warn, 1))),
        (hour(76 * 24 - 1), Some((Warn, 1))),
        (day(76), Some((Warn, 2))),
        (day(83), Some((Error, 3))),
        (hour(89 * 24 - 1), Some((Error, 3))),
        (day(89), Some((Error, 4))),
        (hour(90 * 24 - 1), Some((Error, 4))),
        (day(90), Some((Error, 5))),
        (day(93), Some((Error, 6))),
        (day(120), Some((Error, 15))),
    ];
    for (now, expected) in table {
        let expected = expected.map(|(level, stage)| ("CON-IDLE".to_owned(), level, stage));
        for state in [Paused, Active, Degraded(why("X-1", now)), OperatorFault(why("CON-X", now))] {
            assert_eq!(of(Subject::Idle, &told_of(&state, 90, false, now)), expected, "{state:?} {now}");
        }
        for state in [Disconnected, NeedsConsent(why("CON-X", now))] {
            assert_eq!(of(Subject::Idle, &told_of(&state, 90, false, now)), None, "{state:?} {now}");
        }
    }
    let words = &told_of(&Paused, 90, false, day(80))[0].what;
    assert!(words.contains("2026-04-01"), "the words name the day: {words}");
}

#[test]
fn a_grant_in_daily_use_is_near_no_end_however_short_it_lives_unused() {
    for idle_days in [0, 1, 3, 7, 14, 20, 30, 31, 60, 90] {
        let all = told_of(&Active, idle_days, true, hour(26));
        let near = of(Subject::Idle, &all).filter(|_| idle_days != 1);
        assert_eq!(near, None, "{idle_days}");
    }
    let first = |idle_days: u32| {
        let told =
            |hours: &i64| of(Subject::Idle, &told_of(&Paused, idle_days, false, hour(*hours))).is_some();
        (0..24 * 400).find(told).map(|hours| hours / 24)
    };
    assert_eq!([90, 60, 30, 14, 3, 2].map(first), [60, 30, 16, 7, 2, 1].map(Some));
    assert_eq!(first(0), None);
}

#[test]
fn a_scheduled_account_whose_grant_is_not_renewed_for_more_than_a_day_is_told() {
    let since = |hours, stage| (hour(hours), Some(("CON-NOT-REFRESHED".to_owned(), Level::Warn, stage)));
    let table = [(hour(0), None), (hour(26), None), since(27, 0), since(26 + 72, 1), since(26 + 144, 2)];
    for (now, expected) in table {
        assert_eq!(of(Subject::Refresh, &told_of(&Active, 90, true, now)), expected, "{now}");
        let quiet = [
            (Active, false),
            (Paused, false),
            (Verifying, true),
            (Degraded(why("X-1", now)), true),
            (NeedsConsent(why("CON-X", now)), true),
        ];
        for (state, is_scheduled) in quiet {
            assert_eq!(of(Subject::Refresh, &told_of(&state, 90, is_scheduled, now)), None, "{state:?}");
        }
    }
}

#[test]
fn the_end_of_the_last_credential_is_told_by_stages_and_after_it() {
    let ends = |ends: &[Option<i64>], now| {
        let client_auth = &ClientAuth::new(ends.iter().map(|end| secret(end.map(day))).collect());
        let (state, is_scheduled) = (&Paused, false);
        let all = concerns(&Facts { state, used_at: None, idle_days: 90, is_scheduled, client_auth, now });
        of(Subject::Credential, &all).map(|(code, level, stage)| {
            assert_eq!(code, "CON-CREDENTIAL-ENDS");
            (level, stage)
        })
    };
    use Level::{Error, Warn};
    for (now, expected) in [
        (39, None),
        (40, Some((Warn, 1))),
        (70, Some((Warn, 2))),
        (93, Some((Error, 3))),
        (100, Some((Error, 4))),
        (103, Some((Error, 5))),
    ] {
        assert_eq!(ends(&[Some(100)], day(now)), expected, "{now}");
    }
    assert_eq!(ends(&[Some(100), Some(400)], day(99)), None, "another lasts longer");
    assert_eq!(ends(&[Some(100), None], day(99)), None, "another's end nobody knows");
    assert_eq!(ends(&[], day(99)), None, "a public client");
}

#[test]
fn each_step_follows_from_what_was_told_and_what_there_is_to_tell() {
    let told = |code: &str, level, stage, what: &str| Concern {
        subject: Subject::Idle,
        code: code.into(),
        level,
        what: what.into(),
        remedy: "r".into(),
        stage,
    };
    let now = || told("A", Level::Warn, 2, "w");
    let table = [
        (None, None, None),
        (None, Some(now()), Some(Step::Raise)),
        (Some(now()), None, Some(Step::Resolve)),
        (Some(now()), Some(now()), None),
        (Some(now()), Some(told("A", Level::Error, 3, "w")), Some(Step::Remind)),
        (Some(now()), Some(told("A", Level::Warn, 9, "other words")), Some(Step::Remind)),
        (Some(now()), Some(told("B", Level::Warn, 2, "w")), Some(Step::Replace)),
        (Some(now()), Some(told("B", Level::Warn, 3, "w")), Some(Step::Replace)),
        (Some(now()), Some(told("A", Level::Warn, 1, "w")), Some(Step::Replace)),
        (Some(now()), Some(told("A", Level::Error, 2, "w")), Some(Step::Replace)),
        (Some(now()), Some(told("A", Level::Warn, 2, "another day")), Some(Step::Replace)),
    ];
    for (open, concern, expected) in table {
        let open = open.map(notice);
        assert_eq!(step(open.as_ref(), concern.as_ref()), expected, "{open:?} {concern:?}");
    }
}

/// A story told to a store, a look every hour: what was told, in order.
struct Story {
    store: SqliteStore,
    _folder: tempfile::TempDir,
    told: Vec<(i64, String)>,
    known: Vec<Notice>,
}

impl Story {
    async fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("purser.db")).await.unwrap();
        let connector = "test-cloud".parse().unwrap();
        use purser_store::accounts::Accounts as _;
        let account = store.connect_account(&connector, "global", "t", "Contoso", hour(0)).await.unwrap();
        assert_eq!(account.id, ACCOUNT);
        Self { store, _folder: folder, told: Vec::new(), known: Vec::new() }
    }

    async fn look(&mut self, hours: i64, state: &ConsentState) {
        let all = told_of(state, 90, false, hour(hours));
        tell(&self.store, ACCOUNT, &all, hour(hours)).await.unwrap();
        let open = self.store.open_notices(None).await.unwrap();
        let is_told = |notice: &&Notice| {
            !self.known.iter().any(|known| (known.id, known.told_at) == (notice.id, notice.told_at))
        };
        for notice in open.iter().filter(is_told) {
            self.told.push((hours / 24, format!("{} {}", notice.concern.code, notice.concern.stage)));
        }
        for gone in self.known.iter().filter(|known| !open.iter().any(|notice| notice.id == known.id)) {
            self.told.push((hours / 24, format!("{} over", gone.concern.code)));
        }
        self.known = open;
    }

    async fn until(&mut self, days: std::ops::Range<i64>, state: &ConsentState) {
        for hours in days.start * 24..days.end * 24 {
            self.look(hours, state).await;
        }
    }

    fn told(&mut self) -> Vec<String> {
        self.told.drain(..).map(|(day, what)| format!("{day}: {what}")).collect()
    }
}

#[tokio::test]
async fn of_a_grant_unused_for_eighty_nine_days_each_stage_is_told_once() {
    let mut story = Story::begin().await;
    story.until(0..90, &Paused).await;
    assert_eq!(story.told(), ["60: CON-IDLE 1", "76: CON-IDLE 2", "83: CON-IDLE 3", "89: CON-IDLE 4"]);
    story.until(90..97, &Paused).await;
    assert_eq!(story.told(), ["90: CON-IDLE 5", "93: CON-IDLE 6", "96: CON-IDLE 7"]);
    story.until(97..98, &Disconnected).await;
    assert_eq!(story.told(), ["97: CON-IDLE over"]);
}

#[tokio::test]
async fn a_state_is_told_at_once_reminded_of_replaced_by_another_and_over_when_it_ends() {
    let mut story = Story::begin().await;
    story.until(1..8, &NeedsConsent(why("CON-X", day(1)))).await;
    assert_eq!(story.told(), ["1: CON-X 0", "4: CON-X 1", "7: CON-X 2"]);
    story.until(8..9, &Degraded(why("X-1", day(8)))).await;
    assert_eq!(story.told(), ["8: X-1 0", "8: CON-X over"]);
    story.until(9..10, &Active).await;
    assert_eq!(story.told(), ["9: X-1 over"]);
}

#[tokio::test]
async fn an_acknowledged_notice_is_quiet_until_its_next_stage() {
    let mut story = Story::begin().await;
    let state = NeedsConsent(why("CON-X", day(1)));
    story.until(1..2, &state).await;
    let id = story.known[0].id;
    story.store.acknowledge_notice(ACCOUNT, id, "ann", day(2)).await.unwrap();
    story.until(2..4, &state).await;
    assert_eq!(story.told(), ["1: CON-X 0"]);
    assert_eq!(story.known[0].acknowledged, Some(Acknowledged { by: "ann".into(), at: day(2) }));
    story.until(4..5, &state).await;
    assert_eq!(story.told(), ["4: CON-X 1"]);
    assert_eq!((story.known[0].id, &story.known[0].acknowledged), (id, &None));
}
