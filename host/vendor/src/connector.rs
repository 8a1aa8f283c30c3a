//! A vendor as data: everything a connector may ask, and how an administrator consents.
//!
//! The pipeline makes a [`Connector`] from a plugin's descriptor, one cloud, and the operator's configuration; nothing
//! in this crate adds to it. `by_operator` marks what the configuration names itself: only such a host may lie in a
//! private network, and only such a URL may be plain `http` to this machine.

use std::collections::{BTreeMap, BTreeSet};

use purser_domain::ConnectorId;
use url::Url;
use uuid::Uuid;

use crate::client_auth::ClientAuth;
use crate::host_pattern::{HostPattern, is_usable_scheme};
use crate::preflight::Probe;
use crate::roles::Roles;

/// One vendor integration in one cloud.
#[derive(Debug, Clone)]
pub struct Connector {
    /// Which.
    pub id: ConnectorId,
    /// The cloud's id.
    pub cloud: String,
    /// Where its calls go, by name.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// The requests it may make, by name. Nothing outside this list ever leaves the host.
    pub calls: BTreeMap<String, Call>,
    /// Hosts that absolute requests may go to, without a token.
    pub download_hosts: Vec<HostPattern>,
    /// How an administrator consents. None: no grant is needed, or it is a plain secret.
    pub consent: Option<ConsentRules>,
}

/// Where calls go.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Scheme, host, port and the start of the path.
    pub base_url: Url,
    /// How a request proves who it is from.
    pub auth: Auth,
    /// The operator's configuration names this base URL.
    pub by_operator: bool,
}

/// How a request proves who it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// It does not.
    None,
    /// A bearer token of this audience.
    OAuth(Audience),
    /// The account's secret in this header.
    SecretHeader(String),
}

/// Whom an access token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    /// Names it in messages and in the token cache.
    pub name: String,
    /// What the token request asks for.
    pub scopes: Vec<String>,
    /// What a token request of the application itself, without a person, asks for; empty: it takes a person.
    pub app_scopes: Vec<String>,
}

/// How a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Starts an export, by name.
    Post,
}

/// One request the connector may make.
#[derive(Debug, Clone)]
pub struct Call {
    /// The endpoint's name.
    pub endpoint: String,
    /// GET, or one of the named POSTs.
    pub method: Method,
    /// `/v1/tenants/{tenant}/meters`: each `{name}` is filled as one percent-encoded segment.
    pub path_template: String,
    /// Names a request may put in the query.
    pub query: BTreeSet<String>,
    /// Headers a request may set, lower-case.
    pub headers: BTreeSet<String>,
    /// Calls a minute the vendor allows.
    pub per_minute: Option<u32>,
}

/// How an administrator consents, and what the vendor's refusals mean.
#[derive(Debug, Clone)]
pub struct ConsentRules {
    /// Where users sign in.
    pub authority: Url,
    /// The operator's configuration names the authority.
    pub authority_by_operator: bool,
    /// Path of the authorize page under the authority; `{tenant}` is filled.
    pub authorize_path: String,
    /// Path of the token endpoint.
    pub token_path: String,
    /// Path of the signing keys.
    pub keys_path: String,
    /// The exact issuer of id tokens, with `{authority}` and `{tenant}`.
    pub issuer: String,
    /// The tenant segment of the first contact.
    pub first_tenant: String,
    /// Scopes beside the audiences'.
    pub scopes: Vec<String>,
    /// Extra parameters of the authorize request.
    pub authorize_parameters: Vec<(String, String)>,
    /// Names of id-token claims.
    pub claims: Claims,
    /// Tenants of consumer accounts, refused.
    pub personal_tenants: BTreeSet<String>,
    /// What is known of roles.
    pub roles: Roles,
    /// The preflight table's rows.
    pub probes: Vec<Probe>,
    /// The first entry that matches says what a failed token request means.
    pub error_classes: Vec<ErrorClass>,
    /// Days a grant lives unused.
    pub idle_days: u32,
    /// Where an administrator consents for a whole tenant.
    pub admin_consent: Option<AdminConsent>,
    /// The app registration.
    pub client_id: String,
    /// How it proves itself; a public client does not.
    pub client_auth: ClientAuth,
    /// The one redirect URI of this connector and cloud, exactly as registered.
    pub redirect_uri: String,
}

/// Where an administrator consents for a whole tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConsent {
    /// Path under the authority; `{tenant}` is filled.
    pub path: String,
    /// Classes of refusals that this consent mends.
    pub classes: BTreeSet<String>,
}

/// Names of id-token claims.
#[derive(Debug, Clone)]
pub struct Claims {
    /// The tenant's id, a GUID.
    pub tenant: String,
    /// The user's id inside the tenant.
    pub user: String,
    /// The name the user signs in with; for display only.
    pub user_name: String,
    /// Claim and value that mark a guest.
    pub guest: Option<(String, String)>,
    /// A list of role ids, where the vendor puts one in.
    pub roles: Option<String>,
}

/// What one kind of refusal means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorClass {
    /// The `error` member; none: any.
    pub error: Option<String>,
    /// One of the numbers beside it; none: any.
    pub code: Option<u32>,
    /// Stable name of the class.
    pub class: String,
    /// What the grant becomes.
    pub effect: GrantEffect,
    /// What to do about it.
    pub remedy: String,
}

