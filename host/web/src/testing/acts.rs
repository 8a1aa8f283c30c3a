//! Acts that note what was asked of them.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use purser_domain::{AccountId, ConnectorId, Digest, Purchase, RunId};
use purser_pipeline::fate::Fate;
use purser_store::Store;
use purser_store::access::Identity;
use purser_store::accounts::{ConsentState, Grant, HostSettings, Probe, Settings};
use purser_store::hand_overs::{Answer, Ending, HandOver, HandOverId, PendingGrant};
use purser_store::ledger::Filter;
use purser_store::people::{AuditEntry, Role};
use purser_store::runs::PageSource;
use purser_vendor::Secret;
use url::Url;

use super::{Clock, connector, seed};
use crate::access::{OutsideSignIn, Outsider};
use crate::entry::NewAccount;
use crate::{
    Acts, BeginConsent, Confirmation, ConnectorView, CoverageView, CredentialView, Occurrence, Problem,
};

pub(crate) struct FakeActs {
    clock: Clock,
    store: Arc<dyn Store>,
    log: Mutex<Vec<String>>,
    coverage: Mutex<Vec<CoverageView>>,
    drawn: AtomicU64,
    pub(super) is_trying: AtomicBool,
    credentials: Mutex<Vec<CredentialView>>,
    /// Whether accounts have secrets, where they are not connected by consent.
    secrets: Mutex<Option<bool>>,
}

impl FakeActs {
    pub(super) fn new(clock: Clock, store: Arc<dyn Store>) -> Self {
        Self {
            clock,
            store,
            log: Mutex::default(),
            coverage: Mutex::default(),
            credentials: Mutex::default(),
            secrets: Mutex::default(),
            drawn: AtomicU64::default(),
            is_trying: AtomicBool::default(),
        }
    }

    pub(super) fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Gives the app registration a secret that ends soon.
    pub fn end_secret_soon(&self) {
        *self.credentials.lock().unwrap() = vec![CredentialView {
            kind: "client secret",
            ends: Some("2026-11-30".parse().unwrap()),
            is_used: true,
            warning: "the client secret ends on 2026-11-30, in 7 days".into(),
        }];
    }

    /// Connects accounts by secrets instead of consents.
    pub(crate) fn take_secrets(&self) {
        *self.secrets.lock().unwrap() = Some(true);
    }

    /// Connects accounts by their name alone.
    pub(crate) fn take_no_secrets(&self) {
        *self.secrets.lock().unwrap() = Some(false);
    }

    /// Gives the connector a coverage table.
    pub(crate) fn cover(&self, rows: Vec<CoverageView>) {
        *self.coverage.lock().unwrap() = rows;
    }

    /// As the port asks for: what is done is written to the trail under the name given.
    pub(super) async fn note(&self, act: String, who: &str) -> Result<(), Problem> {
        self.log.lock().unwrap().push(format!("{act} {who}").trim().to_owned());
        if who.is_empty() {
            return Ok(());
        }
        let what = format!("test.{}", act.split(' ').next().unwrap());
        let detail = serde_json::json!({ "before": null, "after": act });
        let entry = AuditEntry { at: self.now(), who: who.to_owned(), what, detail };
        Ok(self.store.audit(&entry).await?)
    }

    async fn probed(&self, account: AccountId) -> Result<Vec<Probe>, Problem> {
        let probes = self.probes();
        self.store.put_probes(account, &probes).await?;
        Ok(probes)
    }

    fn probes(&self) -> Vec<Probe> {
        let probe = |name: &str, verdict: &str, code: &str, remedy: &str| Probe {
            name: name.into(),
            capability: name.into(),
            verdict: verdict.into(),
            code: code.into(),
            remedy: remedy.into(),
            evidence: "403".into(),
            needed: true,
            probed_at: self.now(),
            ok_at: None,
        };
        vec![
            probe("read customers", "ok", "TST-PRE-1", ""),
            probe("read usage", "missing", "TST-PRE-2", "give the billing role"),
            probe("read rates", "unknown", "TST-PRE-3", "nothing to do"),
        ]
    }
}

