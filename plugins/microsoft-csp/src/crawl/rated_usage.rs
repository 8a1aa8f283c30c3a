//! Daily rated usage by Graph exports: unbilled for the months still open, billed once a month's invoices are out.

use super::billing::Feed;
use super::exports::Orders;
use crate::manifest::calls;

pub const FEED: Feed = Feed {
    orders: Orders { unbilled: calls::USAGE_EXPORT, billed: calls::BILLED_USAGE_EXPORT },
    reads_credits: false,
};
