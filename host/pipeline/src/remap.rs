//! Mapping again what is kept: a run that asks the vendor nothing, reads the pages that the ledger stands on, and commits
//! what the versions it is pinned to make of them.
//!
//! Only partitions that another version made are read, and only those with a Purchase in a month that is open. **Invariants:**
//! a partition is replaced as a whole, by the same rules as after a retrieval; each page is mapped in the context it was
//! mapped in before; killed in between, the run goes on with the partitions that are left.

use std::sync::Arc;

use purser_domain::{AccountId, Cast, Digest, Month, PartitionNo};
use purser_runtime::contract::manifest::{Feed, FeedKind};
use purser_runtime::contract::mapping::PageContext;
use purser_store::runs::{Completion, NewRequest, Page, Request};
use purser_store::standing::{Standing, StandingPage};
use purser_store::{Error, Result, Store};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::crawl::Ended;
use crate::fetch::{Fetched, Trouble};
use crate::framing::Cut;
use crate::mapping::PageError;
use crate::progress::Progress;
use crate::work::Work;

/// Names the one batch in which a run notes what it will read.
const BATCH: &str = "remap";
/// Requests and pages looked up at once.
const LISTED: u32 = 200;

/// What is read again.
#[derive(Debug, Serialize, Deserialize)]
struct Again {
    /// The partition as it stands in the ledger.
    partition: PartitionNo,
    /// The run that brought it.
    run: purser_domain::RunId,
}

/// Reads and maps again all that the run is for.
///
/// # Errors
/// Where the store fails: what was written stays, the run can be resumed.
pub async fn remap(
    work: &Arc<Work>,
    progress: &Progress,
    ready: &Notify,
    stop: &CancellationToken,
) -> Result<Ended> {
    list(work).await?;
    let mut after = 0;
    loop {
        let requests = work.store.frontier(work.run.id, after, LISTED).await?;
        let Some(last) = requests.last() else { return Ok(Ended::Complete) };
        after = last.number;
        for request in requests {
            if stop.is_cancelled() {
                return Ok(Ended::Stopped);
            }
            progress.discovered(&request.feed);
            let fetched = read(work, &request).await?;
            if let Some(trouble) = &fetched.trouble {
                progress.trouble(&format!("{} {}", request.feed, key_of(&request)), trouble);
            }
            progress.answered(&request.feed, &fetched);
            work.store.complete_requests(work.fence, vec![fetched.completion]).await?;
            ready.notify_one();
        }
    }
}

fn key_of(request: &Request) -> &str {
    request.partition.as_ref().map_or("", |partition| partition.key.as_str())
}

/// Notes what is to be read, once: a resumed run finds the list.
async fn list(work: &Work) -> Result<()> {
    let mut step = Completion::default();
    for standing in stale(work.store.as_ref(), work.account(), &work.feeds, &work.run.order.cast).await? {
        let again = Again { partition: standing.no, run: standing.run };
        let Ok(body) = serde_json::to_string(&again) else { continue };
        let feed = standing.partition.feed.clone();
        let (partition, version) = (Some(standing.partition), String::new());
        step.requests.push(NewRequest { feed, partition, version, body, not_before: None });
    }
    work.store.start_feed(work.fence, BATCH, 0, &step).await.map(|_| ())
}

/// Partitions in open months that other versions made than these.
///
/// # Errors
/// Where the store fails.
pub async fn stale(
    store: &dyn Store,
    account: AccountId,
    feeds: &[Feed],
    cast: &Cast<Digest>,
) -> Result<Vec<Standing>> {
    let closed = store.last_closed(account).await?;
    let mut stale = Vec::new();
    for standing in store.standings(account).await? {
        let kind = feeds.iter().find(|feed| feed.name == standing.partition.feed).map(|feed| feed.kind);
        let (made_by, is_open) = match kind {
            Some(FeedKind::Purchases) if standing.cast.mapping != cast.mapping => {
                (standing.cast.mapping, is_open(store, account, &standing, closed.as_ref()).await?)
            }
            Some(FeedKind::Texts) => (standing.cast.localisation, true),
            _ => continue,
        };
        let plays = if kind == Some(FeedKind::Texts) { cast.localisation } else { cast.mapping };
        if is_open && made_by != plays {
            stale.push(standing);
        }
    }
    Ok(stale)
}

