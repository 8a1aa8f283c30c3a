//! Which feeds of its plugin an account retrieves, and from which day each is read.

use std::collections::BTreeMap;

use jiff::{Span, civil::Date};
use purser_runtime::Plugin;
use purser_runtime::contract::manifest::Feed;
use purser_store::accounts::Settings;
use purser_store::runs::Run;

use crate::reach;

/// Whether the account wants the feed, and the vendor serves it in the account's cloud.
fn is_retrieved(feed: &str, clouds: &[String], wanted: &[String], cloud: &str) -> bool {
    let is_served = clouds.is_empty() || clouds.iter().any(|served| served == cloud);
    is_served && (wanted.is_empty() || wanted.iter().any(|name| name == feed))
}

/// The feeds of a plugin that an account retrieves.
pub(super) fn retrieved(plugin: &Plugin, settings: &Settings, cloud: &str) -> Vec<Feed> {
    let feeds = plugin.descriptor().feeds.iter();
    let wanted = |feed: &&Feed| is_retrieved(&feed.name, &feed.clouds, &settings.host.feeds, cloud);
    feeds.filter(wanted).cloned().collect()
}

/// Each feed's own look-back, before the last run that brought it.
pub(super) fn first_days(
    former: &[Run],
    settings: &Settings,
    feeds: &[Feed],
    today: Date,
) -> BTreeMap<String, Date> {
    let first = |feed: &Feed| {
        let since = reach::since(&feed.name, former, today);
        (feed.name.clone(), since.saturating_sub(days(settings.host.look_back_of(&feed.name))))
    };
    feeds.iter().map(first).collect()
}

pub(super) fn days(count: u32) -> Span {
    Span::new().days(i32::try_from(count.min(365)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_retrieved_where_it_is_wanted_and_the_cloud_has_it() {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (clouds, wanted, expected) in [
            (&[][..], &[][..], true),
            (&["global"], &[], true),
            (&["moon"], &[], false),
            (&["moon"], &["usage"], false),
            (&["global"], &["names"], false),
            (&["moon", "global"], &["names", "usage"], true),
        ] {
            let is = is_retrieved("usage", &owned(clouds), &owned(wanted), "global");
            assert_eq!(is, expected, "{clouds:?} {wanted:?}");
        }
    }
}
