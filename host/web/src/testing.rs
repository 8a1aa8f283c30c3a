//! What the tests of pages share: a site on a real store, with three people, a clock and faked acts.

mod acts;
mod connector;
mod plugins;
mod seed;
mod tries;

use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use jiff::{SignedDuration, Timestamp};
use purser_domain::purchase::Key;
use purser_domain::{AccountId, Digest, Purchase};
use purser_store::Store;
use purser_store::access::{NewToken, Scope};
use purser_store::hand_overs::NewHandOver;
use purser_store::notices::{Concern, Level, Subject};
use purser_store::people::{Role, User};
use purser_store::trail::{Line, Wanted};
use purser_store_sqlite::SqliteStore;
use tempfile::TempDir;
use tower::ServiceExt as _;

use self::acts::FakeOutside;
use crate::access::AccessRules;
use crate::pages::tokens::new_token;

pub(crate) use self::acts::FakeActs;
pub(crate) use self::connector::{connector, coverage_row};
use crate::state::WebState;

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct-horse-battery";

/// The link of [`Site::invited`].
pub(crate) const HAND_OVER_LINK: &str = "/hand-over/once";

/// A clock that a test moves.
#[derive(Clone)]
pub(crate) struct Clock(Arc<Mutex<Timestamp>>);

impl Clock {
    pub(crate) fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    pub(crate) fn advance_minutes(&self, minutes: i64) {
        *self.0.lock().unwrap() += SignedDuration::from_mins(minutes);
    }
}

/// A site, and the browser that looks at it.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) router: Router,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) acts: Arc<FakeActs>,
    pub(crate) clock: Clock,
    pub(crate) outside: Arc<FakeOutside>,
    pub(crate) usage: Arc<purser_pipeline::usage::Board>,
    cookie: String,
    _folder: Arc<TempDir>,
}

/// An answer as a browser sees it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn has_header(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    pub(crate) fn location(&self) -> &str {
        self.header("location")
    }
}

impl Site {
    pub(crate) async fn without_users() -> Self {
        Self::at("http://localhost:8080").await
    }

    pub(crate) async fn new() -> Self {
        let site = Self::without_users().await;
        site.add_people().await;
        site
    }

    pub(crate) async fn secure() -> Self {
        let site = Self::at("https://purser.example").await;
        site.add_people().await;
        site
    }

    /// One that may be signed in to elsewhere.
    pub(crate) async fn with_outside(rules: AccessRules) -> Self {
        let site = Self::made("http://localhost:8080", rules, true).await;
        site.add_people().await;
        site
    }

    async fn at(url: &str) -> Self {
        Self::made(url, AccessRules::default(), false).await
    }

