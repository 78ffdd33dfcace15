//! Delayed disclosure: Referee withholds outcomes of evaluations on hidden data until their time.

use sqlx::{Any, Transaction};

use super::outbox::{NewOutboxMessage, put};
use super::submission::{SubmissionRecord, record, transition};
use super::{Change, Result, Store};
use crate::model::{Outcome, SubmissionId, SubmissionState, Timestamp};

/// The result of a disclosure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disclosure {
    /// The outcome is disclosed: the submission has ended.
    Disclosed,
    /// The leaderboard was rescored in the meantime, and the score is of another scoring revision. The submission
    /// is scored again.
    ScoredAgain,
    /// The submission has no undisclosed outcome any more. Its team withdrew it, for example.
    Gone,
}

impl Store {
    /// Discloses an outcome: the submission ends now. `messages` are published with it.
    pub async fn disclose(
        &self,
        id: SubmissionId,
        messages: &[NewOutboxMessage],
        now: Timestamp,
    ) -> Result<Disclosure> {
        let mut tx = self.begin().await?;
        let mut record = record(&mut tx, id).await?;
        let SubmissionState::Undisclosed { outcome, .. } = record.submission.state else {
            return Ok(Disclosure::Gone);
        };
        if outcome == Outcome::Scored && !has_current_score(&mut tx, &record).await? {
            transition(&mut tx, &mut record, now, SubmissionState::score_again).await?;
            tx.commit().await?;
            self.notify(Change::Case(id));
            return Ok(Disclosure::ScoredAgain);
        }
        transition(&mut tx, &mut record, now, |state| state.disclose(now)).await?;
        for message in messages {
            put(&mut tx, message, now).await?;
        }
        tx.commit().await?;
        self.notify_end(&record.submission);
        self.notify(Change::Outbox);
        Ok(Disclosure::Disclosed)
    }
}

/// Whether the submission has a score of the current scoring revision of its leaderboard. Without one it would end
/// unranked.
async fn has_current_score(tx: &mut Transaction<'static, Any>, record: &SubmissionRecord) -> Result<bool> {
    let current: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM score c
         JOIN board b ON b.scoring_revision_id = c.scoring_revision_id
         JOIN submission s ON s.id = c.submission_id
         WHERE s.id = $1 AND b.challenge = s.challenge AND b.phase = s.phase AND b.task = s.task",
    )
    .bind(record.submission.id.0)
    .fetch_one(&mut **tx)
    .await?;
    Ok(current > 0)
}
