//! `purser plugin try`: the stored pages of a period through another plugin version, and what that would do to the money.
//!
//! [`replay`] reads what the ledger stands on — each partition's pages, as the run that committed it last read them, with
//! the context they were mapped in — and has every page mapped by the versions in use and, twice, by the candidate. Nothing
//! is asked of a vendor and nothing is written.
//!
//! **Invariants:** both sides read the same bytes with the same context, so what differs is the mapping's doing; memory
//! follows the differences and the pages under way, not the period; the same ledger, versions and terms give the same
//! report, and its digest names exactly it.

pub mod mapper;
mod page;
pub mod report;
mod standing;
pub mod table;
pub mod texts;
mod totals;
mod wanted;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use purser_domain::diff::Days;
use purser_domain::diff::verdict::Terms;
use purser_domain::{AccountId, Cast, Digest, Role};
use purser_runtime::Plugin;
use purser_runtime::contract::manifest::{Feed, FeedKind};
use purser_store::Store;
use purser_store::standing::Standing;
use tokio_util::sync::CancellationToken;

use self::mapper::Mapper;
pub use self::page::FactCounts;
use self::page::{Compared, Sheet, read};
pub use self::report::Report;
use self::standing::{Stand, Step, steps};
use self::totals::Totals;
pub use self::wanted::{Wanted, WantedError, question};
use crate::limits::Limits;
use crate::work::{Customers, SUBSCRIPTION};

/// Who plays the roles a replay asks for; a role that nobody plays is not replayed.
#[derive(Debug, Clone)]
pub struct Parts<M = Plugin> {
    /// The feeds, as the version that crawls describes them.
    pub feeds: Vec<Feed>,
    /// Records to Purchases.
    pub mapping: Option<M>,
    /// Pages to texts.
    pub localisation: Option<M>,
}

impl Parts {
    /// Who plays now.
    #[must_use]
    pub fn of(cast: &Cast<Plugin>) -> Self {
        let (mapping, localisation) = (Some(cast.mapping.clone()), Some(cast.localisation.clone()));
        Self { feeds: cast.crawl.descriptor().feeds.clone(), mapping, localisation }
    }

    /// The same with a candidate in some roles; the others are not compared.
    #[must_use]
    pub fn with(cast: &Cast<Plugin>, candidate: &Plugin, roles: &[Role]) -> Self {
        let plays = |role| roles.contains(&role).then(|| candidate.clone());
        let crawl = plays(Role::Crawl).unwrap_or_else(|| cast.crawl.clone());
        let (mapping, localisation) = (plays(Role::Mapping), plays(Role::Localisation));
        Self { feeds: crawl.descriptor().feeds.clone(), mapping, localisation }
    }
}

/// What is to be replayed.
#[derive(Debug, Clone)]
pub struct Question<M = Plugin> {
    /// Of these accounts.
    pub accounts: Vec<AccountId>,
    /// Purchases that begin on this UTC day or later; none: all.
    pub from: Option<Date>,
    /// Purchases that begin before this UTC day; none: all.
    pub to: Option<Date>,
    /// In place of days: all that another version could change, which is every partition of which a Purchase is booked in
    /// an open month, with those of it that began earlier; `from` is then only told.
    pub open_months: bool,
    /// The versions in use.
    pub before: Parts<M>,
    /// The candidate; where it plays a role that the versions in use do not, that is not compared.
    pub after: Parts<M>,
    /// By what the difference is judged.
    pub terms: Terms,
}

impl<M> Question<M> {
    fn days(&self) -> Days {
        if self.open_months {
            return Days::default();
        }
        let first = |day: Date| day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).ok();
        Days { from: self.from.and_then(first), to: self.to.and_then(first) }
    }

    fn has_purchases(&self, feed: &str) -> bool {
        self.before.feeds.iter().any(|known| known.name == feed && known.kind == FeedKind::Purchases)
    }

    /// Whether anybody on both sides reads pages of a feed.
    fn replays(&self, feed: &str) -> bool {
        let both = |role: fn(&Parts<M>) -> bool| role(&self.before) && role(&self.after);
        match self.before.feeds.iter().find(|known| known.name == feed).map(|feed| feed.kind) {
            Some(FeedKind::Texts) => both(|parts| parts.localisation.is_some()),
            Some(FeedKind::Purchases | FeedKind::Facts) => both(|parts| parts.mapping.is_some()),
            None => false,
        }
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] purser_store::Error),
    /// It was stopped before its end.
    #[error(
        "TRY-STOPPED the try was stopped before its end · start it again, for fewer days if it takes too long"
    )]
    Stopped,
    /// The sandbox broke down.
    #[error("TRY-BROKEN the sandbox broke down over a page · look at the server's log, and report it")]
    Broken,
}

/// How far a replay is, for whoever waits for it.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    all: AtomicU64,
}

impl Progress {
    /// Pages done, and pages there are as far as is known.
    #[must_use]
    pub fn pages(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.all.load(Ordering::Relaxed))
    }
}

