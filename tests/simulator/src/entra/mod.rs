//! Entra ID: authorize page, token endpoint, keys and metadata.
//!
//! **Invariants:** a code is redeemed once, within ten minutes, by the client, redirect URI, tenant path and PKCE
//! verifier it was asked with; an access token serves one audience; a refresh token lives 90 days from its last use and
//! stays valid when a newer one was given.

mod admin;
mod authorize;
mod client;
mod keys;
mod page;
mod token;
pub(crate) mod users;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::routing::{get, post};
use jiff::{SignedDuration, Timestamp};

use crate::cloud::{Cloud, lock};
use crate::config::Config;
use crate::random::Seed;
use crate::world::World;
pub use client::Registration;
use users::{Role, User};

const PARTNER_CENTER: &str = "https://api.partnercenter.microsoft.com";
const GRAPH: &str = "https://graph.microsoft.com";
/// How long an access token lives: `expires_in`.
pub(crate) const ACCESS_SECONDS: i64 = 4_200;
const IDLE_DAYS: i64 = 90;

pub(crate) fn routes() -> Router<Arc<Cloud>> {
    Router::new()
        .route("/{tenant}/oauth2/v2.0/authorize", get(authorize::authorize))
        .route("/{tenant}/login/{flow}", post(authorize::choose))
        .route("/{tenant}/v2.0/adminconsent", get(admin::ask))
        .route("/{tenant}/adminconsent/{flow}", post(admin::decide))
        .route("/{tenant}/oauth2/v2.0/token", post(token::token))
        .route("/{tenant}/discovery/v2.0/keys", get(keys::keys))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(keys::metadata))
}

/// The API a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// `https://api.partnercenter.microsoft.com`
    PartnerCenter,
    /// `https://graph.microsoft.com`
    Graph,
}

impl Audience {
    /// The resource of one scope; none for a resource that is not known. Scopes without a resource are Graph's.
    fn of_scope(scope: &str) -> Option<Self> {
        if scope.starts_with(PARTNER_CENTER) {
            return Some(Self::PartnerCenter);
        }
        (scope.starts_with(GRAPH) || !scope.contains("://")).then_some(Self::Graph)
    }
}

/// What an access token stands for.
#[derive(Debug, Clone)]
pub(crate) struct AccessToken {
    pub(crate) audience: Audience,
    pub(crate) mfa: bool,
    pub(crate) roles: Vec<Role>,
    /// No person stands behind it.
    pub(crate) is_application: bool,
    expires: Timestamp,
}

/// Tokens of one sign-in, given without the sign-in: for tests of everything behind it.
#[derive(Debug, Clone)]
pub struct Grant {
    /// For Partner Center.
    pub partner_center: String,
    /// For Graph.
    pub graph: String,
    /// For new ones.
    pub refresh: String,
}

/// A checked authorize request, waiting for a person.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    pub(crate) tenant: String,
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) scope: String,
    pub(crate) challenge: String,
    pub(crate) form_post: bool,
}

struct Code {
    flow: Flow,
    user: &'static str,
    expires: Timestamp,
    used: bool,
}

#[derive(Debug, Clone)]
struct Refresh {
    user: &'static str,
    scope: String,
    last_used: Timestamp,
}

/// Everything Entra remembers.
pub(crate) struct Entra {
    seed: Seed,
    pub(crate) users: Vec<User>,
    flows: Mutex<HashMap<String, Flow>>,
    /// An administrator has consented for the whole tenant.
    admin_consented: AtomicBool,
    codes: Mutex<HashMap<String, Code>>,
    access: Mutex<HashMap<String, AccessToken>>,
    refresh: Mutex<HashMap<String, Refresh>>,
    pub(crate) redirect_uris: Mutex<Vec<String>>,
    registration: Mutex<Registration>,
    taken: Mutex<client::Taken>,
    issued: AtomicU64,
    signer: OnceLock<keys::Signer>,
}

impl Entra {
    pub(crate) fn new(config: &Config, world: &World) -> Self {
        Self {
            seed: world.seed,
            users: users::everybody(world.seed, &world.tenant),
            flows: Mutex::default(),
            admin_consented: AtomicBool::default(),
            codes: Mutex::default(),
            access: Mutex::default(),
            refresh: Mutex::default(),
            redirect_uris: Mutex::new(config.redirect_uris.clone()),
            registration: Mutex::new(Registration::of(config)),
            taken: Mutex::default(),
            issued: AtomicU64::new(0),
            signer: OnceLock::new(),
        }
    }

    pub(crate) fn register(&self, registration: Registration) {
        *lock(&self.registration) = registration;
    }

    pub(crate) fn user(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|u| u.id == id)
    }

    pub(crate) fn access_tokens(&self) -> Vec<String> {
        lock(&self.access).keys().cloned().collect()
    }

    /// What a bearer stands for, while it lives.
    pub(crate) fn access(&self, token: &str, now: Timestamp) -> Option<AccessToken> {
        lock(&self.access).get(token).filter(|t| t.expires > now).cloned()
    }

    /// Tokens for a user as if the sign-in had happened.
    pub(crate) fn grant(&self, user: &str, now: Timestamp) -> Option<Grant> {
        let user = self.user(user)?;
        Some(Grant {
            partner_center: self.issue_access(user, Audience::PartnerCenter, now),
            graph: self.issue_access(user, Audience::Graph, now),
            refresh: self.issue_refresh(user, "openid profile offline_access", now),
        })
    }

    fn issue_access(&self, user: &User, audience: Audience, now: Timestamp) -> String {
        let expires = now + SignedDuration::from_secs(ACCESS_SECONDS);
        let roles = roles_in_partner(user);
        self.keep(AccessToken { audience, mfa: user.mfa, roles, is_application: false, expires })
    }

    fn issue_application(&self, audience: Audience, now: Timestamp) -> String {
        let expires = now + SignedDuration::from_secs(ACCESS_SECONDS);
        self.keep(AccessToken { audience, mfa: false, roles: Vec::new(), is_application: true, expires })
    }

    fn keep(&self, access: AccessToken) -> String {
        let token = self.opaque("access");
        lock(&self.access).insert(token.clone(), access);
        token
    }

    fn issue_refresh(&self, user: &User, scope: &str, now: Timestamp) -> String {
        let token = format!("0.A{}", self.opaque("refresh"));
        lock(&self.refresh)
            .insert(token.clone(), Refresh { user: user.id, scope: scope.into(), last_used: now });
        token
    }

    /// A text nobody has seen before.
    fn opaque(&self, label: &str) -> String {
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        format!("{}.{}", self.seed.hex(label, number), self.seed.code(label, number, 24))
    }
}

/// Guests and foreigners have no role in the partner's tenant.
fn roles_in_partner(user: &User) -> Vec<Role> {
    if user.guest || matches!(user.id, "other" | "personal") { Vec::new() } else { user.roles.clone() }
}
