//! What Purser keeps, and how it is asked for: the interface every store implements, and the contract tests they share.
//!
//! **Invariants:** one call is one transaction; every query of an account's data takes the [`AccountId`](purser_domain::AccountId) first; a
//! write of a run carries its [`Fence`](runs::Fence), and a stale one changes nothing. Decisions about money are not made here but
//! in `purser-domain`; a store carries them out.

pub mod access;
pub mod accounts;
pub mod codec;
pub mod commit;
pub mod contract;
pub mod customers;
pub mod hand_overs;
pub mod keys;
pub mod ledger;
pub mod notices;
pub mod people;
pub mod periods;
pub mod plugins;
pub mod pricing;
pub mod reconciliation;
pub mod runs;
pub mod sent;
pub mod staging;
pub mod standing;
pub mod texts;
pub mod trail;

pub use access::Access;
pub use accounts::Accounts;
pub use customers::Customers;
pub use hand_overs::HandOvers;
pub use keys::Keys;
pub use ledger::Ledger;
pub use notices::Notices;
pub use people::People;
pub use periods::Periods;
pub use plugins::Plugins;
pub use reconciliation::Reconciliation;
pub use runs::Runs;
pub use sent::SentLogs;
pub use standing::Standings;
pub use texts::Texts;

/// A whole store.
pub trait Store:
    Accounts
    + Runs
    + SentLogs
    + Ledger
    + Standings
    + Texts
    + People
    + Access
    + Customers
    + Periods
    + Reconciliation
    + Keys
    + Notices
    + HandOvers
    + Plugins
{
}

impl<T> Store for T where
    T: Accounts
        + Runs
        + SentLogs
        + Ledger
        + Standings
        + Texts
        + People
        + Access
        + Customers
        + Periods
        + Reconciliation
        + Keys
        + Notices
        + HandOvers
        + Plugins
        + Plugins
{
}

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another worker has taken the run over; whatever this one does no longer counts.
    #[error("the run was taken over by another worker")]
    Fenced,
    /// There is no such thing, or it is another account's.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// It is there already.
    #[error("the {0} exists already")]
    Conflict(&'static str),
    /// Sealed by a key that has been retired; it must be sealed by a newer one.
    #[error("key version {0} has been retired")]
    RetiredKey(u32),
    /// A commit older than what is stored.
    #[error("newer data is stored already")]
    Stale,
    /// The partition must not replace what is stored: a stable code, what happened, what to do. Nothing was changed.
    #[error("the partition was not committed: {0}")]
    Incomplete(String),
    /// The booked period cannot be closed. Nothing was changed.
    #[error(transparent)]
    NotClosable(#[from] purser_domain::period::NotClosable),
    /// Nobody would be left who administers. Nothing was changed.
    #[error("the last administrator cannot be removed, disabled or given another role")]
    LastAdministrator,
    /// The disk is full. Nothing was changed.
    #[error("the disk is full")]
    DiskFull,
    /// What is stored cannot be read: damaged, or written by a newer Purser.
    #[error("what is stored cannot be read: {0}")]
    Damaged(String),
    /// Anything else; the chain is for the log.
    #[error("the store failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The result of a store call.
pub type Result<T, E = Error> = std::result::Result<T, E>;