#[async_trait]
impl Acts for FakeActs {
    fn connectors(&self) -> Vec<ConnectorView> {
        let credentials = self.credentials.lock().unwrap().clone();
        let usual = connector();
        let (consent, takes_secret) = match *self.secrets.lock().unwrap() {
            Some(takes_secret) => (None, takes_secret),
            None => (usual.consent.clone(), false),
        };
        let coverage = self.coverage.lock().unwrap().clone();
        let application_permissions =
            if consent.is_some() { usual.application_permissions.clone() } else { Vec::new() };
        vec![ConnectorView { coverage, credentials, consent, takes_secret, application_permissions, ..usual }]
    }

    async fn begin_consent(&self, request: BeginConsent<'_>) -> Result<Url, Problem> {
        self.note(format!("begin {} {:?} {:?}", request.connector, request.cloud, request.renew), "").await?;
        Ok("https://login.example/authorize?state=good".parse().unwrap())
    }

    async fn finish_consent(
        &self,
        _: &ConnectorId,
        _: Option<&str>,
        query: &[(String, String)],
        session: &[u8; 32],
    ) -> Result<Confirmation, Problem> {
        assert_ne!(session, &[0; 32]);
        if !query.contains(&("state".into(), "good".into())) {
            return Err(Problem::new(
                400,
                "CON-STATE",
                "the answer belongs to another sign-in",
                "start again",
            ));
        }
        Ok(Confirmation {
            handle: "handle-1".into(),
            user_name: "svc@contoso.example".into(),
            tenant: "7d7a1a52-0000-4000-8000-1c5f2f6a9e11".into(),
            tenant_title: "Contoso Partner".into(),
            renewing: None,
            other_than: String::new(),
        })
    }

    async fn confirm_consent(&self, handle: &str, _: &[u8; 32], who: &str) -> Result<AccountId, Problem> {
        self.note(format!("confirm {handle}"), who).await?;
        let account = seed::connect(self.store.as_ref(), self.now()).await;
        self.probed(account).await?;
        Ok(account)
    }

    async fn add_account(&self, new: NewAccount<'_>, who: &str) -> Result<AccountId, Problem> {
        let (NewAccount { connector, cloud, name, secret }, now) = (new, self.now());
        let told = secret.map(|it| format!(" with a secret of {}", it.expose().len())).unwrap_or_default();
        self.note(format!("add {name} in {cloud}{told}"), who).await?;
        let account = self.store.connect_account(connector, cloud, name, name, now).await?;
        if !told.is_empty() {
            let grant = Grant { user_name: who.to_owned(), ..grant(now) };
            let version = self.store.grant(account.id).await?.map(|former| former.version);
            let grant = Grant { version: version.unwrap_or(0) + 1, ..grant };
            self.store.put_grant(account.id, version, &grant).await?;
        }
        Ok(account.id)
    }

    async fn change_secret(&self, account: AccountId, secret: Secret, who: &str) -> Result<(), Problem> {
        self.note(format!("secret of {account}, one of {}", secret.expose().len()), who).await
    }

    fn admin_link(&self, _: &ConnectorId, _: &str, tenant: &str, code: &str) -> Option<Url> {
        let link = format!("https://login.example/{tenant}/consent-for-all?a=1&b=2");
        (code == "CON-USER").then(|| link.parse().unwrap())
    }

