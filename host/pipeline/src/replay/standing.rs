//! Which partitions a period rests on, and their pages one after the other.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::{Stream, stream};
use jiff::civil::Date;
use purser_domain::{AccountId, Month};
use purser_store::standing::{Standing, StandingPage};
use purser_store::{Result, Store};

use super::Question;
use crate::remap::is_open;

/// Pages asked for at once.
const PAGES: u32 = 64;
/// References asked for at once.
const KEYS: u32 = 4_096;

/// A partition whose pages are replayed.
pub(super) type Stand = Standing;

/// What comes next in a replay of an account.
pub(super) enum Step {
    /// A page of a partition.
    Page(Arc<Stand>, StandingPage),
    /// There were all of its pages.
    End(Arc<Stand>),
}

/// Partitions of the period that anybody can replay.
///
/// A partition belongs to the period where its month or the days its run asked for lie in it, or where a Purchase of it
/// begins in it: late usage is reported in days of its own. Texts and facts have no period, and always do. Of open months
/// are the partitions that would be mapped again.
pub(super) async fn in_period<M>(
    store: &dyn Store,
    account: AccountId,
    question: &Question<M>,
) -> Result<Vec<Standing>> {
    let closed = store.last_closed(account).await?;
    let mut found = Vec::new();
    for standing in store.standings(account).await? {
        let belongs = match question.open_months {
            _ if !question.replays(&standing.partition.feed) => false,
            true if !question.has_purchases(&standing.partition.feed) => true,
            true => is_open(store, account, &standing, closed.as_ref()).await?,
            false => belongs(store, account, question, &standing).await?,
        };
        if belongs {
            found.push(standing);
        }
    }
    Ok(found)
}

async fn belongs<M>(
    store: &dyn Store,
    account: AccountId,
    question: &Question<M>,
    standing: &Standing,
) -> Result<bool> {
    let holds =
        |day: Date| question.from.is_none_or(|from| from <= day) && question.to.is_none_or(|to| day < to);
    let (first, next) = days(standing);
    let overlaps = question.from.is_none_or(|from| from < next) && question.to.is_none_or(|to| first < to);
    if overlaps || !question.has_purchases(&standing.partition.feed) {
        return Ok(true);
    }
    let mut after = None;
    loop {
        let keys = store.standing_keys(account, standing.no, after, KEYS).await?;
        if keys.iter().filter_map(purser_domain::purchase::Key::day).any(holds) {
            return Ok(true);
        }
        match keys.last() {
            Some(last) => after = Some(*last),
            None => return Ok(false),
        }
    }
}

/// Half-open.
fn days(standing: &Standing) -> (Date, Date) {
    match standing.partition.month.parse::<Month>() {
        Ok(month) => (month.first_day(), month.next().first_day()),
        Err(_) => standing.days,
    }
}

/// All pages, partition by partition. Few are known at a time.
pub(super) fn steps(
    store: Arc<dyn Store>,
    account: AccountId,
    standings: Vec<Standing>,
) -> impl Stream<Item = Result<Step>> {
    let walk = Walk { store, account, waiting: standings.into(), at: None, pages: VecDeque::new() };
    stream::unfold(walk, |mut walk| async move {
        let step = walk.next().await.transpose()?;
        Some((step, walk))
    })
}

struct Walk {
    store: Arc<dyn Store>,
    account: AccountId,
    waiting: VecDeque<Standing>,
    /// The partition that is read, and how far.
    at: Option<(Arc<Standing>, u64)>,
    pages: VecDeque<StandingPage>,
}

impl Walk {
    async fn next(&mut self) -> Result<Option<Step>> {
        let (standing, after) = match self.at.take() {
            Some(at) => at,
            None => match self.waiting.pop_front() {
                Some(standing) => (Arc::new(standing), 0),
                None => return Ok(None),
            },
        };
        if self.pages.is_empty() {
            self.pages = self.store.standing_pages(self.account, standing.no, after, PAGES).await?.into();
        }
        match self.pages.pop_front() {
            Some(page) => {
                self.at = Some((standing.clone(), page.place));
                Ok(Some(Step::Page(standing, page)))
            }
            None => Ok(Some(Step::End(standing))),
        }
    }
}
