//! Ending a submission from outside: withdrawn by its team or an organizer, whatever it is at.

use sqlx::Row as _;

use super::{Result, Store, SubmissionRecord};
use crate::model::{AttemptId, KillReason, Outcome, Timestamp};

/// What a withdrawal met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withdrawn {
    /// It was waiting.
    Waiting,
    /// This attempt was under way; its worker finds its lease gone and removes what it started.
    Working(AttemptId),
    /// It had ended before, this way; nothing was changed.
    Ended(Outcome),
}

impl Store {
    /// Withdraws a submission. Its worker, if it has one, loses the lease: whatever comes of the
    /// work can no longer be committed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn withdraw(&self, record: &SubmissionRecord, now: Timestamp) -> Result<Withdrawn> {
        let id = record.submission.id;
        let mut tx = self.begin().await?;
        let ended = sqlx::query(
            "UPDATE submission SET outcome = $1, ended_at = $2, working = 0
             WHERE id = $3 AND outcome IS NULL",
        )
        .bind(Outcome::Withdrawn.as_str())
        .bind(now.0)
        .bind(id.0)
        .execute(&mut *tx)
        .await?;
        if ended.rows_affected() == 0 {
            let outcome = super::row::outcome(
                &sqlx::query("SELECT outcome FROM submission WHERE id = $1")
                    .bind(id.0)
                    .fetch_one(&mut *tx)
                    .await?,
            )?;
            return Ok(Withdrawn::Ended(outcome.unwrap_or(Outcome::Withdrawn)));
        }
        let reason = super::row::to_json(&KillReason::Cancelled)?;
        let attempt = sqlx::query(
            "UPDATE attempt SET state = 'lost', kill_reason = COALESCE(kill_reason, $1),
                    ended_at = $2
             WHERE submission_id = $3 AND state = 'running' RETURNING id",
        )
        .bind(reason.trim_matches('"'))
        .bind(now.0)
        .bind(id.0)
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        self.tell_end(&record.submission);
        Ok(match attempt {
            Some(row) => Withdrawn::Working(AttemptId(row.try_get("id")?)),
            None => Withdrawn::Waiting,
        })
    }
}
