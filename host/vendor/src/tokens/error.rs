//! Why there is no access token.

use super::port::{GrantFault, GrantStoreError};
use crate::connector::GrantEffect;
use crate::vault::VaultError;

/// Why there is no access token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Nobody has consented.
    #[error("the account has no stored grant")]
    NoGrant,
    /// Nobody has entered the account's secret, or it was erased.
    #[error("the account has no stored secret")]
    NoSecret,
    /// The connector wants tokens but says not how to get them.
    #[error("the connector has no rules for consent")]
    NoRules,
    /// The vendor refused.
    #[error("{}", .0.what)]
    Refused(GrantFault),
    /// The vendor is busy or out of reach.
    #[error("the vendor's token endpoint is busy or out of reach")]
    Busy,
    /// An answer that is no token response.
    #[error("the vendor's token endpoint answered with what is no token response")]
    Unreadable,
    /// Too many exchanges in a short time.
    #[error("tokens were asked for too often; something is looping")]
    Loop,
    /// The new refresh token could not be stored, so the access token is not used.
    #[error("the new token could not be stored")]
    Store,
    /// The stored grant stays closed.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl TokenError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::NoGrant => "CON-NO-GRANT".into(),
            Self::NoSecret => "CON-NO-SECRET".into(),
            Self::NoRules => "CON-NO-RULES".into(),
            Self::Refused(fault) => fault.code.clone(),
            Self::Busy => "CON-TOKEN-BUSY".into(),
            Self::Unreadable => "CON-TOKEN-UNREADABLE".into(),
            Self::Loop => "CON-TOKEN-LOOP".into(),
            Self::Store => "CON-TOKEN-STORE".into(),
            Self::Vault(error) => error.code().into(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::NoGrant => "sign in and consent on the connector's settings page".into(),
            Self::NoSecret => "enter the secret on the account's page, under Connector Settings".into(),
            Self::NoRules => "report it to the plugin's author".into(),
            Self::Refused(fault) => fault.remedy.clone(),
            Self::Busy => "it is tried again; if it lasts, see the vendor's status page".into(),
            Self::Unreadable => {
                "it is tried again; check that the configured authority is the vendor's".into()
            }
            Self::Loop => "it is tried again in a few minutes; if it lasts, report it with the log".into(),
            Self::Store => "see the log: is the disk full, is the database writable?".into(),
            Self::Vault(error) => error.remedy().into(),
        }
    }

    /// Whether it may work later without anybody doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy | Self::Unreadable | Self::Loop | Self::Store => true,
            Self::Refused(fault) => fault.effect == GrantEffect::Degraded,
            Self::NoGrant | Self::NoSecret | Self::NoRules | Self::Vault(_) => false,
        }
    }
}

impl From<GrantStoreError> for TokenError {
    fn from(_: GrantStoreError) -> Self {
        Self::Store
    }
}
