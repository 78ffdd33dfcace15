//! The issue of a repository in which we report. The forge may lose it: then the row goes too, and
//! the next report opens another.

use sqlx::Row as _;

use super::{Result, Store, row};
use crate::model::{ForgeName, Timestamp};

/// Where we report in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// Number of the issue; none while it is being opened.
    pub issue: Option<i64>,
    /// Until then another one may appear, whose number we never heard.
    pub unsure_until: Option<Timestamp>,
}

impl Store {
    /// The issue in which we report in a repository, as far as there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn thread(&self, forge: &ForgeName, forge_id: &str) -> Result<Option<Thread>> {
        sqlx::query("SELECT issue, unsure_until FROM thread WHERE forge = $1 AND forge_id = $2")
            .bind(forge.as_str())
            .bind(forge_id)
            .fetch_optional(&self.reads)
            .await?
            .map(|found| {
                let issue: i64 = found.try_get("issue")?;
                Ok(Thread {
                    issue: (issue > 0).then_some(issue),
                    unsure_until: row::optional_timestamp(&found, "unsure_until")?,
                })
            })
            .transpose()
    }

    /// From now on we report here.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_thread(
        &self,
        (forge, forge_id): (&ForgeName, &str),
        thread: &Thread,
        now: Timestamp,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO thread (forge, forge_id, issue, created_at, unsure_until)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (forge, forge_id) DO UPDATE
             SET issue = excluded.issue, created_at = excluded.created_at,
                 unsure_until = excluded.unsure_until",
        )
        .bind(forge.as_str())
        .bind(forge_id)
        .bind(thread.issue.unwrap_or(0))
        .bind(now.0)
        .bind(thread.unsure_until.map(|until| until.0))
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
