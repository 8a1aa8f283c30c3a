//! What every rule looks at: the walk over the recording as it is, and pages mapped again with something changed.

use bytes::Bytes;
use purser_domain::{Cast, Contribution};
use purser_runtime::Plugin;
use purser_runtime::contract::manifest::{Feed, FeedKind};
use purser_runtime::contract::mapping::PageContext;
use purser_store::runs::Page;
use purser_vendor::Connector;

use super::Finding;
use super::walk::{Change, Ground, Kept, Walk, walk};
use crate::framing::Cut;
use crate::json_tree::{Path, Tree};
use crate::mapping::map_page;
use crate::recording::Recording;
use crate::records::{Record, Records};

/// Pages of each feed that a rule changes: what one page of a feed shows, the hundredth seldom adds to.
const PAGES_OF_A_FEED: usize = 4;
/// Records of a page that a rule changes one by one.
pub const RECORDS_OF_A_PAGE: usize = 40;

/// Everything a rule needs.
pub struct Bench<'a> {
    ground: Ground<'a>,
    /// The recording as it is.
    pub walk: Walk,
}

/// A page that was mapped.
#[derive(Clone, Copy)]
pub struct Sample<'b> {
    /// Where it came from and with what it was mapped.
    pub kept: &'b Kept,
    /// What was said of it.
    pub page: &'b Page,
}

impl<'a> Bench<'a> {
    pub fn new(cast: &'a Cast<Plugin>, connector: &'a Connector, recording: &'a Recording) -> Self {
        let ground = Ground { cast, connector, recording };
        let walk = walk(&ground, &|body, _| body);
        Self { ground, walk }
    }

    /// The connector's feeds.
    pub fn feeds(&self) -> &[Feed] {
        &self.ground.cast.crawl.descriptor().feeds
    }

    /// Once more, with every answer changed.
    pub fn walk_changed(&self, change: Change<'_>) -> Walk {
        walk(&self.ground, change)
    }

    /// The first mapped pages of each feed.
    pub fn samples(&self) -> Vec<Sample<'_>> {
        let mut seen: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
        let mapped =
            self.walk.pages.iter().filter_map(|kept| Some(Sample { kept, page: kept.mapped.as_ref().ok()? }));
        let first = mapped.filter(|sample| {
            let count = seen.entry(sample.kept.feed.name.as_str()).or_default();
            *count += 1;
            *count <= PAGES_OF_A_FEED
        });
        first.collect()
    }

    /// Of feeds that bring Purchases.
    pub fn samples_with_money(&self) -> Vec<Sample<'_>> {
        let mut samples = self.samples();
        samples.retain(|sample| sample.kept.feed.kind == FeedKind::Purchases);
        samples
    }

    /// A page of other bytes, mapped in the same context.
    pub fn map(&self, kept: &Kept, bytes: Vec<u8>) -> Result<Page, String> {
        self.map_in(kept, &kept.context, bytes)
    }

    /// A page mapped in another context.
    pub fn map_in(&self, kept: &Kept, context: &PageContext, bytes: Vec<u8>) -> Result<Page, String> {
        let cut = Cut { bytes: Bytes::from(bytes), records: 0 };
        map_page(self.ground.cast, &kept.feed, context, &cut, &|_| None).map_err(|error| error.to_string())
    }
}

impl Sample<'_> {
    /// Its records as trees.
    pub fn records(&self) -> Option<Records> {
        Records::of(&self.kept.context.framing, &self.kept.cut.bytes)
    }

    /// The records that a Purchase was read from alone, with that Purchase.
    pub fn alone(&self) -> Vec<(usize, &Contribution)> {
        let alone = self.page.contributions.iter().filter_map(|one| match one.evidence.as_slice() {
            [evidence] => Some((evidence.ordinal as usize, one)),
            _ => None,
        });
        alone.take(RECORDS_OF_A_PAGE).collect()
    }

    /// Something seen here.
    pub fn finding(&self, seen: String, change: &'static str) -> Finding {
        Finding { place: self.kept.name.clone(), seen, change }
    }

    /// Something seen in one of its records.
    pub fn finding_in(&self, ordinal: usize, seen: String, change: &'static str) -> Finding {
        Finding { place: format!("{}, record {ordinal}", self.kept.name), seen, change }
    }
}

/// The Purchase a record became, where it became one.
pub fn purchase_of(page: &Page, ordinal: usize) -> Option<&Contribution> {
    let is_of =
        |one: &&Contribution| one.evidence.iter().any(|evidence| evidence.ordinal as usize == ordinal);
    page.contributions.iter().find(is_of)
}

/// The value the first of these pointers leads to in a record.
pub fn pointed<'r>(record: &'r Record, pointers: &[String]) -> Option<(Path, &'r Tree)> {
    let tree = record.tree()?;
    let path = pointers.iter().find_map(|pointer| tree.path_of(pointer))?;
    let value = tree.at(&path)?;
    Some((path, value))
}
