//! From a plugin's descriptor and the operator's configuration to what the vendor client may do.

use std::collections::BTreeMap;

use purser_domain::ConnectorId;
use purser_runtime::contract::manifest::{self, Descriptor};
use purser_vendor::connector::{
    self, Audience, Auth, Call, Claims, Connector, ConsentRules, Endpoint, ErrorClass,
};
use purser_vendor::preflight::{Answer, Probe, Verdict};
use purser_vendor::roles::{RoleSet, Roles};
use purser_vendor::{ClientAuth, HostPattern};
use url::Url;

/// What the operator says about one connector: the app registration, and base URLs in place of the plugin's.
#[derive(Debug, Clone, Default)]
pub struct ConnectorConfig {
    /// The app registration's id.
    pub client_id: String,
    /// How it proves itself.
    pub client_auth: ClientAuth,
    /// By cloud.
    pub clouds: BTreeMap<String, CloudConfig>,
}

/// Base URLs in place of the plugin's.
#[derive(Debug, Clone, Default)]
pub struct CloudConfig {
    /// Where users sign in.
    pub authority: Option<Url>,
    /// By endpoint name.
    pub endpoints: BTreeMap<String, Url>,
    /// Hosts of downloads.
    pub download_hosts: Vec<Url>,
}

/// What the operator says about all connectors.
#[derive(Debug, Clone)]
pub struct Clouds {
    /// The address people use; redirect URIs are made from it and from nothing a request says.
    pub public_url: Url,
    /// By connector.
    pub connectors: BTreeMap<ConnectorId, ConnectorConfig>,
}

