//! Reconciliation lines by Graph exports, by the same months and stages as usage; credit documents beside them.

use super::billing::Feed;
use super::exports::Orders;
use crate::manifest::calls;

pub const FEED: Feed = Feed {
    orders: Orders { unbilled: calls::LINES_EXPORT, billed: calls::BILLED_LINES_EXPORT },
    reads_credits: true,
};