    async fn answer_hand_over(
        &self,
        id: HandOverId,
        handle: &str,
        session: &[u8; 32],
    ) -> Result<HandOver, Problem> {
        assert_ne!(session, &[0; 32]);
        self.note(format!("answer {id} {handle}"), &format!("hand-over {id}")).await?;
        let (store, now) = (self.store.as_ref(), self.now());
        let tenant = "7d7a1a52-0000-4000-8000-1c5f2f6a9e11";
        let account =
            store.connect_account(&connector().id, "global", tenant, "Contoso Partner", now).await?;
        let answer = Answer {
            account: account.id,
            tenant: tenant.into(),
            user_name: "svc@contoso.example".into(),
            user_id: "u-1".into(),
            roles: None,
            consented_at: now,
            answered_at: now,
            probes: self.probes(),
            shortcoming: None,
        };
        let pending = PendingGrant { sealed: vec![1, 2, 3], key_version: 1 };
        store.answer_hand_over(id, &answer, &pending, now + crate::HAND_OVER_LIFE).await?;
        Ok(store.hand_over(id).await?)
    }

    async fn accept_hand_over(&self, id: HandOverId, who: &str) -> Result<AccountId, Problem> {
        self.note(format!("accept {id}"), who).await?;
        let handed = self.store.hand_over(id).await?;
        let answer = handed.waiting(self.now()).ok_or_else(|| Problem::not_found("answer"))?;
        self.store.accept_hand_over(id, None, &grant(self.now()), who, self.now()).await?;
        Ok(answer.account)
    }

    async fn end_hand_over(&self, id: HandOverId, ending: Ending, who: &str) -> Result<(), Problem> {
        self.note(format!("end {id} {ending:?}"), who).await?;
        self.store.end_hand_over(id, ending, who, self.now()).await?;
        Ok(())
    }

    async fn probe(&self, account: AccountId, who: &str) -> Result<Vec<Probe>, Problem> {
        self.note(format!("probe {account}"), who).await?;
        self.probed(account).await
    }

    async fn disconnect(&self, account: AccountId, who: &str) -> Result<(), Problem> {
        self.note(format!("disconnect {account}"), who).await
    }

    async fn pause(&self, account: AccountId, who: &str) -> Result<(), Problem> {
        self.note(format!("pause {account}"), who).await
    }

    async fn resume(&self, account: AccountId, who: &str) -> Result<(), Problem> {
        self.note(format!("resume {account}"), who).await
    }

    async fn run_now(
        &self,
        account: AccountId,
        from: Option<Date>,
        to: Option<Date>,
        who: &str,
    ) -> Result<RunId, Problem> {
        self.note(format!("run {account} {from:?} {to:?}"), who).await?;
        Ok(self.store.order_run(&seed::order(self.now()), self.now()).await?.unwrap())
    }

    async fn cancel_run(&self, run: RunId, who: &str) -> Result<(), Problem> {
        self.note(format!("cancel {run}"), who).await
    }

    fn next_runs(&self, settings: &HostSettings, count: usize) -> Vec<Occurrence> {
        let now = self.now().in_tz(&settings.zone).unwrap();
        let time = jiff::civil::Time::strptime("%H:%M", &settings.time).unwrap();
        let at = |day: i64| {
            (now.date() + jiff::SignedDuration::from_hours(24 * day))
                .to_datetime(time)
                .in_tz(&settings.zone)
                .unwrap()
        };
        let coming = (0..).map(at).filter(|at| *at > now).take(count);
        let occurrence = |at: jiff::Zoned| Occurrence {
            date: at.date(),
            local: at.strftime("%a %d %b, %H:%M %Z").to_string(),
            utc: at.timestamp().strftime("%H:%M UTC").to_string(),
            at: at.timestamp(),
        };
        coming.map(occurrence).collect()
    }

    fn validate_settings(
        &self,
        _: &ConnectorId,
        _: &Settings,
        _: &HostSettings,
        _: &serde_json::Value,
    ) -> Result<(), Problem> {
        Ok(())
    }

