//! Notices about accounts' consents.

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::AccountId;
use purser_store::notices::{Acknowledged, Concern, Notice, Notices, Subject};
use purser_store::{Error, Result};
use sqlx::{query_as, query_scalar};

use crate::error::{conflict, failed};
use crate::values::{account as account_id, from_word, instant, instant_if, nanos, unsigned, word};
use crate::{SqliteStore, Write};

struct NoticeRow {
    id: i64,
    account: i64,
    subject: String,
    code: String,
    level: String,
    what: String,
    remedy: String,
    stage: i64,
    raised_at: i64,
    told_at: i64,
    acknowledged_by: Option<String>,
    acknowledged_at: Option<i64>,
    resolved_at: Option<i64>,
}

impl TryFrom<NoticeRow> for Notice {
    type Error = Error;

    fn try_from(row: NoticeRow) -> Result<Self> {
        let acknowledged = row.acknowledged_by.zip(instant_if(row.acknowledged_at)?);
        let concern = Concern {
            subject: from_word(row.subject, "subject")?,
            code: row.code,
            level: from_word(row.level, "level")?,
            what: row.what,
            remedy: row.remedy,
            stage: unsigned(row.stage)?,
        };
        Ok(Self {
            id: row.id,
            account: account_id(row.account)?,
            concern,
            raised_at: instant(row.raised_at)?,
            told_at: instant(row.told_at)?,
            acknowledged: acknowledged.map(|(by, at)| Acknowledged { by, at }),
            resolved_at: instant_if(row.resolved_at)?,
        })
    }
}

#[async_trait]
impl Notices for SqliteStore {
    async fn open_notices(&self, account: Option<AccountId>) -> Result<Vec<Notice>> {
        let account = account.map(|account| account.0);
        let rows = query_as!(
            NoticeRow,
            r#"SELECT id AS "id!", account, subject, code, level, what, remedy, stage, raised_at, told_at,
                      acknowledged_by, acknowledged_at, resolved_at
               FROM notices WHERE resolved_at IS NULL AND (?1 IS NULL OR account = ?1)
               ORDER BY level = 'error' DESC, told_at DESC, id DESC"#,
            account
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(Notice::try_from).collect()
    }

    async fn resolved_notices(&self, account: AccountId, limit: u32) -> Result<Vec<Notice>> {
        let rows = query_as!(
            NoticeRow,
            r#"SELECT id AS "id!", account, subject, code, level, what, remedy, stage, raised_at, told_at,
                      acknowledged_by, acknowledged_at, resolved_at
               FROM notices WHERE account = ? AND resolved_at IS NOT NULL
               ORDER BY resolved_at DESC, id DESC LIMIT ?"#,
            account.0,
            limit
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(Notice::try_from).collect()
    }

    async fn raise_notice(&self, account: AccountId, concern: &Concern, now: Timestamp) -> Result<Notice> {
        let (at, subject, level) = (nanos(now), word(concern.subject)?, word(concern.level)?);
        let mut tx = self.write().await?;
        let id = query_scalar!(
            r#"INSERT INTO notices (account, subject, code, level, what, remedy, stage, raised_at, told_at)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id AS "id!""#,
            account.0,
            subject,
            concern.code,
            level,
            concern.what,
            concern.remedy,
            concern.stage,
            at,
            at
        );
        let id = id.fetch_one(&mut *tx).await.map_err(conflict("notice"))?;
        finish(tx, id).await
    }

    async fn remind_of_notice(
        &self,
        account: AccountId,
        concern: &Concern,
        now: Timestamp,
    ) -> Result<Notice> {
        let (at, subject, level) = (nanos(now), word(concern.subject)?, word(concern.level)?);
        let mut tx = self.write().await?;
        let id = query_scalar!(
            r#"UPDATE notices SET code = ?, level = ?, what = ?, remedy = ?, stage = ?, told_at = ?,
                      acknowledged_by = NULL, acknowledged_at = NULL
               WHERE account = ? AND subject = ? AND resolved_at IS NULL RETURNING id AS "id!""#,
            concern.code,
            level,
            concern.what,
            concern.remedy,
            concern.stage,
            at,
            account.0,
            subject
        );
        let id = id.fetch_optional(&mut *tx).await.map_err(failed)?;
        finish(tx, id.ok_or(Error::NotFound("notice"))?).await
    }

    async fn resolve_notice(&self, account: AccountId, subject: Subject, now: Timestamp) -> Result<Notice> {
        let (at, subject) = (nanos(now), word(subject)?);
        let mut tx = self.write().await?;
        let id = query_scalar!(
            r#"UPDATE notices SET resolved_at = ? WHERE account = ? AND subject = ? AND resolved_at IS NULL
               RETURNING id AS "id!""#,
            at,
            account.0,
            subject
        );
        let id = id.fetch_optional(&mut *tx).await.map_err(failed)?;
        finish(tx, id.ok_or(Error::NotFound("notice"))?).await
    }

    async fn acknowledge_notice(
        &self,
        account: AccountId,
        id: i64,
        by: &str,
        now: Timestamp,
    ) -> Result<Notice> {
        let at = nanos(now);
        let mut tx = self.write().await?;
        let former = one(&mut tx, id).await?.filter(|it| it.account == account && it.resolved_at.is_none());
        if former.ok_or(Error::NotFound("notice"))?.acknowledged.is_some() {
            return Err(Error::Conflict("acknowledgement"));
        }
        let id = query_scalar!(
            r#"UPDATE notices SET acknowledged_by = ?, acknowledged_at = ? WHERE id = ? AND account = ?
               RETURNING id AS "id!""#,
            by,
            at,
            id,
            account.0
        );
        let id = id.fetch_one(&mut *tx).await.map_err(failed)?;
        finish(tx, id).await
    }
}

async fn one(tx: &mut Write, id: i64) -> Result<Option<Notice>> {
    let row = query_as!(
        NoticeRow,
        r#"SELECT id AS "id!", account, subject, code, level, what, remedy, stage, raised_at, told_at,
                  acknowledged_by, acknowledged_at, resolved_at
           FROM notices WHERE id = ?"#,
        id
    );
    row.fetch_optional(&mut **tx).await.map_err(failed)?.map(Notice::try_from).transpose()
}

/// Ends a write, and gives the notice as it is then.
async fn finish(mut tx: Write, id: i64) -> Result<Notice> {
    let notice = one(&mut tx, id).await?.ok_or(Error::NotFound("notice"))?;
    tx.commit().await.map_err(failed)?;
    Ok(notice)
}
