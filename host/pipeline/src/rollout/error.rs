//! Why a version is not installed, activated, rolled back or removed.

use purser_domain::{ConnectorId, Digest, Role};
use purser_store::plugins::Needs;

use crate::plugins::PluginError;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RolloutError {
    /// The component is refused, not there, or cannot be kept.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// No installed version goes by this.
    #[error("PLG-301 no plugin version {0} is installed · `purser plugin list` shows those that are")]
    NotInstalled(String),
    /// It failed too often, or somebody said so.
    #[error(
        "PLG-302 the version {digest} must not be activated: {because} · install a newer version, or take the bar away by installing \
         it again with --allow"
    )]
    Barred {
        /// Which.
        digest: Digest,
        /// Why.
        because: String,
    },
    /// The component does not play it.
    #[error(
        "PLG-303 {plugin} does not play the role {role} · choose one of the roles that `purser plugin inspect` shows"
    )]
    NotPlayed {
        /// Which role.
        role: Role,
        /// Which plugin.
        plugin: String,
    },
    /// It works for a connector that is not there.
    #[error("PLG-304 nobody plays the crawl role of {0} · activate a version of that connector first")]
    NoConnector(ConnectorId),
    /// It may ask more than an administrator has allowed.
    #[error("PLG-305 the version may ask more than has been allowed, and waits until an administrator accepts the difference:{}\n · read it, and activate with --accept-calls", lines(.0))]
    AsksMore(Vec<String>),
    /// It is the first.
    #[error("PLG-306 nobody played the roles of {0} before · there is nothing to go back to")]
    NothingBefore(ConnectorId),
    /// It plays a role, or runs need it.
    #[error(
        "PLG-307 the version {digest} is in use{} · activate another version, and let the runs that began with it end",
        if needs.is_active { String::new() } else { format!(" by {} runs", needs.open_runs) }
    )]
    InUse {
        /// Which.
        digest: Digest,
        /// By what.
        needs: Needs,
    },
    /// Somebody else was quicker.
    #[error(
        "PLG-308 the connector's plugins were changed at the same time · look again at what is active, and try again"
    )]
    Raced,
    /// Nobody has seen what it would change.
    #[error(
        "PLG-310 what it would change in the Purchases there are has not been tried with the versions that work now · try it, over all accounts and open months, and activate it with what you have seen"
    )]
    NotTried,
    /// Somebody has to say yes to what it would change.
    #[error("PLG-311 it would change Purchases, and somebody has to say yes to that:{}\n · look at what would change, and activate with --confirm {report}", lines(.reasons))]
    Unconfirmed {
        /// Names the report to say yes to.
        report: Digest,
        /// Why.
        reasons: Vec<String>,
    },
    /// It must not play the role.
    #[error("PLG-312 it must not be activated:{}\n · correct the plugin, or tell its author", lines(.0))]
    Blocked(Vec<String>),
    /// An account's schedule is wrong.
    #[error(transparent)]
    Schedule(#[from] purser_domain::schedule::Invalid),
    /// The store failed.
    #[error(transparent)]
    Store(purser_store::Error),
}

impl From<purser_store::Error> for RolloutError {
    fn from(error: purser_store::Error) -> Self {
        match error {
            purser_store::Error::Conflict(_) => Self::Raced,
            error => Self::Store(error),
        }
    }
}

fn lines(asks: &[String]) -> String {
    asks.iter().map(|ask| format!("\n  + {ask}")).collect()
}
