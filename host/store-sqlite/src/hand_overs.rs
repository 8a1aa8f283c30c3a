//! Consent handed over: links by their hash, answers, and the grants kept aside for them.

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::AccountId;
use purser_store::accounts::{ConsentState, Grant};
use purser_store::hand_overs::{
    Answer, Ending, HandOver, HandOverId, HandOvers, NewHandOver, PendingGrant, Stage,
};
use purser_store::{Error, Result};
use sqlx::{Connection as _, Sqlite, Transaction, query, query_as, query_scalar};

use crate::accounts::write_grant;
use crate::error::{conflict, failed};
use crate::keys::refuse_retired;
use crate::values::{
    account as account_id, from_json, from_word, id as identifier, instant, instant_if, nanos, to_json,
    unsigned, word,
};
use crate::{SqliteStore, Write};

/// What a second answer or decision meets.
const GONE: Error = Error::Conflict("hand-over");

struct Row {
    id: i64,
    connector: String,
    cloud: String,
    account: Option<i64>,
    made_by: String,
    made_at: i64,
    expires_at: i64,
    stage: String,
    answer: Option<String>,
    settled_by: Option<String>,
    settled_at: Option<i64>,
}

impl TryFrom<Row> for HandOver {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let made = NewHandOver {
            connector: identifier(&row.connector, "connector")?,
            cloud: row.cloud,
            account: row.account.map(account_id).transpose()?,
            made_by: row.made_by,
            made_at: instant(row.made_at)?,
            expires_at: instant(row.expires_at)?,
        };
        Ok(Self {
            id: row.id,
            made,
            stage: from_word(row.stage, "hand-over")?,
            answer: row.answer.map(|answer| from_json(&answer, "answer")).transpose()?,
            settled: row.settled_by.zip(instant_if(row.settled_at)?),
        })
    }
}

#[async_trait]
impl HandOvers for SqliteStore {
    async fn add_hand_over(&self, link_hash: &[u8; 32], made: &NewHandOver) -> Result<HandOverId> {
        let (link, connector, stage) = (link_hash.as_slice(), made.connector.as_str(), word(Stage::Open)?);
        let (account, made_at, expires_at) =
            (made.account.map(|account| account.0), nanos(made.made_at), nanos(made.expires_at));
        let mut tx = self.write().await?;
        let added = query!(
            "INSERT INTO hand_overs (link_hash, connector, cloud, account, made_by, made_at, expires_at, stage)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            link,
            connector,
            made.cloud,
            account,
            made.made_by,
            made_at,
            expires_at,
            stage
        );
        let added = added.execute(&mut *tx).await.map_err(conflict("hand-over"))?;
        tx.commit().await.map_err(failed)?;
        Ok(added.last_insert_rowid())
    }

    async fn hand_over_by_link(&self, link_hash: &[u8; 32], now: Timestamp) -> Result<Option<HandOver>> {
        let link = link_hash.as_slice();
        let id = query_scalar!("SELECT id FROM hand_overs WHERE link_hash = ?", link);
        let Some(id) = id.fetch_optional(&self.readers).await.map_err(failed)? else { return Ok(None) };
        Ok(Some(self.hand_over(id).await?).filter(|found| found.is_open(now)))
    }

    async fn hand_over(&self, id: HandOverId) -> Result<HandOver> {
        let row = query_as!(
            Row,
            "SELECT id, connector, cloud, account, made_by, made_at, expires_at, stage, answer, settled_by, settled_at
             FROM hand_overs WHERE id = ?",
            id
        );
        let row = row.fetch_optional(&self.readers).await.map_err(failed)?;
        row.ok_or(Error::NotFound("hand-over"))?.try_into()
    }