/// Replays, and compares. Stops early when `stop` is cancelled.
///
/// # Errors
/// Where the store fails or it was stopped. Whatever is wrong with the candidate is in the report.
pub async fn replay<M: Mapper>(
    store: &Arc<dyn Store>,
    limits: &Limits,
    question: Question<M>,
    progress: &Progress,
    stop: &CancellationToken,
) -> Result<Report, ReplayError> {
    let question = Arc::new(question);
    let mut totals = Totals::default();
    for account in question.accounts.clone() {
        let customers = Arc::new(Customers::default());
        customers.learn(&store.facts_of_kind(account, SUBSCRIPTION).await?);
        let standings = standing::in_period(store.as_ref(), account, &question).await?;
        progress.all.fetch_add(standings.iter().map(|standing| standing.pages).sum(), Ordering::Relaxed);
        let of_account = Account { store: store.clone(), account, question: question.clone(), customers };
        of_account.replay(standings, limits.pages_in_sandbox.max(1), &mut totals, progress, stop).await?;
    }
    let names = names(store.as_ref(), &question.accounts).await?;
    let mut report = totals.finish(&question, names);
    price(store.as_ref(), &mut report).await?;
    report.judge();
    Ok(report)
}

/// One account of a replay.
struct Account<M> {
    store: Arc<dyn Store>,
    account: AccountId,
    question: Arc<Question<M>>,
    customers: Arc<Customers>,
}

impl<M: Mapper> Account<M> {
    /// Pages are mapped so many at once, and taken in their order.
    async fn replay(
        &self,
        standings: Vec<Standing>,
        at_once: usize,
        totals: &mut Totals,
        progress: &Progress,
        stop: &CancellationToken,
    ) -> Result<(), ReplayError> {
        let steps = steps(self.store.clone(), self.account, standings);
        let done = steps.map(|step| async {
            match step? {
                Step::Page(stand, page) => {
                    let compared = self.page(&page.context, page.digest, stop).await?;
                    Ok(Done::Page(stand, page.digest, Box::new(compared)))
                }
                Step::End(stand) => Ok::<_, ReplayError>(Done::End(stand)),
            }
        });
        let mut done = std::pin::pin!(done.buffered(at_once));
        while let Some(done) = done.next().await {
            match done? {
                Done::Page(stand, digest, compared) => {
                    progress.done.fetch_add(1, Ordering::Relaxed);
                    totals.take_page(self.account, &stand, digest, *compared);
                }
                Done::End(stand) => totals.end(self.store.as_ref(), self.account, &stand).await?,
            }
        }
        Ok(())
    }

    async fn page(
        &self,
        context: &str,
        digest: Digest,
        stop: &CancellationToken,
    ) -> Result<Compared, ReplayError> {
        if stop.is_cancelled() {
            return Err(ReplayError::Stopped);
        }
        let Some(bytes) = self.store.page(self.account, digest).await? else {
            let faults = vec![("TRY-MISSING", "its bytes are not kept any more".to_owned())];
            return Ok(Compared { faults, ..Compared::default() });
        };
        let (question, customers) = (self.question.clone(), self.customers.clone());
        let (account, context) = (self.account, context.to_owned());
        let task = tokio::task::spawn_blocking(move || {
            read(&Sheet {
                account,
                digest,
                context: &context,
                bytes: &bytes,
                days: question.days(),
                before: &question.before,
                after: &question.after,
                customers: &customers,
            })
        });
        task.await.map_err(|_| ReplayError::Broken)
    }
}

enum Done {
    Page(Arc<Stand>, Digest, Box<Compared>),
    End(Arc<Stand>),
}

/// What the cycles cost whose quantities differ: the ledger's whole cycle, with and without the difference.
async fn price(store: &dyn Store, report: &mut Report) -> Result<(), ReplayError> {
    for place in 0..report.diff.cycles.len() {
        let Some(cycle) = report.diff.cycles.get(place) else { continue };
        let stands = store.tier_use(cycle.account, &cycle.feed, &cycle.group, &cycle.product).await?;
        let Some(rates) = stands.rates else { continue };
        let after = &stands.used + &cycle.used.delta();
        let cost =
            purser_domain::diff::Change { before: rates.cost(&stands.used), after: rates.cost(&after) };
        report.diff.price(place, rates.currency().clone(), cost);
    }
    Ok(())
}

/// What people call the vendor's customers, by id in lower case.
async fn names(
    store: &dyn Store,
    accounts: &[AccountId],
) -> purser_store::Result<std::collections::BTreeMap<String, String>> {
    let mut names = std::collections::BTreeMap::new();
    for account in accounts {
        for fact in store.facts_of_kind(*account, "customer").await? {
            let value: serde_json::Value = serde_json::from_str(&fact.value).unwrap_or_default();
            let name = value.get("name").and_then(serde_json::Value::as_str).unwrap_or_default();
            names.insert(fact.key.to_lowercase(), name.to_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