    fn record_ranges(&self, _: &str, page: &[u8]) -> Result<Vec<Range<usize>>, Problem> {
        // The pages of the tests have one record a line, between brackets.
        let mut ranges = Vec::new();
        let mut start = 0;
        for line in page.split_inclusive(|byte| *byte == b'\n') {
            let end = start + line.trim_ascii_end().len();
            if line.starts_with(b"{") {
                ranges.push(start..end - usize::from(line.trim_ascii_end().ends_with(b",")));
            }
            start += line.len();
        }
        Ok(ranges)
    }

    async fn record_fates(
        &self,
        account: AccountId,
        source: &PageSource,
        page: &[u8],
    ) -> Result<Vec<Fate>, Problem> {
        // Records are named by their meter, and so are the Purchases they become.
        let filter = Filter { account: Some(account), voided: true, ..Filter::default() };
        let purchases = self.store.purchases(&filter, None, 1000).await?;
        let rejected = self.store.rejected(account).await?;
        let fate = |(ordinal, range): (u32, Range<usize>)| {
            let text = String::from_utf8_lossy(&page[range]).into_owned();
            let named = |it: &&Purchase| {
                let meter = it.description.product_key.trim_start_matches("key-").to_lowercase();
                text.contains(&format!("\"meter\":\"{meter}\""))
            };
            let aside = rejected.iter().find(|it| it.example.is_some_and(|it| it.ordinal == ordinal));
            match (purchases.iter().find(named), aside) {
                (Some(purchase), _) => Fate::Purchase(purchase.key),
                (None, Some(aside)) => Fate::Rejected(aside.reason.clone()),
                (None, None) => Fate::Told,
            }
        };
        Ok((0..).zip(self.record_ranges(&source.context, page)?).map(fate).collect())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn random(&self) -> [u8; 32] {
        let drawn = self.drawn.fetch_add(1, Ordering::SeqCst);
        *Digest::of(&drawn.to_le_bytes()).as_bytes()
    }
}

/// A grant of the account's user.
pub(super) fn grant(at: Timestamp) -> Grant {
    Grant {
        sealed: vec![1, 2, 3],
        key_version: 1,
        user_name: "svc@contoso.example".into(),
        user_id: "u-1".into(),
        roles: None,
        consented_at: at,
        refreshed_at: at,
        version: 1,
    }
}

/// The state of an account whose user was disabled.
pub(super) fn lost(at: Timestamp) -> ConsentState {
    ConsentState::NeedsConsent(purser_store::accounts::Reason {
        code: "CON-USER".into(),
        what: "the consenting user was disabled".into(),
        remedy: "renew the consent with another user".into(),
        since: at,
    })
}

/// Somebody who vouches for whom a test says, and for nobody else.
#[derive(Default)]
pub(crate) struct FakeOutside {
    vouched: Mutex<Option<Outsider>>,
    begun: Mutex<Vec<[u8; 32]>>,
}

impl FakeOutside {
    pub(crate) fn vouch(&self, name: &str, role: Role) {
        let identity = Identity { issuer: "https://login.example".into(), subject: format!("id of {name}") };
        *self.vouched.lock().unwrap() = Some(Outsider { identity, name: name.into(), role });
    }
}

#[async_trait]
impl OutsideSignIn for FakeOutside {
    fn title(&self) -> &str {
        "Sign in with Example"
    }

    async fn begin(&self, browser: &[u8; 32]) -> Result<Url, Problem> {
        self.begun.lock().unwrap().push(*browser);
        Ok("https://login.example/authorize".parse().unwrap())
    }

    async fn finish(&self, browser: &[u8; 32], _: &[(String, String)]) -> Result<Outsider, Problem> {
        if !self.begun.lock().unwrap().contains(browser) {
            return Err(Problem::new(400, "TST-BROWSER", "another browser", "begin again"));
        }
        let refused = || Problem::new(403, "TST-NO-GROUP", "no group gives a role", "ask for one");
        self.vouched.lock().unwrap().clone().ok_or_else(refused)
    }
}
