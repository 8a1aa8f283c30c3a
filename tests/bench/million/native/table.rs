//! The baseline's one table.

use std::path::Path;

use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Connection as _, SqlSafeStr as _, SqlStr, Sqlite};

use super::rows::Row;
use crate::world::FEED;

const TABLE: &str = "CREATE TABLE purchases (
    id INTEGER PRIMARY KEY NOT NULL, key BLOB NOT NULL, feed TEXT NOT NULL, reference TEXT NOT NULL,
    vendor_customer TEXT NOT NULL, vendor_subscription TEXT NOT NULL, product_key TEXT NOT NULL,
    product_text TEXT NOT NULL, category TEXT NOT NULL, quantity TEXT NOT NULL, unit TEXT NOT NULL,
    starts INTEGER NOT NULL, ends INTEGER NOT NULL, vendor_period TEXT NOT NULL, metadata TEXT NOT NULL
) STRICT";
const INDEX: &str = "CREATE UNIQUE INDEX purchases_key ON purchases (key)";
const COLUMNS: [&str; 14] = [
    "key",
    "feed",
    "reference",
    "vendor_customer",
    "vendor_subscription",
    "product_key",
    "product_text",
    "category",
    "quantity",
    "unit",
    "starts",
    "ends",
    "vendor_period",
    "metadata",
];
/// Rows of a statement: as many as there are, the largest first.
const BLOCKS: [usize; 3] = [256, 16, 1];

/// The open database.
pub struct Table {
    connection: SqliteConnection,
    statements: Vec<(usize, SqlStr)>,
}

impl Table {
    /// Makes it, with the settings of the file that Purser uses too.
    pub async fn open(database: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(database)
            .create_if_missing(true)
            .page_size(8192)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", "-65536")
            .pragma("wal_autocheckpoint", "2000");
        let mut connection = SqliteConnection::connect_with(&options).await?;
        sqlx::query(TABLE).execute(&mut connection).await?;
        sqlx::query(INDEX).execute(&mut connection).await?;
        let statements = BLOCKS.map(|rows| (rows, AssertSqlSafe(statement(rows)).into_sql_str()));
        Ok(Self { connection, statements: statements.into() })
    }

    /// Writes rows in one transaction.
    pub async fn upsert(&mut self, rows: Vec<Row>) -> anyhow::Result<()> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        let mut rows = rows.into_iter();
        for (size, statement) in &self.statements {
            while rows.len() >= *size {
                let query = sqlx::query(statement.clone());
                let query = rows.by_ref().take(*size).fold(query, bind);
                query.execute(&mut *transaction).await?;
            }
        }
        Ok(transaction.commit().await?)
    }

    /// Closes it; everything is in the one file then.
    pub async fn close(self) -> anyhow::Result<()> {
        Ok(self.connection.close().await?)
    }
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
fn bind(query: Upsert, row: Row) -> Upsert {
    let query = query.bind(row.key.to_vec()).bind(FEED).bind(row.reference).bind(row.vendor_customer);
    let query = query.bind(row.vendor_subscription).bind(row.product_key).bind(row.product_text);
    let query = query.bind(row.category).bind(row.quantity.canonical()).bind(row.unit);
    query.bind(row.starts).bind(row.ends).bind(row.vendor_period).bind(row.metadata)
}
