//! What a database holds in the end: both programs must have kept the very same.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, ensure};
use futures::TryStreamExt as _;
use purser_domain::{Decimal, Digest};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Row as _};

use crate::case::{Case, Outcome};
use crate::world::FEED;

/// Rows, their sums and their keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Rows of the feed.
    pub rows: u64,
    /// The exact quantity of each unit.
    pub quantities: BTreeMap<String, Decimal>,
    /// Over all keys in their order.
    pub keys: String,
    /// Size of the database, what only Purser keeps included.
    pub bytes: u64,
}

impl Kept {
    /// Reads the table `purchases`, which both programs have, of a closed database.
    pub async fn read(database: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new().filename(database).read_only(true);
        let mut connection: SqliteConnection = options.connect().await?;
        let mut kept = Self {
            rows: 0,
            quantities: BTreeMap::new(),
            keys: String::new(),
            bytes: std::fs::metadata(database)?.len(),
        };
        let mut keys = Digest::of(b"");
        let rows = sqlx::query("SELECT key, unit, quantity FROM purchases WHERE feed = ? ORDER BY key");
        let mut rows = rows.bind(FEED).fetch(&mut connection);
        while let Some(row) = rows.try_next().await? {
            let (key, unit, quantity): (&[u8], &str, &str) =
                (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            keys = Digest::of(&[keys.as_bytes().as_slice(), key].concat());
            let quantity: Decimal = quantity.parse().context("a quantity is none")?;
            let sum = kept.quantities.entry(unit.to_owned()).or_insert_with(Decimal::zero);
            *sum = &*sum + &quantity;
            kept.rows += 1;
        }
        kept.keys = keys.to_string();
        Ok(kept)
    }

    fn is_same_as(&self, other: &Self) -> bool {
        self.rows == other.rows && self.quantities == other.quantities && self.keys == other.keys
    }
}

/// Cases of equally many records must have kept the same rows.
pub fn must_agree(results: &[(Case, Outcome)]) -> anyhow::Result<()> {
    for (case, outcome) in results {
        ensure!(outcome.kept.rows > 0, "{case} kept nothing");
        for (other, expected) in results.iter().filter(|(other, _)| other.records == case.records) {
            let agree = outcome.kept.is_same_as(&expected.kept) && outcome.records == expected.records;
            ensure!(agree, "the programs do not agree: {case}: {outcome:?}, but {other}: {expected:?}");
        }
    }
    Ok(())
}
