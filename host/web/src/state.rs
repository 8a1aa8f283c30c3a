//! What every handler may use.

use std::sync::Arc;

use purser_pipeline::usage::Board;
use purser_store::Store;
use purser_store::people::AuditEntry;
use url::Url;

use crate::Problem;
use crate::access::{AccessRules, OutsideSignIn};
use crate::acts::{Acts, ConnectorView};
use crate::password::Passwords;
use crate::throttle::Throttle;

/// The store, the acts, and how this Purser is reached.
#[derive(Clone)]
pub struct WebState {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What pages may make happen.
    pub acts: Arc<dyn Acts>,
    /// Whether cookies are marked `Secure` and browsers told to insist on TLS: everywhere but on plain-http loopback.
    pub cookies_secure: bool,
    /// The address people use, without a path.
    pub public_url: Url,
    /// Of sessions and sign-ins.
    pub rules: Arc<AccessRules>,
    /// Signing in elsewhere, where that is set up.
    pub outside: Option<Arc<dyn OutsideSignIn>>,
    /// What plugins use.
    pub usage: Arc<Board>,
    pub(crate) throttle: Arc<Throttle>,
    pub(crate) token_throttle: Arc<Throttle>,
    pub(crate) link_throttle: Arc<Throttle>,
    pub(crate) passwords: Arc<Passwords>,
}

impl WebState {
    /// Cookies are secure where `public_url` is https.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, acts: Arc<dyn Acts>, public_url: Url) -> Self {
        let clock = acts.clone();
        Self {
            store,
            usage: Arc::new(Board::new(Arc::new(move || clock.now()))),
            acts,
            cookies_secure: public_url.scheme() == "https",
            public_url,
            rules: Arc::default(),
            outside: None,
            throttle: Arc::default(),
            token_throttle: Arc::default(),
            link_throttle: Arc::default(),
            passwords: Arc::default(),
        }
    }

    /// With other rules than the usual, and a sign-in elsewhere.
    #[must_use]
    pub fn with_access(self, rules: AccessRules, outside: Option<Arc<dyn OutsideSignIn>>) -> Self {
        Self { rules: Arc::new(rules), outside, ..self }
    }

    /// With the board that the sandbox tells of its calls.
    #[must_use]
    pub fn with_usage(self, usage: Arc<Board>) -> Self {
        Self { usage, ..self }
    }

    /// Writes down what somebody did.
    pub(crate) async fn audit(
        &self,
        who: &str,
        what: &str,
        detail: serde_json::Value,
    ) -> Result<(), Problem> {
        let (at, who, what) = (self.acts.now(), who.to_owned(), what.to_owned());
        Ok(self.store.audit(&AuditEntry { at, who, what, detail }).await?)
    }

    pub(crate) fn connector(&self, id: &str) -> Result<ConnectorView, Problem> {
        let found = self.acts.connectors().into_iter().find(|connector| connector.id.as_str() == id);
        found.ok_or_else(|| Problem::not_found("connector"))
    }
}
