//! A whole copy of the database, taken while others write, and what a copy that is put back must not bring along.

use std::path::Path;

use purser_store::{Error, Result};
use sqlx::query;

use crate::SqliteStore;
use crate::error::failed;

impl SqliteStore {
    /// Writes one state of the whole database into a file that is not there yet. Others go on reading and writing; what
    /// was deleted is not in it.
    pub async fn copy_to(&self, file: &Path) -> Result<()> {
        let name = file.to_str().ok_or(Error::NotFound("file name in UTF-8"))?;
        query("VACUUM INTO ?").bind(name).execute(&self.writer).await.map_err(failed)?;
        Ok(())
    }

    /// Ends what was under way in browsers: whoever has signed out since the copy was made stays signed out.
    pub async fn end_everything_under_way(&self) -> Result<()> {
        let mut tx = self.shredding_write().await?;
        for rows in [
            query!("DELETE FROM sessions"),
            query!("DELETE FROM flows"),
            query!("DELETE FROM setup_token"),
            query!("DELETE FROM password_links"),
            // A link that was answered or withdrawn since is not open again.
            query!("UPDATE hand_overs SET expires_at = made_at WHERE stage = 'open'"),
        ] {
            rows.execute(&mut *tx).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)
    }
}
