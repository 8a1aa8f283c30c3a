//! Why a consent was not given, for the administrator who sees it and for the operator who must mend it.

use crate::connector::{ConsentRules, GrantEffect};
use crate::consent::FlowStoreError;
use crate::oauth::{Meaning, Refusal, meaning};
use crate::tokens::refusal_code;
use crate::vault::VaultError;

/// Why a consent was not given. Nothing was stored, and an existing grant is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsentError {
    /// The connector has no rules for consent, or unusable ones.
    #[error("the connector's rules for consent can not be used")]
    NoRules,
    /// The state is not one of ours, or of another connector.
    #[error("the answer does not belong to a sign-in that was begun here")]
    WrongState,
    /// The state or the confirmation was used before.
    #[error("this sign-in was already completed or given up")]
    Replayed,
    /// Ten minutes are over.
    #[error("the sign-in took too long")]
    Expired,
    /// Another browser session.
    #[error("the sign-in was begun in another browser session")]
    OtherSession,
    /// The administrator said no at the vendor's.
    #[error("the sign-in was cancelled, so consent was not given")]
    Cancelled,
    /// Neither a code nor an error.
    #[error("the vendor sent neither a code nor an error")]
    NoCode,
    /// The vendor gave no id token.
    #[error("the vendor did not say who signed in")]
    NoIdToken,
    /// The vendor gave no refresh token.
    #[error("the vendor gave no lasting grant")]
    NoRefreshToken,
    /// The id token is signed by nobody we know, or not at all.
    #[error("the proof of who signed in has no valid signature")]
    BadSignature,
    /// The id token is for somebody else.
    #[error("the proof of who signed in was made for another application")]
    WrongAudience,
    /// Somebody else issued the id token or the answer.
    #[error("the proof of who signed in comes from an unexpected issuer")]
    WrongIssuer,
    /// The id token belongs to another sign-in.
    #[error("the proof of who signed in belongs to another sign-in")]
    WrongNonce,
    /// The id token is out of date, or from the future.
    #[error("the proof of who signed in is not valid at this time")]
    NotNow,
    /// The id token lacks what must be in it.
    #[error("the proof of who signed in is incomplete")]
    Incomplete,
    /// A consumer account.
    #[error("a personal account signed in")]
    PersonalAccount,
    /// A guest in somebody else's tenant.
    #[error("a guest of the tenant signed in")]
    Guest,
    /// A renewal by another tenant.
    #[error("an account of another tenant signed in; nothing was changed")]
    WrongTenant,
    /// The vendor refused, and the connector's table says what that means.
    #[error("the vendor refused ({evidence})")]
    Refused {
        /// The class.
        class: String,
        /// Who must act.
        effect: GrantEffect,
        /// What to do about it.
        remedy: String,
        /// The vendor's error numbers and ids, for its support.
        evidence: String,
    },
    /// The vendor is busy or out of reach.
    #[error("the vendor is busy or out of reach")]
    Busy,
    /// An answer that is no token response.
    #[error("the vendor's answer can not be read")]
    Unreadable,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] FlowStoreError),
    /// The key file does not fit.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl ConsentError {
    pub(crate) fn refused(rules: &ConsentRules, refusal: &Refusal) -> Self {
        let Meaning { class, effect, remedy } = meaning(&rules.error_classes, refusal);
        Self::Refused { class, effect, remedy, evidence: refusal.evidence() }
    }

    /// Stable code.
    #[must_use]
    pub fn code(&self) -> String {
        let code = match self {
            Self::NoRules => "CON-NO-RULES",
            Self::WrongState => "CON-WRONG-STATE",
            Self::Replayed => "CON-REPLAYED",
            Self::Expired => "CON-EXPIRED",
            Self::OtherSession => "CON-OTHER-SESSION",
            Self::Cancelled => "CON-CANCELLED",
            Self::NoCode => "CON-NO-CODE",
            Self::NoIdToken => "CON-NO-ID-TOKEN",
            Self::NoRefreshToken => "CON-NO-REFRESH-TOKEN",
            Self::BadSignature => "CON-BAD-SIGNATURE",
            Self::WrongAudience => "CON-WRONG-AUDIENCE",
            Self::WrongIssuer => "CON-WRONG-ISSUER",
            Self::WrongNonce => "CON-WRONG-NONCE",
            Self::NotNow => "CON-NOT-NOW",
            Self::Incomplete => "CON-INCOMPLETE",
            Self::PersonalAccount => "CON-PERSONAL-ACCOUNT",
            Self::Guest => "CON-GUEST",
            Self::WrongTenant => "CON-WRONG-TENANT",
            Self::Refused { class, .. } => return refusal_code(class),
            Self::Busy => "CON-BUSY",
            Self::Unreadable => "CON-UNREADABLE",
            Self::Store(_) => "CON-STORE",
            Self::Vault(error) => error.code(),
        };
        code.into()
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        let remedy = match self {
            Self::NoRules => {
                "report it to the plugin's author, or check the connector's part of the configuration"
            }
            Self::WrongState | Self::Replayed | Self::Expired => {
                "begin again on the connector's settings page"
            }
            Self::OtherSession => {
                "finish the sign-in in the browser window in which you began it, or begin again there"
            }
            Self::Cancelled => "nothing was changed; begin again when you are ready",
            Self::NoCode | Self::NoIdToken | Self::Unreadable | Self::Incomplete => {
                "begin again; if it lasts, check that the configured authority is the vendor's"
            }
            Self::NoRefreshToken => {
                "allow the application offline access in its registration, then begin again"
            }
            Self::BadSignature | Self::WrongAudience | Self::WrongIssuer | Self::WrongNonce => {
                "nothing was stored; begin again, and if it lasts look for whoever answers in the vendor's place"
            }
            Self::NotNow => "check this server's clock, then begin again",
            Self::PersonalAccount => {
                "your browser probably reused an earlier sign-in: copy the link into a private window and sign in with the service account of your organisation"
            }
            Self::Guest => {
                "your browser probably reused an earlier sign-in: copy the link into a private window and sign in with an account that belongs to the tenant itself"
            }
            Self::WrongTenant => {
                "your browser probably reused an earlier sign-in: copy the link into a private window and sign in with an account of the same tenant, or connect the other tenant as an account of its own"
            }
            Self::Refused { remedy, .. } => remedy,
            Self::Busy => "wait a few minutes, then begin again",
            Self::Store(_) => "see the log: is the disk full, is the database writable?",
            Self::Vault(error) => error.remedy(),
        };
        remedy.into()
    }

    /// Whether somebody may have tampered with the flow.
    #[must_use]
    pub fn is_security_event(&self) -> bool {
        match self {
            Self::WrongState
            | Self::Replayed
            | Self::OtherSession
            | Self::BadSignature
            | Self::WrongAudience
            | Self::WrongIssuer
            | Self::WrongNonce => true,
            Self::Refused { effect, .. } => *effect == GrantEffect::FlowError,
            _ => false,
        }
    }
}