/// Whether a Purchase of the partition is booked in an open month; where it has none, whether its days reach into one.
pub(crate) async fn is_open(
    store: &dyn Store,
    account: AccountId,
    standing: &Standing,
    closed: Option<&Month>,
) -> Result<bool> {
    let Some(closed) = closed else { return Ok(true) };
    let booked_after = store.booked_after(account, standing.no, closed).await?;
    Ok(booked_after.unwrap_or_else(|| Month::of(standing.days.1) > *closed))
}

/// One partition's pages, mapped again.
async fn read(work: &Arc<Work>, request: &Request) -> Result<Fetched> {
    let mut reading = Reading { pages: 0, records: 0, unstaged: Vec::new(), bytes: 0 };
    let trouble = match serde_json::from_str::<Again>(&request.body) {
        Ok(again) => reading.all(work, request, again.partition).await?,
        Err(_) => Some(Trouble::new("RUN-FRONTIER", "a stored request cannot be read")),
    };
    let incomplete = trouble.as_ref().map(|trouble| format!("{}: {}", trouble.code, trouble.what));
    let pages = if trouble.is_some() { Vec::new() } else { reading.unstaged };
    let completion = Completion { request: request.number, pages, incomplete, ..Completion::default() };
    Ok(Fetched { completion, pages: reading.pages, records: reading.records, trouble, place: None })
}

struct Reading {
    pages: u64,
    records: u64,
    unstaged: Vec<Page>,
    bytes: usize,
}

impl Reading {
    /// None: all of them were mapped.
    async fn all(
        &mut self,
        work: &Arc<Work>,
        request: &Request,
        partition: PartitionNo,
    ) -> Result<Option<Trouble>> {
        let mut after = 0;
        loop {
            let pages = work.store.standing_pages(work.account(), partition, after, LISTED).await?;
            let Some(last) = pages.last() else { return Ok(None) };
            after = last.place;
            for page in &pages {
                match mapped(work, &request.feed, page).await? {
                    Ok(page) => self.take(work, request, page).await?,
                    Err(trouble) => return Ok(Some(trouble)),
                }
            }
        }
    }

    async fn take(&mut self, work: &Work, request: &Request, mut page: Page) -> Result<()> {
        // Pages of several answers stand in one request here, and are counted on.
        page.number = u32::try_from(self.pages).unwrap_or(u32::MAX);
        self.pages += 1;
        self.records += page.balance.received.records;
        self.bytes += page.bytes.len();
        self.unstaged.push(page);
        if self.bytes > work.limits.unstaged_bytes {
            self.bytes = 0;
            work.store.stage_pages(work.fence, request.number, std::mem::take(&mut self.unstaged)).await?;
        }
        Ok(())
    }
}

async fn mapped(work: &Arc<Work>, feed: &str, page: &StandingPage) -> Result<Result<Page, Trouble>> {
    let Some(bytes) = work.store.page(work.account(), page.digest).await? else {
        let what = "a page that the ledger stands on is not kept any more";
        return Ok(Err(Trouble::new("RUN-PAGE-GONE", what)));
    };
    let context: PageContext = serde_json::from_str(&page.context)
        .map_err(|_| Error::Damaged("a page's context has an unknown form".to_owned()))?;
    let Some(feed) = work.feed(feed).cloned() else {
        return Ok(Err(Trouble::new("RUN-FEED", "the plugin has no such feed any more")));
    };
    Ok(match work.map(feed, context, Cut { bytes, records: 0 }).await {
        Ok(page) => Ok(page),
        Err(PageError::Call(error)) => Err(crate::fetch::call_trouble(&error)),
        Err(error) => Err(Trouble::new("RUN-NO-PAGE", error)),
    })
}
