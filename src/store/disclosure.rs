//! Sealed verdicts: known, and not yet told.

use sqlx::{Any, Transaction};

use super::outbox::{NewOutboxMessage, put};
use super::submission::record;
use super::{Change, Result, Store};
use crate::model::{Stage, SubmissionId, Timestamp};

/// What became of a sealed verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disclosure {
    /// It is told: the submission has ended.
    Told,
    /// Its board was rescored meanwhile, and its score is none of the board's: it is scored again.
    ScoredAgain,
    /// There is none any more: it was withdrawn, say.
    Gone,
}

impl Store {
    /// Tells a sealed verdict: the submission ends now. `show` is what the forge is told of it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn disclose(
        &self,
        id: SubmissionId,
        show: &[NewOutboxMessage],
        now: Timestamp,
    ) -> Result<Disclosure> {
        let mut tx = self.begin().await?;
        if !end(&mut tx, id, now).await? {
            let again = put_back(&mut tx, id, now).await?;
            tx.commit().await?;
            return Ok(match again {
                true => {
                    self.notify(Change::Case(id));
                    Disclosure::ScoredAgain
                }
                false => Disclosure::Gone,
            });
        }
        for message in show {
            put(&mut tx, message, now).await?;
        }
        let record = record(&mut tx, id).await?;
        tx.commit().await?;
        self.notify_end(&record.submission);
        self.notify(Change::Outbox);
        Ok(Disclosure::Told)
    }
}

/// Whether it ended. One that was scored needs a score that its board counts: otherwise it would
/// end unranked.
async fn end(tx: &mut Transaction<'static, Any>, id: SubmissionId, now: Timestamp) -> Result<bool> {
    let ended = sqlx::query(
        "UPDATE submission SET outcome = undisclosed_outcome, undisclosed_outcome = NULL, ended_at = $1
         WHERE id = $2 AND undisclosed_outcome IS NOT NULL AND outcome IS NULL
           AND (undisclosed_outcome <> 'scored' OR EXISTS (
             SELECT 1 FROM score c JOIN board b ON b.scoring_revision_id = c.scoring_revision_id
             WHERE c.submission_id = submission.id AND b.challenge = submission.challenge
               AND b.phase = submission.phase AND b.task = submission.task))",
    )
    .bind(now.0)
    .bind(id.0)
    .execute(&mut **tx)
    .await?;
    Ok(ended.rows_affected() == 1)
}

/// Whether it waits for the scorer again.
async fn put_back(
    tx: &mut Transaction<'static, Any>,
    id: SubmissionId,
    now: Timestamp,
) -> Result<bool> {
    let moved = sqlx::query(
        "UPDATE submission SET undisclosed_outcome = NULL, stage = $1, ready_at = $2
         WHERE id = $3 AND undisclosed_outcome = 'scored' AND outcome IS NULL",
    )
    .bind(Stage::Scoring.as_str())
    .bind(now.0)
    .bind(id.0)
    .execute(&mut **tx)
    .await?;
    Ok(moved.rows_affected() == 1)
}
