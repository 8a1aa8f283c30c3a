//! The bulk upsert of Purchases: the only SQL text that is built, from a constant list of columns.
//!
//! sqlx sends each statement to the connection's thread, which costs as much as writing a row; so rows go in blocks of a
//! few fixed sizes, whose statements stay prepared.

use std::sync::LazyLock;

use purser_domain::{Ledgered, Purchase, Shares};
use purser_store::Result;
use purser_store::codec::{pack_rest, pack_shares};
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;

use crate::Write;
use crate::error::failed;
use crate::rows::state_word;
use crate::values::nanos;

const COLUMNS: [&str; 23] = [
    "key",
    "feed",
    "reference",
    "vendor_customer",
    "customer_code",
    "product_key",
    "product_text",
    "quantity",
    "unit",
    "cost",
    "currency",
    "starts",
    "state",
    "vendor_period",
    "booked_period",
    "revision",
    "source_date",
    "run",
    "committed_at",
    "corrections",
    "origin",
    "shares",
    "rest",
];

/// Rows of a block, the largest first; the last takes what is left.
const BLOCKS: [usize; 4] = [256, 32, 4, 1];

static STATEMENTS: LazyLock<[String; 4]> = LazyLock::new(|| BLOCKS.map(statement));

/// Which commit writes the rows.
#[derive(Clone, Copy)]
pub(crate) struct Stamp {
    /// The run.
    pub(crate) run: i64,
    /// When.
    pub(crate) at: i64,
}

/// Writes rows, in their order: new ones are added, those there are replaced.
pub(crate) async fn upsert(tx: &mut Write, stamp: Stamp, rows: Vec<Ledgered>) -> Result<()> {
    let mut rows = rows.into_iter();
    for (size, statement) in BLOCKS.into_iter().zip(STATEMENTS.iter()) {
        while rows.len() >= size {
            let mut query = sqlx::query(statement.as_str());
            for row in rows.by_ref().take(size) {
                query = bind(query, stamp, row)?;
            }
            query.execute(&mut **tx).await.map_err(failed)?;
        }
    }
    Ok(())
}

fn statement(rows: usize) -> String {
    let marks = format!("({})", ["?"; COLUMNS.len()].join(","));
    let changes: Vec<_> =
        COLUMNS.iter().skip(1).map(|column| format!("{column}=excluded.{column}")).collect();
    format!(
        "INSERT INTO purchases ({}) VALUES {} ON CONFLICT (key) DO UPDATE SET {}",
        COLUMNS.join(","),
        vec![marks; rows].join(","),
        changes.join(","),
    )
}

type Upsert = Query<'static, Sqlite, SqliteArguments>;

/// Binds a row in the order of [`COLUMNS`].
fn bind(query: Upsert, stamp: Stamp, row: Ledgered) -> Result<Upsert> {
    let Ledgered { purchase, shares, corrections } = row;
    let rest = pack_rest(&purchase.description, &purchase.evidence)?;
    let (origin, shares) = match shares {
        Shares::Same(partition) => (Some(partition.0), None),
        Shares::Own(shares) => (None, Some(pack_shares(&shares)?)),
    };
    let Purchase { key, feed, reference, customer_code, description, quantity, cost, .. } = purchase;
    let query = query.bind(key.as_bytes().to_vec()).bind(feed).bind(reference);
    let query = query.bind(description.vendor_customer).bind(customer_code);
    let query = query.bind(description.product_key).bind(description.product_text);
    let query =
        query.bind(quantity.canonical()).bind(description.unit).bind(cost.map(|cost| cost.canonical()));
    let query = query.bind(description.currency.map(String::from)).bind(description.start.as_second());
    let query = query.bind(state_word(purchase.state));
    let query = query.bind(String::from(purchase.vendor_period)).bind(String::from(purchase.booked_period));
    let query = query.bind(i64::from(purchase.revision)).bind(nanos(purchase.source_date));
    let query = query.bind(stamp.run).bind(stamp.at).bind(i64::from(corrections));
    Ok(query.bind(origin).bind(shares).bind(rest))
}

#[cfg(test)]
mod tests {
    use sqlx::{Executor as _, Statement as _};

    use super::*;
    use crate::SqliteStore;

    #[tokio::test]
    async fn every_built_statement_is_prepared_and_takes_all_columns() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("purser.db")).await.unwrap();
        for (rows, text) in BLOCKS.into_iter().zip(STATEMENTS.iter()) {
            let prepared = store.writer.prepare(sqlx::SqlStr::from_static(text.as_str())).await.unwrap();
            let parameters = prepared.parameters().and_then(|either| either.right());
            assert_eq!(parameters, Some(rows * COLUMNS.len()));
        }
    }

    #[tokio::test]
    async fn the_columns_are_all_that_the_table_has() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("purser.db")).await.unwrap();
        let columns =
            sqlx::query_scalar("SELECT name FROM pragma_table_info('purchases') WHERE name <> 'id'");
        let columns: Vec<String> = columns.fetch_all(&store.writer).await.unwrap();
        assert_eq!(columns, COLUMNS);
    }
}
