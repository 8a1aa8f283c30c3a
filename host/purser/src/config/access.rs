//! Who may come in: sessions, proxies, signing in at an OpenID provider.

use std::path::PathBuf;

use ipnet::IpNet;
use jiff::SignedDuration;
use purser_vendor::Secret;
use purser_vendor::operator::Provider;
use purser_web::AccessRules;
use serde::Deserialize;
use url::Url;

use crate::failure::Failure;

/// `[access]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Access {
    /// A session ends after so many minutes without use: 10 to 1440.
    pub session_idle_minutes: u32,
    /// And so many hours after sign-in in any case: 1 to 168.
    pub session_hours: u32,
    /// Whether people may sign in with a password of this Purser's. Only a provider may stand in for it.
    pub passwords: bool,
    /// Networks of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Signing in at an OpenID provider.
    pub oidc: Option<Oidc>,
}

/// `[access.oidc]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Oidc {
    /// The text of the button.
    #[serde(default = "title")]
    pub title: String,
    /// As the provider writes it, to the letter.
    pub issuer: String,
    /// This Purser's id there.
    pub client_id: String,
    /// Its secret; better in a file.
    pub client_secret: Option<String>,
    /// File with the secret.
    pub client_secret_file: Option<PathBuf>,
    /// Asked for.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// The claim that lists groups.
    #[serde(default = "groups_claim")]
    pub groups_claim: String,
    /// Groups whose people administer.
    #[serde(default)]
    pub admin_groups: Vec<String>,
    /// Groups whose people operate.
    #[serde(default)]
    pub operator_groups: Vec<String>,
    /// Groups whose people look.
    #[serde(default)]
    pub viewer_groups: Vec<String>,
}

fn title() -> String {
    "Sign in with your organisation".to_owned()
}

fn scopes() -> Vec<String> {
    ["openid", "profile", "email"].map(str::to_owned).into()
}

fn groups_claim() -> String {
    "groups".to_owned()
}

impl Default for Access {
    fn default() -> Self {
        Self {
            session_idle_minutes: 480,
            session_hours: 24,
            passwords: true,
            trusted_proxies: Vec::new(),
            oidc: None,
        }
    }
}

impl Access {
    /// The rules, within their bounds.
    ///
    /// # Errors
    /// Names the key and its bounds.
    pub fn rules(&self) -> anyhow::Result<AccessRules> {
        let rules = AccessRules {
            idle: SignedDuration::from_mins(self.session_idle_minutes.into()),
            absolute: SignedDuration::from_hours(self.session_hours.into()),
            takes_passwords: self.passwords,
            trusted_proxies: self.trusted_proxies.clone(),
        };
        rules.check().map_err(|what| unusable(what, "correct it"))?;
        if !self.passwords && self.oidc.is_none() {
            let remedy = "set up [access.oidc] first, or let passwords be true";
            return Err(unusable("passwords is false, and nobody could sign in any other way", remedy));
        }
        Ok(rules)
    }
}

impl Oidc {
    /// The provider, as the vendor crate takes it.
    ///
    /// # Errors
    /// Where the issuer is no address, no group gives a role, or the secret's file cannot be read.
    pub fn provider(&self, redirect: Url) -> anyhow::Result<Provider> {
        if Url::parse(&self.issuer).is_err() {
            return Err(unusable("oidc.issuer is no address", "copy it from the provider's description"));
        }
        if [&self.admin_groups, &self.operator_groups, &self.viewer_groups]
            .iter()
            .all(|groups| groups.is_empty())
        {
            let remedy = "name at least one in admin-groups, operator-groups or viewer-groups";
            return Err(unusable("oidc names no group, so nobody could sign in", remedy));
        }
        let secret = super::secret(self.client_secret.as_deref(), self.client_secret_file.as_deref())?;
        Ok(Provider {
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret: secret.map(Secret::new),
            redirect,
            scopes: self.scopes.clone(),
            groups_claim: self.groups_claim.clone(),
        })
    }
}

fn unusable(what: &str, remedy: &'static str) -> anyhow::Error {
    Failure::input("CFG-004", format!("[access] cannot be used: {what}"), remedy).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_lock_everybody_out_is_refused() {
        let told = |access: Access| access.rules().unwrap_err().to_string();
        assert!(told(Access { passwords: false, ..Access::default() }).contains("oidc"));
        assert!(
            told(Access { session_idle_minutes: 5, ..Access::default() }).contains("between 10 and 1440")
        );
        let text = "issuer = \"https://login.example\"\nclient-id = \"purser\"";
        let oidc: Oidc = toml_of(text);
        let redirect: Url = "http://localhost/back".parse().unwrap();
        assert!(oidc.provider(redirect.clone()).unwrap_err().to_string().contains("admin-groups"));
        let oidc = Oidc { viewer_groups: vec!["everybody".into()], ..oidc };
        assert!(oidc.provider(redirect).is_ok());
        assert!(Access { passwords: false, oidc: Some(oidc), ..Access::default() }.rules().is_ok());
    }

    fn toml_of(text: &str) -> Oidc {
        let source = config::File::from_str(text, config::FileFormat::Toml);
        config::Config::builder().add_source(source).build().unwrap().try_deserialize().unwrap()
    }
}
