//! Why a request got no answer. An answer with an error status is an answer: the plugin judges it.

use crate::connector::GrantEffect;
use crate::tokens::TokenError;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The descriptor does not list what was asked.
    #[error("the plugin asked for what its descriptor does not list: {0}")]
    NotGranted(String),
    /// The host is none of the connector's.
    #[error("the connector may not reach {0}")]
    HostRefused(String),
    /// The host's addresses lie inside a private network.
    #[error("{0} leads into a private network")]
    AddressRefused(String),
    /// A redirect to where a request must not go, or too many of them.
    #[error("the vendor redirected to where no request may go: {0}")]
    RedirectRefused(String),
    /// No connection.
    #[error("{0} can not be reached")]
    Unreachable(String),
    /// No answer in time.
    #[error("{0} did not answer in time")]
    TimedOut(String),
    /// The connection ended before the answer did.
    #[error("the answer was cut off")]
    CutOff,
    /// The answer's compression is damaged or unknown.
    #[error("the answer can not be unpacked")]
    Damaged,
    /// More bytes than the limit.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(u64),
    /// Unpacks to far more than any honest answer.
    #[error("the answer unpacks to more than {0} times its size")]
    TooDense(u32),
    /// There is no usable token.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl SendError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> String {
        let code = match self {
            Self::NotGranted(_) => "VND-NOT-GRANTED",
            Self::HostRefused(_) => "VND-HOST-REFUSED",
            Self::AddressRefused(_) => "VND-ADDRESS-REFUSED",
            Self::RedirectRefused(_) => "VND-REDIRECT-REFUSED",
            Self::Unreachable(_) => "VND-UNREACHABLE",
            Self::TimedOut(_) => "VND-TIMED-OUT",
            Self::CutOff => "VND-CUT-OFF",
            Self::Damaged => "VND-DAMAGED",
            Self::TooLarge(_) => "VND-TOO-LARGE",
            Self::TooDense(_) => "VND-TOO-DENSE",
            Self::Token(error) => return error.code(),
        };
        code.into()
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        let remedy = match self {
            Self::NotGranted(_) => {
                "report it to the plugin's author, or install a version that lists the call"
            }
            Self::HostRefused(_) | Self::RedirectRefused(_) => {
                "if the vendor has moved, install a plugin version that lists the host"
            }
            Self::AddressRefused(_) => {
                "check the name server; a host inside your own network must be named in the configuration"
            }
            Self::Unreachable(_) | Self::TimedOut(_) => {
                "it is tried again; if it lasts, check the network, the firewall and the vendor's status page"
            }
            Self::CutOff => "it is tried again; if it lasts, check proxies and firewalls on the way",
            Self::Damaged => "it is tried again; if it lasts, tell the vendor, naming the request",
            Self::TooLarge(_) | Self::TooDense(_) => {
                "raise the limit in the configuration if the answer is genuine"
            }
            Self::Token(error) => return error.remedy(),
        };
        remedy.into()
    }

    /// Whether nothing more works before somebody consents anew, or at all.
    #[must_use]
    pub fn needs_consent(&self) -> bool {
        match self {
            Self::Token(TokenError::NoGrant | TokenError::NoSecret) => true,
            Self::Token(TokenError::Refused(fault)) => fault.effect == GrantEffect::NeedsConsent,
            _ => false,
        }
    }

    /// Whether the same request may well succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TimedOut(_) | Self::CutOff | Self::Damaged => true,
            Self::Token(error) => error.is_transient(),
            _ => false,
        }
    }
}
