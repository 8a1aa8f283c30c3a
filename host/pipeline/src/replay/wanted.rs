//! From what somebody asks for to what is replayed: who plays now, in which roles the candidate would, which accounts,
//! which days.

use jiff::civil::Date;
use purser_domain::diff::verdict::Terms;
use purser_domain::{AccountId, Cast, ConnectorId, Role};
use purser_runtime::Plugin;
use purser_store::Store;

use super::{Parts, Question};
use crate::plugins::Plugins;

/// What is asked for; by default what an activation would change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Roles of the candidate; none: those it would be given by an activation.
    pub roles: Vec<Role>,
    /// Accounts of its connector; none: all.
    pub accounts: Vec<AccountId>,
    /// Purchases that begin on this UTC day or later; none: from the first booked period that is open, and with no last
    /// day either all that stands in partitions with something in an open one.
    pub from: Option<Date>,
    /// Purchases that begin before this UTC day; none: to the end.
    pub to: Option<Date>,
    /// By what the difference is judged.
    pub terms: Terms,
}

/// Why that cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum WantedError {
    /// There is nothing to compare with.
    #[error("no version of {0:?} is at work, so there is nothing to compare with")]
    Connector(String),
    /// The candidate cannot play it.
    #[error("the version cannot play the role {0}")]
    Role(Role),
    /// It would be given none.
    #[error("plugins of other ids play all that the version can")]
    NoRole,
    /// It is another connector's, or nobody's.
    #[error("there is no account {0} of this connector")]
    Account(AccountId),
    /// It ends before it begins.
    #[error("there is no day in this period")]
    Period,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] purser_store::Error),
}

impl WantedError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connector(_) => "TRY-CONNECTOR",
            Self::Role(_) => "TRY-ROLE",
            Self::NoRole => "TRY-NO-ROLE",
            Self::Account(_) => "TRY-ACCOUNT",
            Self::Period => "TRY-PERIOD",
            Self::Store(_) => "STO-FAILED",
        }
    }

    /// What to do.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Connector(_) => "activate one, or give a plugin of a connector you have",
            Self::Role(_) => "choose among those it can play",
            Self::NoRole => "choose the roles it shall be tried in",
            Self::Account(_) => "see the web UI for the accounts there are",
            Self::Period => "give a first day and a later day that is not compared any more",
            Self::Store(_) => "try again",
        }
    }
}

/// What is replayed for a candidate.
///
/// # Errors
/// Where it cannot be, with what to do.
pub async fn question(
    store: &dyn Store,
    plugins: &Plugins,
    candidate: &Plugin,
    wanted: Wanted,
) -> Result<Question, WantedError> {
    if wanted.from.zip(wanted.to).is_some_and(|(from, to)| from >= to) {
        return Err(WantedError::Period);
    }
    let descriptor = candidate.descriptor();
    let id = descriptor.extends.as_ref().unwrap_or(&descriptor.id);
    let connector = id.parse::<ConnectorId>().map_err(|_| WantedError::Connector(id.clone()))?;
    let cast = plugins.cast(&connector).ok_or_else(|| WantedError::Connector(id.clone()))?;
    let roles = roles(&cast, candidate, wanted.roles)?;
    let accounts = accounts(store, &connector, wanted.accounts).await?;
    let from = match wanted.from {
        Some(from) => Some(from),
        None => open_since(store, &accounts).await?,
    };
    let (before, after) = (Parts::of(&cast), Parts::with(&cast, candidate, &roles));
    let open_months = wanted.from.is_none() && wanted.to.is_none();
    Ok(Question { accounts, from, to: wanted.to, open_months, before, after, terms: wanted.terms })
}

fn roles(cast: &Cast<Plugin>, candidate: &Plugin, chosen: Vec<Role>) -> Result<Vec<Role>, WantedError> {
    let can = &candidate.admission().roles;
    if let Some(role) = chosen.iter().find(|role| !can.contains(role)) {
        return Err(WantedError::Role(*role));
    }
    let roles = if chosen.is_empty() { usual_roles(cast, candidate) } else { chosen };
    if roles.is_empty() { Err(WantedError::NoRole) } else { Ok(roles) }
}

/// All it can play, but those that a plugin of another id plays, unless it extends the connector.
fn usual_roles(cast: &Cast<Plugin>, candidate: &Plugin) -> Vec<Role> {
    let id = |plugin: &Plugin| plugin.descriptor().id.clone();
    let extends = candidate.descriptor().extends.is_some();
    let roles = candidate.admission().roles.iter().copied();
    roles.filter(|role| extends || id(cast.of(*role)) == id(candidate)).collect()
}

async fn accounts(
    store: &dyn Store,
    connector: &ConnectorId,
    chosen: Vec<AccountId>,
) -> Result<Vec<AccountId>, WantedError> {
    let all = store.accounts().await?.into_iter();
    let own: Vec<AccountId> =
        all.filter(|account| account.connector == *connector).map(|account| account.id).collect();
    match chosen.iter().find(|account| !own.contains(account)) {
        Some(other) => Err(WantedError::Account(*other)),
        None if chosen.is_empty() => Ok(own),
        None => Ok(chosen),
    }
}

/// The first day of the open booked periods of these accounts; none: no month is closed in one of them.
async fn open_since(store: &dyn Store, accounts: &[AccountId]) -> purser_store::Result<Option<Date>> {
    let mut first: Option<Option<Date>> = None;
    for account in accounts {
        let open = store.last_closed(*account).await?.map(|month| month.next().first_day());
        first = Some(first.map_or(open, |first| first.min(open)));
    }
    Ok(first.flatten())
}
