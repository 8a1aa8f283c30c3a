//! Consent and tokens against two sign-in servers that others wrote, `oidc-provider` and `oauth2-mock-server`: what the
//! host sends is the standard's, and what it refuses is not only what our own simulator knows to do wrong.
//!
//! The connector is a small one of this test: paths, issuer and claims are data. The store, the vault and the HTTP
//! client are the real ones.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use jiff::Timestamp;
use libtest_mimic::Failed;
use purser_domain::{AccountId, Digest};
use purser_pipeline::ports::{Flows, Grants};
use purser_store::Accounts as _;
use purser_store::accounts::{ConsentState, Grant};
use purser_store_sqlite::SqliteStore;
use purser_vendor::client::Credentials as _;
use purser_vendor::connector::Claims;
use purser_vendor::consent::{Confirmation, Consent, ConsentError};
use purser_vendor::roles::Roles;
use purser_vendor::vault::{GrantIdentity, Kind};
use purser_vendor::{
    Audience, Auth, Chance, ClientAuth, Clock, Connector, ConsentRules, Endpoint, HttpLimits, KeyRing,
    Secret, Surroundings, TokenError, TokenSource, TokioPace, Transport, Vault,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use crate::Gated;
use crate::support::{stderr, stdout};
use crate::visitor::{Hop, Visitor};

const SOURCES: [&str; 5] = ["package.json", "package-lock.json", ".npmrc", "provider.js", "mock.js"];
const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const CLIENT: &str = "purser";
const CLIENT_SECRET: &str = "a-secret-of-this-test";
const REDIRECT: &str = "http://localhost:8080/connectors/sample/consent/callback/global";
const SESSION: &[u8] = b"session-1";

type Test = fn(&mut Place) -> Result<(), Failed>;

/// Each server's tests, where node and its package manager are there.
pub fn all() -> Vec<Gated> {
    let missing = ["node", "npm"].into_iter().find(|program| !crate::is_installed(program));
    let gated = |name: &str, kind: ServerKind, test: Test| Gated {
        name: name.to_owned(),
        unmet: missing.map(|program| format!("{program} is not installed")),
        run: Box::new(move || test(&mut Place::new(kind)?)),
    };
    let (strict, mock) = (ServerKind::Strict, ServerKind::Mock);
    vec![
        gated("a_strict_server_is_walked_from_the_redirect_to_a_revoked_grant", strict, whole_flow),
        gated("a_strict_server_that_sees_a_used_refresh_token_ends_the_grant", strict, refresh_token_reuse),
        gated("a_strict_server_refuses_a_code_of_another_challenge", strict, wrong_challenge),
        gated("a_strict_server_refuses_a_sign_in_without_a_challenge", strict, no_challenge),
        gated("a_strict_server_refuses_a_code_that_was_used", strict, code_replay),
        gated("a_proof_with_the_nonce_of_another_sign_in_is_refused_strict", strict, wrong_nonce),
        gated("a_person_who_says_no_at_a_strict_server_has_cancelled", strict, cancelled),
        gated("a_mock_server_is_walked_from_the_redirect_to_a_refused_grant", mock, whole_mock_flow),
        gated("a_proof_with_the_nonce_of_another_sign_in_is_refused_mock", mock, wrong_nonce),
        gated("a_mock_server_refuses_a_code_of_another_challenge", mock, wrong_challenge),
        gated("claims_that_are_not_right_are_refused_whoever_signs_them", mock, wrong_claims),
        gated("a_key_that_a_server_has_just_made_is_fetched", mock, fresh_key),
    ]
}

#[derive(Clone, Copy, PartialEq)]
enum ServerKind {
    Strict,
    Mock,
}

/// A server in a process of its own, gone when it is dropped.
struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    base: Url,
}

impl Server {
    fn start(kind: ServerKind) -> Result<Self, Failed> {
        let mut node = Command::new("node");
        match kind {
            ServerKind::Strict => node.args(["provider.js", REDIRECT, CLIENT, CLIENT_SECRET, TENANT]),
            ServerKind::Mock => node.args(["mock.js", TENANT]),
        };
        node.current_dir(installed()?).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = node.spawn()?;
        let input = child.stdin.take().ok_or("no input")?;
        let mut output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let base = line.trim().strip_prefix("listening ").ok_or_else(|| format!("it says {line:?}"))?;
        Ok(Self { base: base.parse()?, child, input, output })
    }