/// Why descriptor and configuration do not make a usable connector.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// The id is none.
    #[error("the plugin's id is no connector id")]
    Id,
    /// The plugin does not serve this cloud.
    #[error("the plugin has no {what} for the cloud {cloud:?}")]
    NotServed {
        /// What is missing.
        what: &'static str,
        /// The cloud.
        cloud: String,
    },
    /// A URL that is none.
    #[error("{0:?} is no URL")]
    Url(String),
    /// A download host pattern that is none.
    #[error("a download host of the plugin cannot be used: {0}")]
    Pattern(#[from] purser_vendor::host_pattern::InvalidPattern),
    /// It could never be obeyed.
    #[error(transparent)]
    Fault(#[from] connector::ConnectorFault),
}

impl Clouds {
    /// The redirect URI of a connector and cloud.
    #[must_use]
    pub fn redirect_uri(&self, connector: &str, cloud: &str) -> String {
        let base = self.public_url.as_str().trim_end_matches('/');
        format!("{base}/connectors/{connector}/consent/callback/{cloud}")
    }

    /// Clouds a plugin can be used in: where users sign in, or where its endpoints are.
    #[must_use]
    pub fn served(descriptor: &Descriptor) -> Vec<String> {
        let pairs = match &descriptor.consent {
            Some(consent) => consent.authorities.iter(),
            None => {
                descriptor.endpoints.first().map(|endpoint| endpoint.base_urls.iter()).unwrap_or_default()
            }
        };
        pairs.map(|pair| pair.name.clone()).collect()
    }

    /// What the operator names in place of a plugin's download hosts.
    #[must_use]
    pub fn download_hosts(&self, connector: &ConnectorId, cloud: &str) -> &[Url] {
        let own = self.connectors.get(connector).and_then(|config| config.clouds.get(cloud));
        own.map(|own| own.download_hosts.as_slice()).unwrap_or_default()
    }

    /// The connector of a plugin in a cloud.
    ///
    /// # Errors
    /// Where the plugin does not serve the cloud or something in it can never be obeyed.
    pub fn connector(&self, descriptor: &Descriptor, cloud: &str) -> Result<Connector, CloudError> {
        let id: ConnectorId = descriptor.id.parse().map_err(|_| CloudError::Id)?;
        let config = self.connectors.get(&id).cloned().unwrap_or_default();
        let own = config.clouds.get(cloud).cloned().unwrap_or_default();
        let endpoints = endpoints(descriptor, cloud, &own)?;
        let calls = descriptor.calls.iter().filter(|call| endpoints.contains_key(&call.endpoint));
        let calls: BTreeMap<_, _> = calls.map(|call| (call.name.clone(), granted(call))).collect();
        let connector = Connector {
            cloud: cloud.to_owned(),
            download_hosts: download_hosts(descriptor, cloud, &own)?,
            consent: match &descriptor.consent {
                Some(consent) => Some(self.consent(descriptor, consent, cloud, &calls, (&config, &own))?),
                None => None,
            },
            endpoints,
            calls,
            id,
        };
        connector.check()?;
        Ok(connector)
    }

    fn consent(
        &self,
        descriptor: &Descriptor,
        consent: &manifest::Consent,
        cloud: &str,
        calls: &BTreeMap<String, Call>,
        (config, own): (&ConnectorConfig, &CloudConfig),
    ) -> Result<ConsentRules, CloudError> {
        let authority = match &own.authority {
            Some(url) => url.clone(),
            None => url_of(of_cloud(&consent.authorities, cloud, "place to sign in")?)?,
        };
        // What an API of another cloud would say is no question here.
        let probes = consent.probes.iter().filter(|probe| calls.contains_key(&probe.call));
        Ok(ConsentRules {
            authority,
            authority_by_operator: own.authority.is_some(),
            authorize_path: consent.authorize_path.clone(),
            token_path: consent.token_path.clone(),
            keys_path: consent.keys_path.clone(),
            issuer: consent.issuer.clone(),
            first_tenant: consent.first_tenant.clone(),
            scopes: consent.scopes.clone(),
            authorize_parameters: pairs(&consent.authorize_parameters),
            claims: Claims {
                tenant: consent.claims.tenant.clone(),
                user: consent.claims.user.clone(),
                user_name: consent.claims.user_name.clone(),
                guest: consent.claims.guest.as_ref().map(|pair| (pair.name.clone(), pair.value.clone())),
                roles: consent.claims.roles.clone(),
            },
            personal_tenants: consent.personal_tenants.iter().cloned().collect(),
            roles: roles(consent),
            probes: probes.map(probe).collect(),
            error_classes: consent.error_classes.iter().map(error_class).collect(),
            idle_days: consent.idle_days,
            admin_consent: consent.admin_consent.as_ref().map(|page| connector::AdminConsent {
                path: page.path.clone(),
                classes: page.classes.iter().cloned().collect(),
            }),
            client_id: config.client_id.clone(),
            client_auth: config.client_auth.clone(),
            redirect_uri: self.redirect_uri(&descriptor.id, cloud),
        })
    }
}

/// Endpoints the cloud has; one that is not there (an API of the global cloud only) is left out with its calls.
fn endpoints(
    descriptor: &Descriptor,
    cloud: &str,
    own: &CloudConfig,
) -> Result<BTreeMap<String, Endpoint>, CloudError> {
    let mut endpoints = BTreeMap::new();
    for endpoint in &descriptor.endpoints {
        let configured = own.endpoints.get(&endpoint.name);
        let default = endpoint.base_urls.iter().find(|pair| pair.name == cloud);
        let base_url = match (configured, default) {
            (Some(url), _) => url.clone(),
            (None, Some(pair)) => url_of(&pair.value)?,
            (None, None) => continue,
        };
        let auth = auth(&endpoint.auth, cloud);
        endpoints
            .insert(endpoint.name.clone(), Endpoint { base_url, auth, by_operator: configured.is_some() });
    }
    if endpoints.is_empty() {
        return Err(CloudError::NotServed { what: "endpoint", cloud: cloud.to_owned() });
    }
    Ok(endpoints)
}

fn auth(auth: &manifest::Auth, cloud: &str) -> Auth {
    match auth {
        manifest::Auth::None => Auth::None,
        manifest::Auth::SecretHeader(name) => Auth::SecretHeader(name.clone()),
        manifest::Auth::Oauth(audience) => {
            let of_cloud = |scopes: &[purser_runtime::contract::types::Pair]| {
                let scopes = scopes.iter().filter(|pair| pair.name == cloud);
                scopes.map(|pair| pair.value.clone()).collect()
            };
            Auth::OAuth(Audience {
                name: audience.name.clone(),
                scopes: of_cloud(&audience.scopes),
                app_scopes: of_cloud(&audience.app_scopes),
            })
        }
    }
}

fn granted(call: &manifest::Call) -> Call {
    Call {
        endpoint: call.endpoint.clone(),
        method: match call.method {
            manifest::Method::Get => connector::Method::Get,
            manifest::Method::Post => connector::Method::Post,
        },
        path_template: call.path.clone(),
        query: call.query.iter().cloned().collect(),
        headers: call.headers.iter().cloned().collect(),
        per_minute: call.per_minute,
    }
}

fn download_hosts(
    descriptor: &Descriptor,
    cloud: &str,
    own: &CloudConfig,
) -> Result<Vec<HostPattern>, CloudError> {
    if !own.download_hosts.is_empty() {
        return Ok(own.download_hosts.iter().map(HostPattern::by_operator).collect::<Result<_, _>>()?);
    }
    let patterns = descriptor.download_hosts.iter().filter(|host| host.cloud == cloud);
    Ok(patterns.map(|host| HostPattern::parse(&host.pattern)).collect::<Result<_, _>>()?)
}

fn roles(consent: &manifest::Consent) -> Roles {
    let verdict = |word: &str| Verdict::named(word).unwrap_or(Verdict::Unknown);
    let set = |set: &manifest::RoleSet| RoleSet {
        roles: set.roles.clone(),
        enough: set.enough,
        note: set.note.clone(),
        signs: set.signs.iter().map(|sign| (sign.name.clone(), verdict(&sign.value))).collect(),
    };
    Roles {
        names: consent.role_ids.iter().map(|pair| (pair.name.to_lowercase(), pair.value.clone())).collect(),
        sets: consent.role_sets.iter().map(set).collect(),
    }
}

fn probe(probe: &manifest::Probe) -> Probe {
    Probe {
        name: probe.name.clone(),
        capability: probe.capability.clone(),
        call: probe.call.clone(),
        path: pairs(&probe.path),
        query: pairs(&probe.query),
        headers: pairs(&probe.headers),
        body: probe.body.clone(),
        needed: probe.needed,
        answers: probe.answers.iter().map(answer).collect(),
    }
}

fn answer(answer: &manifest::Answer) -> Answer {
    let pair = |pair: &Option<purser_runtime::contract::types::Pair>| {
        pair.as_ref().map(|pair| (pair.name.clone(), pair.value.clone()))
    };
    Answer {
        statuses: answer.status_from..=answer.status_to,
        header: pair(&answer.header),
        body: pair(&answer.body),
        verdict: match answer.verdict {
            manifest::Verdict::Ok => Verdict::Ok,
            manifest::Verdict::Missing => Verdict::Missing,
            manifest::Verdict::Refused => Verdict::Refused,
            manifest::Verdict::Unknown => Verdict::Unknown,
        },
        about_role: answer.about_role,
        code: answer.code.clone(),
        remedy: answer.remedy.clone(),
    }
}

fn error_class(class: &manifest::ErrorClass) -> ErrorClass {
    use manifest::GrantEffect as Described;
    use purser_vendor::GrantEffect;
    ErrorClass {
        error: Some(class.error.clone()).filter(|error| !error.is_empty()),
        code: Some(class.code).filter(|code| *code != 0),
        class: class.class.clone(),
        effect: match class.state {
            Described::Retry => GrantEffect::Retry,
            Described::NeedsConsent => GrantEffect::NeedsConsent,
            Described::Degraded => GrantEffect::Degraded,
            Described::OperatorFault => GrantEffect::OperatorFault,
            Described::FlowError => GrantEffect::FlowError,
        },
        remedy: class.remedy.clone(),
    }
}

fn pairs(pairs: &[purser_runtime::contract::types::Pair]) -> Vec<(String, String)> {
    pairs.iter().map(|pair| (pair.name.clone(), pair.value.clone())).collect()
}

fn of_cloud<'a>(
    pairs: &'a [purser_runtime::contract::types::Pair],
    cloud: &str,
    what: &'static str,
) -> Result<&'a str, CloudError> {
    let pair = pairs.iter().find(|pair| pair.name == cloud);
    pair.map(|pair| pair.value.as_str())
        .ok_or_else(|| CloudError::NotServed { what, cloud: cloud.to_owned() })
}

fn url_of(text: &str) -> Result<Url, CloudError> {
    Url::parse(text).map_err(|_| CloudError::Url(text.to_owned()))
}
