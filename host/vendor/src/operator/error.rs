//! Why nobody was signed in, for the person in front of the browser.

/// Why nobody was signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OperatorError {
    /// The provider does not answer.
    #[error("the sign-in provider cannot be reached")]
    OutOfReach,
    /// The provider's own description cannot be used, or names another issuer.
    #[error("the sign-in provider's description of itself cannot be used")]
    Description,
    /// Not the answer to a question of this browser, or answered already, or too late.
    #[error("this answer belongs to no sign-in of this browser, was used already, or came too late")]
    State,
    /// The answer names another provider.
    #[error("the answer came from another sign-in provider than the one that was asked")]
    Issuer,
    /// The provider said no, or the person did.
    #[error("the sign-in provider refused, or the sign-in was cancelled")]
    Refused,
    /// The code was refused.
    #[error("the sign-in provider did not accept the answer")]
    Code,
    /// Signed by nobody we know, or in a way we do not take.
    #[error("the identity token is not signed by the sign-in provider")]
    Signature,
    /// For another application.
    #[error("the identity token was made for another application")]
    Audience,
    /// Of another sign-in.
    #[error("the identity token belongs to another sign-in")]
    Nonce,
    /// Too old.
    #[error("the identity token has expired")]
    Expired,
    /// Something is missing in it.
    #[error("the identity token lacks what it must say")]
    Incomplete,
}

impl OperatorError {
    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::OutOfReach => "OIDC-OUT-OF-REACH",
            Self::Description => "OIDC-DESCRIPTION",
            Self::State => "OIDC-STATE",
            Self::Issuer => "OIDC-ISSUER",
            Self::Refused => "OIDC-REFUSED",
            Self::Code => "OIDC-CODE",
            Self::Signature => "OIDC-SIGNATURE",
            Self::Audience => "OIDC-AUDIENCE",
            Self::Nonce => "OIDC-NONCE",
            Self::Expired => "OIDC-EXPIRED",
            Self::Incomplete => "OIDC-INCOMPLETE",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::OutOfReach => "try again; if it lasts, check the network and the provider's state",
            Self::Description | Self::Signature | Self::Audience | Self::Issuer => {
                "ask an administrator to compare issuer and client-id of the configuration with the provider's"
            }
            Self::Code => {
                "begin again; if it lasts, ask an administrator to check the client's secret and its redirect address"
            }
            Self::Expired => "begin again; if it lasts, compare the clocks of both machines",
            Self::Incomplete => "ask an administrator which claims the provider gives this application",
            Self::State | Self::Refused | Self::Nonce => "begin again at the sign-in page",
        }
    }

    /// Whether the provider is at fault, not the answer.
    #[must_use]
    pub fn is_of_provider(self) -> bool {
        matches!(self, Self::OutOfReach | Self::Description)
    }
}