    async fn waiting_hand_overs(&self) -> Result<Vec<HandOver>> {
        let rows = query_as!(
            Row,
            "SELECT id, connector, cloud, account, made_by, made_at, expires_at, stage, answer, settled_by, settled_at
             FROM hand_overs WHERE stage IN ('open', 'answered') ORDER BY id DESC"
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(HandOver::try_from).collect()
    }

    async fn answer_hand_over(
        &self,
        id: HandOverId,
        answer: &Answer,
        pending: &PendingGrant,
        decide_by: Timestamp,
    ) -> Result<()> {
        let (document, decide_by, now) = (to_json(answer)?, nanos(decide_by), nanos(answer.answered_at));
        let mut tx = self.shredding_write().await?;
        refuse_retired(&mut tx, pending.key_version).await?;
        let done = query!(
            "UPDATE hand_overs SET stage = 'answered', answer = ?, expires_at = ?
             WHERE id = ? AND stage = 'open' AND expires_at > ?",
            document,
            decide_by,
            id,
            now
        );
        changed(done.execute(&mut *tx).await.map_err(failed)?.rows_affected())?;
        query!(
            "INSERT INTO pending_grants (hand_over, account, sealed, key_version) VALUES (?, ?, ?, ?)",
            id,
            answer.account.0,
            pending.sealed,
            pending.key_version
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    async fn pending_grant(&self, id: HandOverId) -> Result<Option<PendingGrant>> {
        let row = query!("SELECT sealed, key_version FROM pending_grants WHERE hand_over = ?", id);
        let row = row.fetch_optional(&self.readers).await.map_err(failed)?;
        row.map(|row| Ok(PendingGrant { sealed: row.sealed, key_version: unsigned(row.key_version)? }))
            .transpose()
    }

    async fn note_trial(&self, id: HandOverId, answer: &Answer, pending: &PendingGrant) -> Result<()> {
        let document = to_json(answer)?;
        let mut tx = self.shredding_write().await?;
        refuse_retired(&mut tx, pending.key_version).await?;
        let noted =
            query!("UPDATE hand_overs SET answer = ? WHERE id = ? AND stage = 'answered'", document, id);
        changed(noted.execute(&mut *tx).await.map_err(failed)?.rows_affected())?;
        query!(
            "UPDATE pending_grants SET sealed = ?, key_version = ? WHERE hand_over = ?",
            pending.sealed,
            pending.key_version,
            id
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    async fn accept_hand_over(
        &self,
        id: HandOverId,
        expected: Option<u64>,
        grant: &Grant,
        by: &str,
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.shredding_write().await?;
        let at = nanos(now);
        let waits = query_scalar!(
            "SELECT pending_grants.account FROM hand_overs JOIN pending_grants ON hand_over = id
             WHERE id = ? AND stage = 'answered' AND expires_at > ?",
            id,
            at
        );
        let account = waits.fetch_optional(&mut *tx).await.map_err(failed)?.ok_or(GONE)?;
        write_grant(&mut tx, account_id(account)?, expected, grant).await?;
        settle(&mut tx, id, Stage::Accepted, by, now).await?;
        tx.commit().await.map_err(failed)?;
        self.empty_log().await
    }

    async fn end_hand_over(&self, id: HandOverId, ending: Ending, by: &str, now: Timestamp) -> Result<bool> {
        let stage = match ending {
            Ending::Rejected => Stage::Rejected,
            Ending::Withdrawn => Stage::Withdrawn,
        };
        let mut tx = self.shredding_write().await?;
        let account = settle(&mut tx, id, stage, by, now).await?;
        let is_gone = match account {
            Some(account) => forget_bare(&mut tx, account).await?,
            None => false,
        };
        tx.commit().await.map_err(failed)?;
        self.empty_log().await?;
        Ok(is_gone)
    }

    async fn first_grant_waits(&self, account: AccountId) -> Result<bool> {
        let waits = query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM pending_grants WHERE account = ?1)
                  AND NOT EXISTS (SELECT 1 FROM grants WHERE account = ?1) AS "waits!: bool""#,
            account.0
        );
        waits.fetch_one(&self.readers).await.map_err(failed)
    }

    async fn forget_bare_account(&self, account: AccountId) -> Result<bool> {
        let mut tx = self.write().await?;
        let is_gone = forget_bare(&mut tx, account).await?;
        tx.commit().await.map_err(failed)?;
        Ok(is_gone)
    }

    async fn expire_hand_overs(&self, now: Timestamp) -> Result<Vec<HandOver>> {
        let at = nanos(now);
        let late = query_scalar!(
            "SELECT id FROM hand_overs WHERE stage IN ('open', 'answered') AND expires_at <= ?",
            at
        );
        let late = late.fetch_all(&self.readers).await.map_err(failed)?;
        if late.is_empty() {
            return Ok(Vec::new());
        }
        let mut ended = Vec::new();
        for id in late {
            let mut tx = self.shredding_write().await?;
            match settle(&mut tx, id, Stage::Expired, "", now).await {
                // Somebody was faster.
                Err(Error::Conflict(_)) => continue,
                account => {
                    if let Some(account) = account? {
                        forget_bare(&mut tx, account).await?;
                    }
                }
            }
            tx.commit().await.map_err(failed)?;
            ended.push(self.hand_over(id).await?);
        }
        self.empty_log().await?;
        Ok(ended)
    }
}

fn changed(rows: u64) -> Result<()> {
    if rows == 0 { Err(GONE) } else { Ok(()) }
}

/// Ends a hand-over and erases the grant kept aside for it; the account it was sealed for.
async fn settle(
    tx: &mut Write,
    id: HandOverId,
    stage: Stage,
    by: &str,
    now: Timestamp,
) -> Result<Option<AccountId>> {
    let (stage, at) = (word(stage)?, nanos(now));
    let done = query!(
        "UPDATE hand_overs SET stage = ?, settled_by = ?, settled_at = ?
         WHERE id = ? AND stage IN ('open', 'answered')",
        stage,
        by,
        at,
        id
    );
    changed(done.execute(&mut **tx).await.map_err(failed)?.rows_affected())?;
    let erased = query_scalar!(
        r#"DELETE FROM pending_grants WHERE hand_over = ? RETURNING account AS "account!""#,
        id
    );
    erased.fetch_optional(&mut **tx).await.map_err(failed)?.map(account_id).transpose()
}

/// An account that only waited for this grant: it goes where it has nothing of its own, and is disconnected where it has.
async fn forget_bare(tx: &mut Write, account: AccountId) -> Result<bool> {
    let verifying = to_json(&ConsentState::Verifying)?;
    let waits = query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM accounts WHERE id = ?1 AND state = ?2
                          AND NOT EXISTS (SELECT 1 FROM grants WHERE account = ?1)
                          AND NOT EXISTS (SELECT 1 FROM pending_grants WHERE account = ?1)) AS "waits!: bool""#,
        account.0,
        verifying
    );
    if !waits.fetch_one(&mut **tx).await.map_err(failed)? {
        return Ok(false);
    }
    let mut tried = tx.begin().await.map_err(failed)?;
    match delete_account(&mut tried, account).await {
        Ok(()) => {
            tried.commit().await.map_err(failed)?;
            Ok(true)
        }
        // Settings, runs, customers of its own: the database knows what hangs on it.
        Err(error) if error.as_database_error().is_some_and(|error| error.is_foreign_key_violation()) => {
            tried.rollback().await.map_err(failed)?;
            let state = to_json(&ConsentState::Disconnected)?;
            let set = query!("UPDATE accounts SET state = ? WHERE id = ?", state, account.0);
            set.execute(&mut **tx).await.map_err(failed)?;
            Ok(false)
        }
        Err(error) => Err(failed(error)),
    }
}

/// With what is only said about it.
async fn delete_account(tx: &mut Transaction<'_, Sqlite>, account: AccountId) -> sqlx::Result<()> {
    query!("DELETE FROM probes WHERE account = ?", account.0).execute(&mut **tx).await?;
    query!("DELETE FROM notices WHERE account = ?", account.0).execute(&mut **tx).await?;
    query!("DELETE FROM accounts WHERE id = ?", account.0).execute(&mut **tx).await?;
    Ok(())
}
