//! Evaluation revisions and scores: immutable, corrected only by new rows.

use serde_json::Value;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::submission::{SubmissionRecord, read as read_submission};
use super::{Result, Store, next_number, row};
use crate::model::{Board, Digest, Score, SubmissionId, Timestamp};

/// What a score means: scorer image, truth, cases, metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluationRevision {
    /// Row.
    pub id: i64,
    /// Digest of the definition.
    pub digest: Digest,
    /// Scorer image, truth digest, cases and metrics, as JSON.
    pub definition: Value,
}

/// A score and the submission that has it.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRecord {
    /// The submission.
    pub submission: SubmissionRecord,
    /// The score.
    pub score: Score,
    /// When it was found.
    pub created_at: Timestamp,
}

fn read_revision(row: &AnyRow) -> Result<EvaluationRevision> {
    Ok(EvaluationRevision {
        id: row.try_get("id")?,
        digest: row::text(row, "digest")?,
        definition: row::json(row, "definition")?,
    })
}

impl Store {
    /// Puts a revision of a board, or finds the same one, and points the board to it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_revision(
        &self,
        board: &Board,
        definition: &Value,
        now: Timestamp,
    ) -> Result<EvaluationRevision> {
        let text = definition.to_string();
        let digest = Digest::of(text.as_bytes());
        let mut tx = self.begin().await?;
        let id = next_number(&mut tx, "evaluation_revision").await?;
        sqlx::query(
            "INSERT INTO evaluation_revision
               (id, challenge, phase, task, digest, definition, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (challenge, phase, task, digest) DO NOTHING",
        )
        .bind(id)
        .bind(board.challenge.as_str())
        .bind(board.phase.as_str())
        .bind(board.task.as_str())
        .bind(digest.as_str())
        .bind(text)
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        let id: i64 = sqlx::query_scalar(
            "SELECT id FROM evaluation_revision
             WHERE challenge = $1 AND phase = $2 AND task = $3 AND digest = $4",
        )
        .bind(board.challenge.as_str())
        .bind(board.phase.as_str())
        .bind(board.task.as_str())
        .bind(digest.as_str())
        .fetch_one(&mut *tx)
        .await?;
        sqlx::query(
            "INSERT INTO board (challenge, phase, task, revision_id, pointed_at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (challenge, phase, task) DO UPDATE
             SET revision_id = excluded.revision_id, pointed_at = excluded.pointed_at
             WHERE board.revision_id <> excluded.revision_id",
        )
        .bind(board.challenge.as_str())
        .bind(board.phase.as_str())
        .bind(board.task.as_str())
        .bind(id)
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(EvaluationRevision {
            id,
            digest,
            definition: definition.clone(),
        })
    }

    /// The revision that a board points to: the one that was put last.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn current_revision(&self, board: &Board) -> Result<Option<EvaluationRevision>> {
        sqlx::query(
            "SELECT r.id, r.digest, r.definition
             FROM board b JOIN evaluation_revision r ON r.id = b.revision_id
             WHERE b.challenge = $1 AND b.phase = $2 AND b.task = $3",
        )
        .bind(board.challenge.as_str())
        .bind(board.phase.as_str())
        .bind(board.task.as_str())
        .fetch_optional(&self.reads)
        .await?
        .as_ref()
        .map(read_revision)
        .transpose()
    }

    /// A revision by its row.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revision(&self, id: i64) -> Result<Option<EvaluationRevision>> {
        sqlx::query("SELECT id, digest, definition FROM evaluation_revision WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.reads)
            .await?
            .as_ref()
            .map(read_revision)
            .transpose()
    }

    /// All scores of a revision whose submissions stand, in the order of their submissions.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn scores(&self, revision: i64) -> Result<Vec<ScoreRecord>> {
        sqlx::query(
            "SELECT s.*, o.repository_id, o.sha, o.full_ref, o.observed_at,
                    c.score, c.created_at AS scored_at
             FROM score c JOIN submission s ON s.id = c.submission_id
             JOIN source o ON o.id = s.source_id
             WHERE c.revision_id = $1 AND s.outcome = 'scored' ORDER BY s.number",
        )
        .bind(revision)
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(|r| {
            Ok(ScoreRecord {
                submission: read_submission(r)?,
                score: row::json(r, "score")?,
                created_at: row::moment(r, "scored_at")?,
            })
        })
        .collect()
    }

    /// The newest score of a submission.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn score_of(&self, submission: SubmissionId) -> Result<Option<Score>> {
        sqlx::query("SELECT score FROM score WHERE submission_id = $1 ORDER BY id DESC LIMIT 1")
            .bind(submission.0)
            .fetch_optional(&self.reads)
            .await?
            .map(|r| row::json(&r, "score"))
            .transpose()
    }
}
