//! Who may come in: changes to people, people somebody else vouches for, API tokens.
//!
//! **Invariants:** whatever ends a person's sign-ins gives them a new generation in the same transaction, so a session
//! of an older one opens nothing however it was kept; the last administrator stays one.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::people::{Role, User};

/// Who vouches for a person, and by what name there. Never an e-mail address: those are given to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// Its name for the person.
    pub subject: String,
}

/// A change to one person. Each ends their sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserChange<'a> {
    /// May do more, or less.
    Role(Role),
    /// May no longer sign in.
    Disabled,
    /// May sign in again.
    Enabled,
    /// Is gone.
    Removed,
    /// Has a new password: its hash.
    Password(&'a str),
    /// Has no password until the one-time link is used.
    Reset {
        /// The hash of the link's token.
        link_hash: &'a [u8; 32],
        /// Until when it is good.
        expires_at: Timestamp,
    },
    /// Is signed out everywhere.
    SignedOut,
}

impl UserChange<'_> {
    /// Whether the person's API tokens end too: they carry a role that no longer holds, or somebody else's hand.
    #[must_use]
    pub fn ends_tokens(&self) -> bool {
        matches!(self, Self::Role(_) | Self::Disabled | Self::Removed | Self::Reset { .. })
    }
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The person before.
    pub before: User,
    /// And after; none: gone.
    pub after: Option<User>,
    /// API tokens that ended.
    pub tokens: u64,
}

/// What a token may be used for. Nothing that is not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// Read Purchases.
    #[serde(rename = "purchases:read")]
    PurchasesRead,
    /// Read runs and what came of them.
    #[serde(rename = "runs:read")]
    RunsRead,
    /// Order runs.
    #[serde(rename = "runs:order")]
    RunsOrder,
    /// Read which plugin versions there are.
    #[serde(rename = "plugins:read")]
    PluginsRead,
    /// Install plugin versions, and decide which of them work.
    #[serde(rename = "plugins:manage")]
    PluginsManage,
    /// Read what plugins use, for systems that watch over others.
    #[serde(rename = "metrics:read")]
    MetricsRead,
}

impl Scope {
    /// All there are.
    pub const ALL: [Self; 6] = [
        Self::PurchasesRead,
        Self::RunsRead,
        Self::RunsOrder,
        Self::PluginsRead,
        Self::PluginsManage,
        Self::MetricsRead,
    ];

    /// `purchases:read`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PurchasesRead => "purchases:read",
            Self::RunsRead => "runs:read",
            Self::RunsOrder => "runs:order",
            Self::PluginsRead => "plugins:read",
            Self::PluginsManage => "plugins:manage",
            Self::MetricsRead => "metrics:read",
        }
    }

    /// The role without which it is no use.
    #[must_use]
    pub fn needs(self) -> Role {
        match self {
            Self::PurchasesRead | Self::RunsRead | Self::PluginsRead | Self::MetricsRead => Role::Viewer,
            Self::RunsOrder => Role::Operator,
            Self::PluginsManage => Role::Admin,
        }
    }
}

/// A token to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// What people call it.
    pub name: String,
    /// Whose it is; none: a service's.
    pub owner: Option<String>,
    /// It may do no more than this role.
    pub role: Role,
    /// Nor anything else than this.
    pub scopes: BTreeSet<Scope>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A token as it is listed. The token itself is nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Its number.
    pub id: i64,
    /// What it was made as.
    pub made: NewToken,
    /// About when it was last used.
    pub last_used_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

/// Changes to who may come in.
#[async_trait]
pub trait Access: Send + Sync {
    /// Changes a person. [`crate::Error::LastAdministrator`] where nobody would be left to undo it.
    async fn change_user(&self, name: &str, change: UserChange<'_>, now: Timestamp) -> Result<Changed>;
    /// Whose password an unexpired one-time link sets.
    async fn password_link(&self, link_hash: &[u8; 32], now: Timestamp) -> Result<Option<String>>;
    /// Sets the password of whoever the link is for, and takes the link.
    async fn redeem_password_link(
        &self,
        link_hash: &[u8; 32],
        password_hash: &str,
        now: Timestamp,
    ) -> Result<User>;
    /// The person a provider vouches for, with the role it gives now; made where unknown, under a free name like the
    /// one given. Nobody else's name is ever taken over. Another role ends sessions and tokens.
    async fn admit_outsider(
        &self,
        identity: &Identity,
        name: &str,
        role: Role,
        now: Timestamp,
    ) -> Result<(Option<User>, User)>;

    /// Keeps a token under its hash; gives its number.
    async fn add_token(&self, token_hash: &[u8; 32], token: &NewToken) -> Result<i64>;
    /// All, the newest first.
    async fn tokens(&self) -> Result<Vec<ApiToken>>;
    /// The token of this hash, while it is good.
    async fn token(&self, token_hash: &[u8; 32], now: Timestamp) -> Result<Option<ApiToken>>;
    /// Notes that it was used.
    async fn token_used(&self, id: i64, now: Timestamp) -> Result<()>;
    /// Takes one back.
    async fn revoke_token(&self, id: i64, now: Timestamp) -> Result<ApiToken>;
}