    async fn made(url: &str, rules: AccessRules, has_outside: bool) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path().join("test.db")).await.unwrap());
        let clock = Clock(Arc::new(Mutex::new("2026-11-23T10:00:00Z".parse().unwrap())));
        plugins::bundled(store.as_ref()).await;
        let acts = Arc::new(FakeActs::new(clock.clone(), Arc::clone(&store)));
        let state = WebState::new(Arc::clone(&store), Arc::clone(&acts) as _, url.parse().unwrap());
        let outside = Arc::new(FakeOutside::default());
        let state = state.with_access(rules, has_outside.then(|| Arc::clone(&outside) as _));
        let usage = Arc::clone(&state.usage);
        let router = crate::router(state);
        Self { router, store, acts, clock, outside, usage, cookie: String::new(), _folder: folder }
    }

    async fn add_people(&self) {
        static HASH: OnceLock<String> = OnceLock::new();
        let hash = HASH.get_or_init(|| crate::hash_password(PASSWORD).unwrap());
        for (name, role) in [("anna", Role::Admin), ("olaf", Role::Operator), ("vera", Role::Viewer)] {
            self.store.add_user(&User::new(name, hash.clone(), role)).await.unwrap();
        }
    }

    pub(crate) async fn sign_in(&mut self, name: &str) {
        let answer = self.post("/sign-in", &format!("name={name}&password={PASSWORD}")).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        self.keep_cookie(&answer);
    }

    pub(crate) fn keep_cookie(&mut self, answer: &Answer) {
        self.cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    }

    /// The session out of several cookies.
    pub(crate) fn keep_session(&mut self, answer: &Answer) {
        let cookies = answer.headers.get_all("set-cookie").iter().map(|it| it.to_str().unwrap());
        let session = cookies.into_iter().find(|it| it.contains("session=")).unwrap();
        self.cookie = session.split(';').next().unwrap().to_owned();
    }

    /// A hand-over by olaf.
    pub(crate) async fn hand_over(&self, account: Option<AccountId>) {
        let now = self.clock.now();
        let made = NewHandOver {
            connector: "test-cloud".parse().unwrap(),
            cloud: "global".into(),
            account,
            made_by: "olaf".into(),
            made_at: now,
            expires_at: now + crate::HAND_OVER_LIFE,
        };
        self.store.add_hand_over(Digest::of(b"once").as_bytes(), &made).await.unwrap();
    }

    /// The browser of somebody who has opened the link of a hand-over.
    pub(crate) async fn invited(&self, account: Option<AccountId>) -> Self {
        self.hand_over(account).await;
        self.reopened().await
    }

    /// The same, with a hand-over there is already.
    pub(crate) async fn reopened(&self) -> Self {
        let mut guest = self.with_cookie("");
        let opened = guest.get(HAND_OVER_LINK).await;
        assert_eq!((opened.status, opened.location()), (303, "/hand-over"), "{}", opened.text);
        guest.keep_cookie(&opened);
        guest
    }

    /// A token called `nightly`, good for 30 days.
    pub(crate) async fn token(&self, owner: Option<&str>, role: Role, scopes: &[Scope]) -> String {
        let (token, hash) = new_token(crate::Acts::random(self.acts.as_ref()));
        let now = self.clock.now();
        let made = NewToken {
            name: "nightly".into(),
            owner: owner.map(str::to_owned),
            role,
            scopes: scopes.iter().copied().collect(),
            created_by: "anna".into(),
            created_at: now,
            expires_at: now + SignedDuration::from_hours(30 * 24),
        };
        self.store.add_token(&hash, &made).await.unwrap();
        token
    }

    /// Purchases, by this token.
    pub(crate) async fn by_token(&self, token: &str) -> Answer {
        let asked = Request::get("/api/v1/purchases").header("authorization", format!("Bearer {token}"));
        self.send(asked.body(Body::empty()).unwrap()).await
    }

    /// A run, by this token.
    pub(crate) async fn order_by(&self, token: &str, body: &str) -> Answer {
        let asked =
            Request::post("/api/v1/accounts/1/runs").header("authorization", format!("Bearer {token}"));
        self.send(asked.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// Open notices, by this token.
    pub(crate) async fn notices_by(&self, token: &str) -> Answer {
        self.by(token, "/api/v1/notices").await
    }

    pub(crate) async fn by(&self, token: &str, path: &str) -> Answer {
        let asked = Request::get(path).header("authorization", format!("Bearer {token}"));
        self.send(asked.body(Body::empty()).unwrap()).await
    }

    /// Tells that the account's consent is not used; gives the notice's number.
    pub(crate) async fn raise_notice(&self, stage: u32) -> i64 {
        let concern = Concern {
            subject: Subject::Idle,
            code: "CON-IDLE".into(),
            level: Level::Warn,
            what: "the consent is not used: it ends on 2026-12-05".into(),
            remedy: "use it once".into(),
            stage,
        };
        self.store.raise_notice(ACCOUNT, &concern, self.clock.now()).await.unwrap().id
    }

    /// Tells that the account's user was disabled; gives the notice's number.
    pub(crate) async fn raise_lost(&self) -> i64 {
        let state = self.store.account(ACCOUNT).await.unwrap().state;
        let reason = crate::pages::connector::reason(&state).unwrap();
        let concern = Concern {
            subject: Subject::Consent,
            code: reason.code.clone(),
            level: Level::Error,
            what: reason.what.clone(),
            remedy: reason.remedy.clone(),
            stage: 0,
        };
        self.store.raise_notice(ACCOUNT, &concern, self.clock.now()).await.unwrap().id
    }

    /// The audit trail, the newest first.
    pub(crate) async fn lines(&self) -> Vec<Line> {
        let wanted = Wanted {
            who: String::new(),
            what: String::new(),
            account: None,
            from: None,
            until: None,
            before: None,
            limit: 1_000,
        };
        self.store.audit_lines(&wanted).await.unwrap()
    }

    pub(crate) fn cookie(&self) -> String {
        self.cookie.clone()
    }

    pub(crate) fn with_cookie(&self, cookie: &str) -> Self {
        Self { cookie: cookie.to_owned(), ..self.clone() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, form: &str) -> Answer {
        let kind = "application/x-www-form-urlencoded";
        self.send(Request::post(path).header("content-type", kind).body(Body::from(form.to_owned())).unwrap())
            .await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Request::delete(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        let headers = request.headers_mut();
        headers.insert("host", "localhost:8080".parse().unwrap());
        if !self.cookie.is_empty() {
            headers.insert("cookie", self.cookie.parse().unwrap());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status.as_u16(), headers: parts.headers, text }
    }

    /// The Purchase whose reference, key or words hold this.
    pub(crate) async fn purchase(&self, search: &str) -> Purchase {
        let filter =
            purser_store::ledger::Filter { search: Some(search.into()), voided: true, ..Default::default() };
        let mut found = self.store.purchases(&filter, None, 2).await.unwrap();
        assert_eq!(found.len(), 1, "{search}");
        found.remove(0)
    }

    pub(crate) async fn key_of(&self, search: &str) -> Key {
        self.purchase(search).await.key
    }
}

/// The only account of the tests.
pub(crate) const ACCOUNT: AccountId = AccountId(1);
