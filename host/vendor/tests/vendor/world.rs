//! Everything a test needs, put together: clock and pace under its control, stores in memory, a connector to the fake.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::AccountId;
use purser_vendor::connector::{Claims, ErrorClass};
use purser_vendor::consent::{Consent, FlowStore, FlowStoreError, StoredFlow};
use purser_vendor::roles::Roles;
use purser_vendor::tokens::{GrantState, GrantStoreError, StoredGrant};
use purser_vendor::vault::{GrantIdentity, Kind, Sealed};
use purser_vendor::*;
use url::Url;
use uuid::Uuid;

use crate::fake::{CLIENT, CLIENT_SECRET, PERSONAL, REDIRECT, TENANT, Vendor};

pub const ACCOUNT: AccountId = AccountId(7);

pub struct TestClock(Mutex<Timestamp>);

impl TestClock {
    pub fn advance(&self, seconds: i64) {
        let mut now = self.0.lock().unwrap();
        *now += jiff::SignedDuration::from_secs(seconds);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Nobody waits: sleeping moves time on.
#[derive(Default)]
pub struct TestPace {
    elapsed: Mutex<Duration>,
    pub sleeps: Mutex<Vec<Duration>>,
}

#[async_trait]
impl Pace for TestPace {
    fn elapsed(&self) -> Duration {
        *self.elapsed.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        *self.elapsed.lock().unwrap() += duration;
        self.sleeps.lock().unwrap().push(duration);
    }
}

/// Grants in memory. `events` tells their order among the vendor's.
pub struct MemoryGrants {
    pub grant: Mutex<Option<StoredGrant>>,
    pub states: Mutex<Vec<GrantState>>,
    /// Written by another process just before the next replacement.
    pub faster: Mutex<Option<Vec<u8>>>,
    pub fails: Mutex<bool>,
    /// The account uses the application's own permission.
    pub application: Mutex<bool>,
    vendor: Vendor,
}

#[async_trait]
impl GrantStore for MemoryGrants {
    async fn load(&self, _: AccountId) -> Result<Option<StoredGrant>, GrantStoreError> {
        Ok(self.grant.lock().unwrap().clone())
    }

    async fn application(&self, _: AccountId) -> Result<Option<String>, GrantStoreError> {
        Ok(self.application.lock().unwrap().then(|| TENANT.into()))
    }

    async fn replace(
        &self,
        _: AccountId,
        expected: u64,
        sealed: Sealed,
        _: Timestamp,
    ) -> Result<(), GrantStoreError> {
        if *self.fails.lock().unwrap() {
            return Err(GrantStoreError::Failed);
        }
        let mut stored = self.grant.lock().unwrap();
        let stored = stored.as_mut().unwrap();
        if let Some(faster) = self.faster.lock().unwrap().take() {
            *stored = StoredGrant { sealed: faster, tenant: TENANT.into(), version: stored.version + 1 };
        }
        if stored.version != expected {
            return Err(GrantStoreError::Conflict);
        }
        *stored = StoredGrant { sealed: sealed.bytes, tenant: TENANT.into(), version: expected + 1 };
        self.vendor.with(|inner| inner.events.push("stored".into()));
        Ok(())
    }

    async fn note_state(&self, _: AccountId, state: GrantState) {
        self.states.lock().unwrap().push(state);
    }
}

#[derive(Default)]
pub struct MemoryFlows(pub Mutex<HashMap<[u8; 32], StoredFlow>>);

#[async_trait]
impl FlowStore for MemoryFlows {
    async fn put(&self, handle_hash: [u8; 32], flow: StoredFlow) -> Result<(), FlowStoreError> {
        self.0.lock().unwrap().insert(handle_hash, flow);
        Ok(())
    }

    async fn take(&self, handle_hash: [u8; 32]) -> Result<Option<StoredFlow>, FlowStoreError> {
        Ok(self.0.lock().unwrap().remove(&handle_hash))
    }
}

pub struct World {
    pub vendor: Vendor,
    pub clock: Arc<TestClock>,
    pub pace: Arc<TestPace>,
    pub vault: Arc<Vault>,
    pub grants: Arc<MemoryGrants>,
    pub flows: Arc<MemoryFlows>,
    pub source: Arc<TokenSource>,
    pub client: Client,
    pub consent: Consent,
    pub connector: Connector,
}

impl World {
    pub async fn new() -> Self {
        Self::with_limits(limits()).await
    }

    pub async fn with_limits(limits: HttpLimits) -> Self {
        let vendor = Vendor::start().await;
        let clock = Arc::new(TestClock(Mutex::new("2026-11-23T06:00:00Z".parse().unwrap())));
        let pace = Arc::new(TestPace::default());
        let chance = Chance::seeded(42);
        let surroundings = Surroundings { clock: clock.clone(), pace: pace.clone(), chance: chance.clone() };
        let transport = Transport::new(limits).unwrap();
        let vault = Arc::new(Vault::new(KeyRing::generate(&chance), chance));
        let grants = Arc::new(MemoryGrants {
            grant: Mutex::default(),
            states: Mutex::default(),
            faster: Mutex::default(),
            fails: Mutex::default(),
            application: Mutex::default(),
            vendor: vendor.clone(),
        });
        let flows = Arc::new(MemoryFlows::default());
        let source = Arc::new(TokenSource::new(
            transport.clone(),
            grants.clone(),
            vault.clone(),
            surroundings.clone(),
        ));
        let world = Self {
            client: Client::new(transport.clone(), source.clone(), surroundings.clone()),
            consent: Consent::new(transport, flows.clone(), vault.clone(), surroundings),
            connector: connector(&vendor.base),
            vendor,
            clock,
            pace,
            vault,
            grants,
            flows,
            source,
        };
        world.vendor.with(|inner| inner.good.push("planted-refresh-0".into()));
        *world.grants.grant.lock().unwrap() = Some(StoredGrant {
            sealed: world.sealed("planted-refresh-0", Kind::RefreshToken),
            tenant: TENANT.into(),
            version: 1,
        });
        world
    }

    pub fn sealed(&self, secret: &str, kind: Kind) -> Vec<u8> {
        self.vault.seal_grant(self.identity(), kind, &Secret::new(secret.into())).unwrap().bytes
    }

    pub fn stored_token(&self) -> String {
        let sealed = self.grants.grant.lock().unwrap().clone().unwrap().sealed;
        self.vault.open_grant(self.identity(), Kind::RefreshToken, &sealed).unwrap().expose().to_owned()
    }

    pub async fn send(&self, outgoing: &Outgoing) -> Result<Answer, SendError> {
        self.client.send(ACCOUNT, &self.connector, outgoing).await
    }

    pub fn sleeps(&self) -> Vec<Duration> {
        self.pace.sleeps.lock().unwrap().clone()
    }

    pub fn now(&self) -> i64 {
        self.clock.now().as_second()
    }

    fn identity(&self) -> GrantIdentity<'_> {
        GrantIdentity { account: ACCOUNT, connector: &self.connector.id, tenant: TENANT }
    }
}

pub fn limits() -> HttpLimits {
    HttpLimits {
        connect: Duration::from_secs(5),
        deadline: Duration::from_secs(5),
        idle: Duration::from_millis(300),
        retry_after_cap: Duration::from_secs(120),
        ..HttpLimits::default()
    }
}

pub fn items() -> Outgoing {
    call("items", &[("id", "42")], &[])
}

pub fn call(name: &str, path: &[(&str, &str)], query: &[(&str, &str)]) -> Outgoing {
    let owned =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Outgoing {
        target: Target::Call { name: name.into(), path: owned(path), query: owned(query) },
        headers: Vec::new(),
        body: None,
        request_id: Uuid::from_u128(99),
    }
}

pub fn download(url: &Url, path: &str) -> Outgoing {
    Outgoing { target: Target::Absolute(url.join(path).unwrap().to_string()), ..items() }
}

pub fn connector(base: &Url) -> Connector {
    let endpoint = |auth| Endpoint { base_url: base.join("/api").unwrap(), auth, by_operator: true };
    let audience = Audience {
        name: "api".into(),
        scopes: vec!["https://api.example.net/read".into()],
        app_scopes: Vec::new(),
    };
    let call = |endpoint: &str, method, path: &str, per_minute| Call {
        endpoint: endpoint.into(),
        method,
        path_template: path.into(),
        query: ["size".to_owned()].into(),
        headers: ["x-locale".to_owned(), "x-request-id".to_owned()].into(),
        per_minute,
    };
    Connector {
        id: "sample".parse().unwrap(),
        cloud: "global".into(),
        endpoints: BTreeMap::from([
            ("api".to_owned(), endpoint(Auth::OAuth(audience))),
            ("open".to_owned(), endpoint(Auth::None)),
            ("keyed".to_owned(), endpoint(Auth::SecretHeader("X-Api-Key".into()))),
        ]),
        calls: BTreeMap::from([
            ("items".to_owned(), call("api", Method::Get, "/items/{id}", None)),
            ("open".to_owned(), call("open", Method::Get, "/open", None)),
            ("keyed".to_owned(), call("keyed", Method::Get, "/keyed", None)),
            ("paced".to_owned(), call("open", Method::Get, "/paced", Some(60))),
            ("export".to_owned(), call("api", Method::Post, "/export", None)),
        ]),
        download_hosts: vec![
            HostPattern::by_operator(base).unwrap(),
            HostPattern::parse("*.blob.example.net").unwrap(),
        ],
        consent: Some(rules(base)),
    }
}

fn rules(base: &Url) -> ConsentRules {
    let class = |code, class: &str, effect| ErrorClass {
        error: None,
        code: Some(code),
        class: class.into(),
        effect,
        remedy: format!("remedy of {class}"),
    };
    ConsentRules {
        authority: base.join("/login").unwrap(),
        authority_by_operator: true,
        authorize_path: "/{tenant}/authorize".into(),
        token_path: "/{tenant}/token".into(),
        keys_path: "/{tenant}/keys".into(),
        issuer: "{authority}/{tenant}/v2".into(),
        first_tenant: "organizations".into(),
        scopes: vec!["openid".into(), "offline_access".into()],
        authorize_parameters: vec![("prompt".into(), "select_account".into())],
        claims: Claims {
            tenant: "tid".into(),
            user: "oid".into(),
            user_name: "preferred_username".into(),
            guest: Some(("acct".into(), "1".into())),
            roles: Some("roles".into()),
        },
        personal_tenants: [PERSONAL.to_owned()].into(),
        roles: Roles::default(),
        probes: Vec::new(),
        error_classes: vec![
            class(50_076, "mfa_required", GrantEffect::NeedsConsent),
            class(90_094, "admin_consent_required", GrantEffect::NeedsConsent),
            class(7_000_215, "operator_credential", GrantEffect::OperatorFault),
            class(501_481, "pkce_mismatch", GrantEffect::FlowError),
            class(54_005, "code_reused", GrantEffect::FlowError),
            class(90_033, "transient", GrantEffect::Retry),
        ],
        idle_days: 90,
        admin_consent: None,
        client_id: CLIENT.into(),
        client_auth: ClientAuth::secret(Secret::new(CLIENT_SECRET.into())),
        redirect_uri: REDIRECT.into(),
    }
}
