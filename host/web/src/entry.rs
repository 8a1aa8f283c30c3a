//! What people enter where an account of a connector without consent is added: a name, and the vendor's secret.

use purser_domain::ConnectorId;
use purser_vendor::{Secret, SecretFault};

use crate::Problem;

/// The code of a name that cannot be used.
pub const NAME: &str = "ACC-NAME";
/// The code of a secret that cannot be used.
pub const SECRET: &str = "ACC-SECRET";

/// An account to be added.
#[derive(Debug)]
pub struct NewAccount<'a> {
    /// Under which connector.
    pub connector: &'a ConnectorId,
    /// The cloud's id.
    pub cloud: &'a str,
    /// What it is called, and its tenant for good: nobody at the vendor says another.
    pub name: &'a str,
    /// The vendor's secret; none where the connector takes none.
    pub secret: Option<Secret>,
}

/// A name as it is kept.
///
/// # Errors
/// Where it cannot be used.
pub fn account_name(text: &str) -> Result<String, Problem> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > 120 || name.chars().any(char::is_control) {
        let what = "the name of an account has 1 to 120 characters and no line breaks";
        return Err(Problem::new(400, NAME, what, "choose another name"));
    }
    Ok(name.to_owned())
}

/// Accounts of the connector come about otherwise.
#[must_use]
pub fn by_consent() -> Problem {
    let what = "accounts of this connector are connected by consent, not by a secret";
    Problem::new(409, "ACC-CONSENT", what, "sign in at the vendor under Connector Settings")
}

impl From<SecretFault> for Problem {
    fn from(fault: SecretFault) -> Self {
        Self::new(400, SECRET, fault.to_string(), "copy the secret from the vendor again, as it is")
    }
}
