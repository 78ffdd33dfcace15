//! The issue of a repository in which we report. The forge may lose it: then the row goes too, and
//! the next report opens another.

use super::{Result, Store};
use crate::model::{ForgeName, Timestamp};

impl Store {
    /// Number of the issue in which we report in a repository.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn thread(&self, forge: &ForgeName, forge_id: &str) -> Result<Option<i64>> {
        Ok(
            sqlx::query_scalar("SELECT issue FROM thread WHERE forge = $1 AND forge_id = $2")
                .bind(forge.as_str())
                .bind(forge_id)
                .fetch_optional(&self.reads)
                .await?,
        )
    }

    /// From now on we report in this issue.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_thread(
        &self,
        (forge, forge_id): (&ForgeName, &str),
        issue: i64,
        now: Timestamp,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO thread (forge, forge_id, issue, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (forge, forge_id) DO UPDATE
             SET issue = excluded.issue, created_at = excluded.created_at",
        )
        .bind(forge.as_str())
        .bind(forge_id)
        .bind(issue)
        .bind(now.0)
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// The issue is gone from the forge. Another one that stands here by now stays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_thread(
        &self,
        (forge, forge_id): (&ForgeName, &str),
        issue: i64,
    ) -> Result<()> {
        sqlx::query("DELETE FROM thread WHERE forge = $1 AND forge_id = $2 AND issue = $3")
            .bind(forge.as_str())
            .bind(forge_id)
            .bind(issue)
            .execute(&self.writes)
            .await?;
        Ok(())
    }
}