    /// Says what the mock server does from now on.
    fn tell(&mut self, what: &Value) -> Result<(), Failed> {
        writeln!(self.input, "{what}")?;
        let mut told = String::new();
        self.output.read_line(&mut told)?;
        if told.trim() == "told" { Ok(()) } else { Err(format!("it says {told:?}").into()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The servers' packages as the lock file pins them, installed once for each state of the sources.
fn installed() -> Result<PathBuf, Failed> {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sign-in");
    let mut state = String::new();
    for source in SOURCES {
        state.push_str(&Digest::of(&std::fs::read(fixture.join(source))?).to_string());
    }
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sign-in");
    std::fs::create_dir_all(&work)?;
    // Each test may be a process of its own; the first one installs.
    let one_at_a_time = std::fs::File::create(work.join("lock"))?;
    one_at_a_time.lock()?;
    let folder = work.join(Digest::of(state.as_bytes()).to_string());
    if !folder.exists() {
        let unfinished = tempfile::tempdir_in(&work)?;
        for source in SOURCES {
            std::fs::copy(fixture.join(source), unfinished.path().join(source))?;
        }
        let mut install = Command::new("npm");
        let output =
            install.args(["ci", "--no-audit", "--no-fund"]).current_dir(unfinished.path()).output()?;
        if !output.status.success() {
            return Err(format!("npm ci: {}{}", stdout(&output), stderr(&output)).into());
        }
        std::fs::rename(unfinished.keep(), &folder)?;
    }
    Ok(folder)
}

/// The servers compare with the real time, so the host must.
struct Wall;

impl Clock for Wall {
    #[expect(clippy::disallowed_methods, reason = "the servers know no other time")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A host's consent, tokens and store, beside one server.
struct Place {
    runtime: tokio::runtime::Runtime,
    store: Arc<SqliteStore>,
    vault: Arc<Vault>,
    consent: Consent,
    tokens: TokenSource,
    connector: Connector,
    server: Server,
    _folder: TempDir,
}

impl Place {
    fn new(kind: ServerKind) -> Result<Self, Failed> {
        let server = Server::start(kind)?;
        let runtime = tokio::runtime::Runtime::new()?;
        let folder = tempfile::tempdir()?;
        let store = runtime.block_on(SqliteStore::open(folder.path().join("purser.db")))?;
        let store = Arc::new(store);
        let chance = Chance::from_os();
        let vault = Arc::new(Vault::new(KeyRing::generate(&chance), chance.clone()));
        let surroundings =
            Surroundings { clock: Arc::new(Wall), pace: Arc::new(TokioPace::default()), chance };
        let transport = Transport::new(HttpLimits { attempts: 1, ..HttpLimits::default() })?;
        let clock: purser_pipeline::work::Clock = Arc::new(|| Wall.now());
        let flows = Arc::new(Flows::new(store.clone(), clock.clone()));
        let grants = Arc::new(Grants::new(store.clone(), clock));
        Ok(Self {
            consent: Consent::new(transport.clone(), flows, vault.clone(), surroundings.clone()),
            tokens: TokenSource::new(transport, grants, vault.clone(), surroundings),
            connector: connector(kind, &server.base),
            runtime,
            store,
            vault,
            server,
            _folder: folder,
        })
    }

    fn begin(&self) -> Result<Url, Failed> {
        Ok(self.runtime.block_on(self.consent.begin(&self.connector, SESSION, None))?.redirect)
    }

    fn finish(&self, back: &Url) -> Result<Confirmation, ConsentError> {
        let query: Vec<(String, String)> = back.query_pairs().into_owned().collect();
        self.runtime.block_on(self.consent.finish(&self.connector, &query, SESSION))
    }

    /// From the redirect through the server's own pages to where it sends the browser back.
    fn walk(&self, redirect: &Url) -> Result<Url, Failed> {
        self.runtime.block_on(async {
            let mut visitor = Visitor::new()?;
            let mut hop = visitor.open_once(redirect).await?;
            for _ in 0..20 {
                hop = match hop {
                    Hop::To(url) if url.as_str().starts_with(REDIRECT) => return Ok(url),
                    Hop::To(url) => visitor.open_once(&url).await?,
                    Hop::Page(page) => {
                        let page = page.ok()?;
                        let form = page.form_with("prompt")?.with("login", "service").with("password", "any");
                        visitor.send_once(form).await?
                    }
                };
            }
            Err("the pages lead in circles".into())
        })
    }

    fn signed_in(&self) -> Result<Result<Confirmation, ConsentError>, Failed> {
        let back = self.walk(&self.begin()?)?;
        Ok(self.finish(&back))
    }

    /// Connects as the host does: confirms, seals, stores.
    fn connect(&self) -> Result<AccountId, Failed> {
        let confirmation = self.signed_in()??;
        assert_eq!((confirmation.tenant.as_str(), confirmation.user_id.as_str()), (TENANT, "service"));
        assert_eq!(confirmation.user_name, "service@example.net");
        self.runtime.block_on(async {
            let grant = self.consent.confirm(&confirmation.handle, SESSION).await?;
            let at = grant.consented_at;
            let account =
                self.store.connect_account(&grant.connector, &grant.cloud, TENANT, "Test", at).await?;
            let sealed = grant.seal(&self.vault, account.id)?;
            let stored = Grant {
                sealed: sealed.bytes,
                key_version: sealed.key_version,
                user_name: grant.user_name,
                user_id: grant.user_id,
                roles: None,
                consented_at: at,
                refreshed_at: at,
                version: 1,
            };
            self.store.put_grant(account.id, None, &stored).await?;
            self.store.set_consent_state(account.id, &ConsentState::Active).await?;
            Ok(account.id)
        })
    }

    fn access(&self, account: AccountId) -> Result<Secret, TokenError> {
        // What is cached would be given without asking the server.
        self.tokens.forget_account(account);
        let audience = self.connector.audiences()[0];
        self.runtime.block_on(self.tokens.access(account, &self.connector, audience))
    }

    fn stored_token(&self, account: AccountId) -> Result<Secret, Failed> {
        let grant = self.runtime.block_on(self.store.grant(account))?.ok_or("no grant")?;
        Ok(self.vault.open_grant(self.identity(account), Kind::RefreshToken, &grant.sealed)?)
    }

    /// What somebody does who restores an old state, or has stolen it.
    fn put_back(&self, account: AccountId, token: &Secret) -> Result<(), Failed> {
        let sealed = self.vault.seal_grant(self.identity(account), Kind::RefreshToken, token)?;
        self.runtime.block_on(async {
            let former = self.store.grant(account).await?.ok_or("no grant")?;
            let version = former.version;
            let grant = Grant { sealed: sealed.bytes, version: version + 1, ..former };
            Ok(self.store.put_grant(account, Some(version), &grant).await?)
        })
    }

    fn identity(&self, account: AccountId) -> GrantIdentity<'_> {
        GrantIdentity { account, connector: &self.connector.id, tenant: TENANT }
    }

    fn state(&self, account: AccountId) -> Result<ConsentState, Failed> {
        Ok(self.runtime.block_on(self.store.account(account))?.state)
    }

    fn revoke(&self, token: &Secret) -> Result<(), Failed> {
        let form = [("token", token.expose()), ("client_id", CLIENT), ("client_secret", CLIENT_SECRET)];
        let url = self.server.base.join("/token/revocation")?;
        let request = reqwest::Client::builder().no_proxy().build()?.post(url).form(&form);
        let status = self.runtime.block_on(request.send())?.status();
        if status.is_success() { Ok(()) } else { Err(format!("revoking: {status}").into()) }
    }

    /// The account needs consent, and so it is told.
    fn assert_needs_consent(&self, account: AccountId) -> Result<(), Failed> {
        let refused = self.access(account).unwrap_err();
        assert!(refused.code().starts_with("CON-") && !refused.is_transient(), "{refused:?}");
        let state = self.state(account)?;
        assert!(
            matches!(&state, ConsentState::NeedsConsent(reason) if !reason.remedy.is_empty()),
            "{state:?}"
        );
        Ok(())
    }
}

fn whole_flow(place: &mut Place) -> Result<(), Failed> {
    let account = place.connect()?;
    let first = place.stored_token(account)?;
    let access = place.access(account)?;
    let second = place.stored_token(account)?;
    assert_ne!(first.expose(), second.expose(), "the server gives a new refresh token, and it is kept");
    assert_ne!(access.expose(), place.access(account)?.expose());
    let third = place.stored_token(account)?;
    assert_ne!(second.expose(), third.expose());
    assert_eq!(place.state(account)?, ConsentState::Active);

    place.revoke(&third)?;
    place.assert_needs_consent(account)?;
    assert_eq!(place.stored_token(account)?.expose(), third.expose(), "nothing is overwritten");
    Ok(())
}

fn refresh_token_reuse(place: &mut Place) -> Result<(), Failed> {
    let account = place.connect()?;
    let first = place.stored_token(account)?;
    place.access(account)?;
    let second = place.stored_token(account)?;
    place.put_back(account, &first)?;
    place.assert_needs_consent(account)?;
    place.put_back(account, &second)?;
    place.assert_needs_consent(account)
}

/// Another value for one parameter of the redirect, as if it had been made for another sign-in.
fn changed(redirect: &Url, name: &str, value: Option<&str>) -> Url {
    let pairs: Vec<(String, String)> = redirect.query_pairs().into_owned().collect();
    let mut changed = redirect.clone();
    changed.query_pairs_mut().clear();
    for (given, former) in &pairs {
        let kept = match value {
            Some(value) if given == name => value,
            None if given.starts_with(name) => continue,
            _ => former,
        };
        changed.query_pairs_mut().append_pair(given, kept);
    }
    assert_ne!(&changed, redirect);
    changed
}

fn wrong_challenge(place: &mut Place) -> Result<(), Failed> {
    let other = "A".repeat(43);
    let back = place.walk(&changed(&place.begin()?, "code_challenge", Some(&other)))?;
    assert!(back.query_pairs().any(|(name, _)| name == "code"), "{back}");
    let refused = place.finish(&back).unwrap_err();
    assert!(matches!(refused, ConsentError::Refused { .. } | ConsentError::Busy | ConsentError::Unreadable));
    assert_eq!(place.finish(&back).unwrap_err(), ConsentError::Replayed);
    Ok(())
}

fn no_challenge(place: &mut Place) -> Result<(), Failed> {
    let back = place.walk(&changed(&place.begin()?, "code_challenge", None))?;
    assert!(back.query_pairs().all(|(name, _)| name != "code"), "{back}");
    let refused = place.finish(&back).unwrap_err();
    assert!(matches!(refused, ConsentError::Refused { .. }), "{refused:?}");
    Ok(())
}

fn code_replay(place: &mut Place) -> Result<(), Failed> {
    let first = place.walk(&place.begin()?)?;
    place.finish(&first)?;
    assert_eq!(place.finish(&first).unwrap_err(), ConsentError::Replayed, "our own state is used up");
    let second = place.walk(&place.begin()?)?;
    let (_, code) = first.query_pairs().find(|(name, _)| name == "code").ok_or("no code")?;
    let refused = place.finish(&changed(&second, "code", Some(&code))).unwrap_err();
    assert!(matches!(refused, ConsentError::Refused { .. }), "{refused:?}");
    Ok(())
}

fn wrong_nonce(place: &mut Place) -> Result<(), Failed> {
    let back = place.walk(&changed(&place.begin()?, "nonce", Some("of-another-sign-in")))?;
    assert_eq!(place.finish(&back).unwrap_err(), ConsentError::WrongNonce);
    Ok(())
}

fn cancelled(place: &mut Place) -> Result<(), Failed> {
    let redirect = place.begin()?;
    let back = place.runtime.block_on(async {
        let mut visitor = Visitor::new()?;
        let page = visitor.open(&redirect).await?;
        let cancel = page.address("/abort")?;
        let mut hop = visitor.open_once(&cancel).await?;
        for _ in 0..5 {
            hop = match hop {
                Hop::To(url) if url.as_str().starts_with(REDIRECT) => return Ok(url),
                Hop::To(url) => visitor.open_once(&url).await?,
                Hop::Page(page) => return Err(Failed::from(page.body)),
            };
        }
        Err("the pages lead in circles".into())
    })?;
    assert_eq!(place.finish(&back).unwrap_err(), ConsentError::Cancelled);
    Ok(())
}

fn whole_mock_flow(place: &mut Place) -> Result<(), Failed> {
    let account = place.connect()?;
    let first = place.stored_token(account)?;
    place.access(account)?;
    assert_ne!(first.expose(), place.stored_token(account)?.expose());
    for (status, error) in [(503, "temporarily_unavailable"), (429, "slow_down")] {
        place.server.tell(&json!({"status": status, "body": {"error": error}}))?;
        assert!(place.access(account).unwrap_err().is_transient(), "{status}");
        assert_eq!(place.state(account)?, ConsentState::Active, "trouble that passes ends no consent");
    }
    place.server.tell(&json!({"status": 400, "body": {"error": "invalid_grant"}}))?;
    place.assert_needs_consent(account)
}

fn wrong_claims(place: &mut Place) -> Result<(), Failed> {
    let now = Wall.now().as_second();
    for (claims, expected) in [
        (json!({"iss": "http://127.0.0.1:1"}), ConsentError::WrongIssuer),
        (json!({"iss": format!("{}", place.server.base)}), ConsentError::WrongIssuer),
        (json!({"aud": "somebody"}), ConsentError::WrongAudience),
        (json!({"aud": [CLIENT, "somebody"]}), ConsentError::WrongAudience),
        (json!({"nonce": "of-another-sign-in"}), ConsentError::WrongNonce),
        (json!({"exp": now - 400}), ConsentError::NotNow),
        (json!({"nbf": now + 400}), ConsentError::NotNow),
        (json!({"tid": "no-tenant"}), ConsentError::WrongIssuer),
        (json!({"oid": {}}), ConsentError::Incomplete),
    ] {
        place.server.tell(&json!({"claims": claims}))?;
        assert_eq!(place.signed_in()?.unwrap_err(), expected, "{claims}");
    }
    place.server.tell(&json!({}))?;
    assert!(place.signed_in()?.is_ok(), "the control");
    Ok(())
}

fn fresh_key(place: &mut Place) -> Result<(), Failed> {
    assert!(place.signed_in()?.is_ok());
    place.server.tell(&json!({"fresh-key": true}))?;
    // The server takes its keys in turn: one of these is signed with the new one.
    for _ in 0..4 {
        assert!(place.signed_in()?.is_ok());
    }
    Ok(())
}

/// All that is particular to these servers.
fn connector(kind: ServerKind, base: &Url) -> Connector {
    let audience =
        Audience { name: "usage".into(), scopes: vec!["usage:read".into()], app_scopes: Vec::new() };
    let api = Endpoint { base_url: base.clone(), auth: Auth::OAuth(audience), by_operator: true };
    let authorize_path = if kind == ServerKind::Strict { "/auth" } else { "/authorize" };
    let rules = ConsentRules {
        authority: base.clone(),
        authority_by_operator: true,
        authorize_path: authorize_path.into(),
        token_path: "/token".into(),
        keys_path: "/jwks".into(),
        issuer: "{authority}".into(),
        first_tenant: TENANT.into(),
        scopes: vec!["openid".into(), "offline_access".into()],
        // Without it the standard has a server give no refresh token.
        authorize_parameters: vec![("prompt".into(), "consent".into())],
        claims: Claims {
            tenant: "tid".into(),
            user: "oid".into(),
            user_name: "preferred_username".into(),
            guest: None,
            roles: None,
        },
        personal_tenants: [].into(),
        roles: Roles::default(),
        probes: Vec::new(),
        error_classes: Vec::new(),
        idle_days: 90,
        admin_consent: None,
        client_id: CLIENT.into(),
        client_auth: ClientAuth::secret(Secret::new(CLIENT_SECRET.into())),
        redirect_uri: REDIRECT.into(),
    };
    Connector {
        id: "sample".parse().unwrap(),
        cloud: "global".into(),
        endpoints: [("api".to_owned(), api)].into(),
        calls: [].into(),
        download_hosts: Vec::new(),
        consent: Some(rules),
    }
}
