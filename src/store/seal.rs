//! Sealed verdicts: known, and not yet told.

use sqlx::{Any, Transaction};

use super::outbox::{OutboxPut, put};
use super::submission::record;
use super::{Change, Result, Store};
use crate::model::{Stage, SubmissionId, Timestamp};

/// What became of a sealed verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsealed {
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
    pub async fn unseal(
        &self,
        id: SubmissionId,
        show: &[OutboxPut],
        now: Timestamp,
    ) -> Result<Unsealed> {
        let mut tx = self.begin().await?;
        if !end(&mut tx, id, now).await? {
            let again = put_back(&mut tx, id, now).await?;
            tx.commit().await?;
            return Ok(match again {
                true => {
                    self.tell(Change::Case(id));
                    Unsealed::ScoredAgain
                }
                false => Unsealed::Gone,
            });
        }
        for wish in show {
            put(&mut tx, wish, now).await?;
        }
        let record = record(&mut tx, id).await?;
        tx.commit().await?;
        self.tell_end(&record.submission);
        self.tell(Change::Outbox);
        Ok(Unsealed::Told)
    }
}

/// Whether it ended. One that was scored needs a score that its board counts: otherwise it would
/// end unranked.
async fn end(tx: &mut Transaction<'static, Any>, id: SubmissionId, now: Timestamp) -> Result<bool> {
    let ended = sqlx::query(
        "UPDATE submission SET outcome = sealed, sealed = NULL, ended_at = $1
         WHERE id = $2 AND sealed IS NOT NULL AND outcome IS NULL
           AND (sealed <> 'scored' OR EXISTS (
             SELECT 1 FROM score c JOIN board b ON b.revision_id = c.revision_id
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
        "UPDATE submission SET sealed = NULL, stage = $1, ready_at = $2
         WHERE id = $3 AND sealed = 'scored' AND outcome IS NULL",
    )
    .bind(Stage::Score.as_str())
    .bind(now.0)
    .bind(id.0)
    .execute(&mut **tx)
    .await?;
    Ok(moved.rows_affected() == 1)
}
