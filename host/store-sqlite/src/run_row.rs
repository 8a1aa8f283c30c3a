//! A run as its row holds it.

use purser_domain::RunId;
use purser_store::runs::{Order, Run};
use purser_store::{Error, Result};

use crate::values::{account as account_id, cast, date, from_json, from_word, instant, instant_if, unsigned};

/// As the columns are.
pub(crate) struct RunRow {
    pub id: i64,
    pub account: i64,
    pub cause: String,
    pub occurrence: Option<String>,
    pub as_of: i64,
    pub local_date: String,
    pub window_from: String,
    pub window_to: String,
    pub settings_revision: i64,
    pub digest: Vec<u8>,
    pub mapping: Vec<u8>,
    pub localisation: Vec<u8>,
    pub state: String,
    pub attempt: i64,
    pub requested_at: i64,
    pub started_at: Option<i64>,
    pub visible_at: Option<i64>,
    pub finished_at: Option<i64>,
    pub report: String,
}

impl TryFrom<RunRow> for Run {
    type Error = Error;

    fn try_from(row: RunRow) -> Result<Self> {
        let order = Order {
            account: account_id(row.account)?,
            trigger: from_word(row.cause, "trigger")?,
            occurrence: row.occurrence,
            as_of: instant(row.as_of)?,
            local_date: date(&row.local_date)?,
            window_from: date(&row.window_from)?,
            window_to: date(&row.window_to)?,
            settings_revision: unsigned(row.settings_revision)?,
            cast: cast(&row.digest, &row.mapping, &row.localisation)?,
        };
        Ok(Self {
            id: RunId(row.id),
            order,
            state: from_word(row.state, "run state")?,
            attempt: unsigned(row.attempt)?,
            requested_at: instant(row.requested_at)?,
            started_at: instant_if(row.started_at)?,
            visible_at: instant_if(row.visible_at)?,
            finished_at: instant_if(row.finished_at)?,
            report: from_json(&row.report, "run report")?,
        })
    }
}
