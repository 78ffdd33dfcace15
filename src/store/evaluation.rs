//! Evaluation revisions and scores: immutable, corrected only by new rows.

use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::submission::{SubmissionRecord, read as read_submission};
use super::{Result, Store, next_number, row};
use crate::model::{Board, Digest, Score, SubmissionId, Timestamp};

/// What a score means: scorer image, truth, cases, metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoringRevision {
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

fn read_revision(row: &AnyRow) -> Result<ScoringRevision> {
    Ok(ScoringRevision {
        id: row.try_get("id")?,
        digest: row::text(row, "digest")?,
        definition: row::json(row, "definition")?,
    })
}

/// Puts a revision, or finds the same one; its row.
pub(super) async fn put(
    tx: &mut Transaction<'static, Any>,
    board: &Board,
    definition: &Value,
    now: Timestamp,
) -> Result<i64> {
    let text = definition.to_string();
    let digest = Digest::of(text.as_bytes());
    let id = next_number(tx, "scoring_revision").await?;
    sqlx::query(
        "INSERT INTO scoring_revision
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
    .execute(&mut **tx)
    .await?;
    Ok(sqlx::query_scalar(
        "SELECT id FROM scoring_revision
         WHERE challenge = $1 AND phase = $2 AND task = $3 AND digest = $4",
    )
    .bind(board.challenge.as_str())
    .bind(board.phase.as_str())
    .bind(board.task.as_str())
    .bind(digest.as_str())
    .fetch_one(&mut **tx)
    .await?)
}

/// Points a board to a revision.
pub(super) async fn point(
    tx: &mut Transaction<'static, Any>,
    board: &Board,
    revision: i64,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "UPDATE board SET scoring_revision_id = $1, current_since = $2
         WHERE challenge = $3 AND phase = $4 AND task = $5",
    )
    .bind(revision)
    .bind(now.0)
    .bind(board.challenge.as_str())
    .bind(board.phase.as_str())
    .bind(board.task.as_str())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Store {
    /// The definitions that count: of the revisions that boards point to, and of rescores that are
    /// neither applied nor given up; none for one that is still prepared.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn definitions_in_use(&self) -> Result<Vec<Option<Value>>> {
        sqlx::query(
            "SELECT v.definition AS definition FROM board b
               JOIN scoring_revision v ON v.id = b.scoring_revision_id
             UNION ALL
             SELECT definition FROM rescore WHERE state IN ('preparing', 'running', 'ready')",
        )
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(|found| row::optional_json(found, "definition"))
        .collect()
    }

    /// Puts a revision of a board, or finds the same one. A board without a revision is pointed to
    /// it; one that has another keeps it: only [`Store::apply_rescore`] moves a board.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_revision(
        &self,
        board: &Board,
        definition: &Value,
        now: Timestamp,
    ) -> Result<ScoringRevision> {
        let mut tx = self.begin().await?;
        let id = put(&mut tx, board, definition, now).await?;
        sqlx::query(
            "INSERT INTO board (challenge, phase, task, scoring_revision_id, current_since)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (challenge, phase, task) DO NOTHING",
        )
        .bind(board.challenge.as_str())
        .bind(board.phase.as_str())
        .bind(board.task.as_str())
        .bind(id)
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(ScoringRevision {
            id,
            digest: Digest::of(definition.to_string().as_bytes()),
            definition: definition.clone(),
        })
    }

    /// The revision that a board points to.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn current_revision(&self, board: &Board) -> Result<Option<ScoringRevision>> {
        sqlx::query(
            "SELECT r.id, r.digest, r.definition
             FROM board b JOIN scoring_revision r ON r.id = b.scoring_revision_id
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
    pub async fn revision(&self, id: i64) -> Result<Option<ScoringRevision>> {
        sqlx::query("SELECT id, digest, definition FROM scoring_revision WHERE id = $1")
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
             WHERE c.scoring_revision_id = $1 AND s.outcome = 'scored' ORDER BY s.number",
        )
        .bind(revision)
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(|r| {
            Ok(ScoreRecord {
                submission: read_submission(r)?,
                score: row::json(r, "score")?,
                created_at: row::timestamp(r, "scored_at")?,
            })
        })
        .collect()
    }

    /// The score of a submission under its board's revision; without one the newest.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn score_of(&self, submission: SubmissionId) -> Result<Option<Score>> {
        sqlx::query(
            "SELECT c.score FROM score c JOIN submission s ON s.id = c.submission_id
             LEFT JOIN board b ON b.challenge = s.challenge AND b.phase = s.phase
               AND b.task = s.task AND b.scoring_revision_id = c.scoring_revision_id
             WHERE c.submission_id = $1
             ORDER BY CASE WHEN b.scoring_revision_id IS NULL THEN 1 ELSE 0 END, c.id DESC LIMIT 1",
        )
        .bind(submission.0)
        .fetch_optional(&self.reads)
        .await?
        .map(|r| row::json(&r, "score"))
        .transpose()
    }
}