/// What a refusal makes of the grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantEffect {
    /// Transient: tried again, never marks the grant.
    Retry,
    /// Somebody must consent anew.
    NeedsConsent,
    /// New consent would not mend it; it is tried again.
    Degraded,
    /// The operator must mend something.
    OperatorFault,
    /// The flow was tampered with or replayed.
    FlowError,
}

/// What is wrong with a connector's data: the plugin's or the operator's fault, found before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectorFault {
    /// A call names an endpoint that is not there.
    #[error("call {call:?} names endpoint {endpoint:?}, which is not listed")]
    UnknownEndpoint {
        /// The call.
        call: String,
        /// What it names.
        endpoint: String,
    },
    /// A call asks for a header that is the host's own.
    #[error("call {call:?} asks to set header {header:?}, which only the host sets")]
    ReservedHeader {
        /// The call.
        call: String,
        /// The header.
        header: String,
    },
    /// A path template does not start with a slash, or climbs.
    #[error("call {call:?} has a path that is no plain path from the root")]
    Path {
        /// The call.
        call: String,
    },
    /// A base URL that is neither https nor an operator's http to this machine.
    #[error("{what} must be https, or http to this machine where the configuration says so")]
    Scheme {
        /// `endpoint "api"`, `the authority`.
        what: String,
    },
}

/// Headers that belong to the host or to the connection.
const RESERVED_HEADERS: &[&str] = &[
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

impl Connector {
    /// Refuses data that could never be obeyed. Called once where a connector is made.
    pub fn check(&self) -> Result<(), ConnectorFault> {
        for (name, endpoint) in &self.endpoints {
            if !is_usable_scheme(&endpoint.base_url, endpoint.by_operator) {
                return Err(ConnectorFault::Scheme { what: format!("endpoint {name:?}") });
            }
        }
        for (name, call) in &self.calls {
            self.check_call(name, call)?;
        }
        match &self.consent {
            Some(rules) if !is_usable_scheme(&rules.authority, rules.authority_by_operator) => {
                Err(ConnectorFault::Scheme { what: "the authority".into() })
            }
            _ => Ok(()),
        }
    }

    /// The audiences of all endpoints, each once, in a fixed order.
    #[must_use]
    pub fn audiences(&self) -> Vec<&Audience> {
        let mut audiences: Vec<&Audience> = Vec::new();
        for endpoint in self.endpoints.values() {
            if let Auth::OAuth(audience) = &endpoint.auth
                && !audiences.iter().any(|known| known.name == audience.name)
            {
                audiences.push(audience);
            }
        }
        audiences
    }

    /// Whether its accounts have a plain secret in place of a consent.
    #[must_use]
    pub fn takes_secret(&self) -> bool {
        let is_secret = |endpoint: &Endpoint| matches!(endpoint.auth, Auth::SecretHeader(_));
        self.consent.is_none() && self.endpoints.values().any(is_secret)
    }

    /// Whether a call carries the account's plain secret.
    #[must_use]
    pub fn carries_secret(&self, call: &str) -> bool {
        let endpoint = self.calls.get(call).and_then(|call| self.endpoints.get(&call.endpoint));
        endpoint.is_some_and(|endpoint| matches!(endpoint.auth, Auth::SecretHeader(_)))
    }

    fn check_call(&self, name: &str, call: &Call) -> Result<(), ConnectorFault> {
        if !self.endpoints.contains_key(&call.endpoint) {
            return Err(ConnectorFault::UnknownEndpoint {
                call: name.into(),
                endpoint: call.endpoint.clone(),
            });
        }
        if let Some(header) = call.headers.iter().find(|header| is_reserved_header(header)) {
            return Err(ConnectorFault::ReservedHeader { call: name.into(), header: header.clone() });
        }
        let path = &call.path_template;
        let climbs = path.split('/').any(|segment| segment == "." || segment == "..");
        if !path.starts_with('/') || path.starts_with("//") || climbs || path.contains(['?', '#', '\\']) {
            return Err(ConnectorFault::Path { call: name.into() });
        }
        Ok(())
    }
}

/// Whether only the host sets this header.
pub(crate) fn is_reserved_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    RESERVED_HEADERS.contains(&name.as_str()) || name.starts_with("proxy-") || name.starts_with(':')
}

impl ConsentRules {
    /// One of the authority's pages for a tenant.
    pub(crate) fn page(&self, path: &str, tenant: &str) -> Result<Url, url::ParseError> {
        Url::parse(&format!("{}{}", self.authority_text(), path.replace("{tenant}", tenant)))
    }

    /// The only issuer whose id tokens of this tenant are believed.
    pub(crate) fn issuer_of(&self, tenant: &str) -> String {
        self.issuer.replace("{authority}", self.authority_text()).replace("{tenant}", tenant)
    }

    /// Whether this could be the issuer of some tenant: asked before a code is handed on, when the tenant is not known.
    pub(crate) fn may_issue(&self, issuer: &str) -> bool {
        let template = self.issuer.replace("{authority}", self.authority_text());
        let Some((before, after)) = template.split_once("{tenant}") else { return issuer == template };
        let tenant = issuer.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        tenant.is_some_and(|tenant| Uuid::try_parse(tenant).is_ok())
    }

    fn authority_text(&self) -> &str {
        self.authority.as_str().trim_end_matches('/')
    }
}
