//! The baseline: what a good plain program would do. Fetch, parse, map, upsert; no sandbox, no raw pages, no history.
//!
//! It asks as Purser does: the same requests, the same pages, eight at a time; and it keeps the same rows under the same
//! keys, a transaction for each reported day of a subscription, with `synchronous=FULL`.

mod ask;
mod rows;
mod table;
mod wire;

use std::sync::Arc;

use futures::StreamExt as _;

use crate::case::Outcome;
use crate::kept::Kept;
use crate::meter::Meter;
use crate::world::World;
use ask::{Asking, Day};
use table::Table;

/// Requests under way at once: as many as Purser allows itself for one account.
const AT_ONCE: usize = 8;

/// The process.
pub async fn run(world: &World) -> anyhow::Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let database = folder.path().join("native.db");
    let mut table = Table::open(&database).await?;
    let asking = Arc::new(Asking::new(world)?);
    let meter = Meter::start()?;
    let mut records = 0;
    let days = asking.days().await?;
    let days = futures::stream::iter(days).map(|day| tokio::spawn(retrieve(asking.clone(), day)));
    let mut days = days.buffer_unordered(AT_ONCE);
    while let Some(day) = days.next().await {
        let (count, rows) = day??;
        records += count;
        table.upsert(rows).await?;
    }
    table.close().await?;
    let used = meter.stop()?;
    Ok(Outcome { records, used, kept: Kept::read(&database).await? })
}

/// All records of a day as rows, in key order, equal keys summed; and how many records they were.
async fn retrieve(asking: Arc<Asking>, day: Day) -> anyhow::Result<(u64, Vec<rows::Row>)> {
    let mut rows = Vec::new();
    let mut token = None;
    loop {
        let body = asking.page(&day, token.as_deref()).await?;
        let page: wire::Collection<'_, wire::Record<'_>> = serde_json::from_slice(&body)?;
        for record in &page.items {
            rows.push(rows::Row::of(&day, record)?);
        }
        token = page.next();
        if token.is_none() {
            let records = rows.len() as u64;
            return Ok((records, rows::folded(rows)));
        }
    }
}
