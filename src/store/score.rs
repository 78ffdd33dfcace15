//! Scoring revisions and scores.
//!
//! Neither is ever changed. A correction is a new row.

use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::row::{BindBoard as _, ReadRows as _};
use super::submission::{SubmissionRecord, read as read_submission};
use super::{Result, Store, next_number, row};
use crate::model::{Board, Digest, Score, SubmissionId, Timestamp};

/// The meaning of a board's scores.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoringRevision {
    /// Row.
    pub id: i64,
    /// Digest of the definition.
    pub digest: Digest,
    /// A [`crate::model::Definition`] as JSON.
    pub definition: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRecord {
    pub submission: SubmissionRecord,
    pub score: Score,
    pub created_at: Timestamp,
}

fn read_revision(row: &AnyRow) -> Result<ScoringRevision> {
    Ok(ScoringRevision {
        id: row.try_get("id")?,
        digest: row::text(row, "digest")?,
        definition: row::json(row, "definition")?,
    })
}

/// Adds a scoring revision, unless the board has one with the same definition. Returns its row.
pub(super) async fn put_revision(
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
    .bind_board(board)
    .bind(digest.as_str())
    .bind(text)
    .bind(now.0)
    .execute(&mut **tx)
    .await?;
    Ok(sqlx::query_scalar(
        "SELECT id FROM scoring_revision
         WHERE challenge = $1 AND phase = $2 AND task = $3 AND digest = $4",
    )
    .bind_board(board)
    .bind(digest.as_str())
    .fetch_one(&mut **tx)
    .await?)
}

/// Makes a scoring revision the current one of its board.
pub(super) async fn set_current_revision(
    tx: &mut Transaction<'static, Any>,
    board: &Board,
    revision: i64,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "UPDATE board SET scoring_revision_id = $4, current_since = $5
         WHERE challenge = $1 AND phase = $2 AND task = $3",
    )
    .bind_board(board)
    .bind(revision)
    .bind(now.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Store {
    /// The definitions of all current scoring revisions and of all open rescores. `None` means a rescore whose
    /// definition is not known yet.
    pub async fn definitions_in_use(&self) -> Result<Vec<Option<Value>>> {
        sqlx::query(
            "SELECT v.definition AS definition FROM board b
               JOIN scoring_revision v ON v.id = b.scoring_revision_id
             UNION ALL
             SELECT definition FROM rescore WHERE state IN ('preparing', 'running', 'ready')",
        )
        .read_all(&self.reads, |found| row::optional_json(found, "definition"))
        .await
    }

    /// Adds a scoring revision to a board, unless the board has one with the same definition. The first one becomes
    /// the current one. After that, only [`Store::apply_rescore`] changes the current one.
    pub async fn put_scoring_revision(
        &self,
        board: &Board,
        definition: &Value,
        now: Timestamp,
    ) -> Result<ScoringRevision> {
        let mut tx = self.begin().await?;
        let id = put_revision(&mut tx, board, definition, now).await?;
        sqlx::query(
            "INSERT INTO board (challenge, phase, task, scoring_revision_id, current_since)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (challenge, phase, task) DO NOTHING",
        )
        .bind_board(board)
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

    /// The current scoring revision of a board. `None` before the first score.
    pub async fn current_scoring_revision(&self, board: &Board) -> Result<Option<ScoringRevision>> {
        sqlx::query(
            "SELECT r.id, r.digest, r.definition
             FROM board b JOIN scoring_revision r ON r.id = b.scoring_revision_id
             WHERE b.challenge = $1 AND b.phase = $2 AND b.task = $3",
        )
        .bind_board(board)
        .read_optional(&self.reads, read_revision)
        .await
    }

    /// A scoring revision by its row.
    pub async fn scoring_revision(&self, id: i64) -> Result<Option<ScoringRevision>> {
        sqlx::query("SELECT id, digest, definition FROM scoring_revision WHERE id = $1")
            .bind(id)
            .read_optional(&self.reads, read_revision)
            .await
    }

    /// The scores of a scoring revision, of all submissions whose outcome is `scored`, in the order of their numbers.
    pub async fn scores(&self, revision: i64) -> Result<Vec<ScoreRecord>> {
        sqlx::query(
            "SELECT s.*, o.repository_id, o.sha, o.full_ref, o.observed_at,
                    c.score, c.created_at AS scored_at
             FROM score c JOIN submission s ON s.id = c.submission_id
             JOIN source o ON o.id = s.source_id
             WHERE c.scoring_revision_id = $1 AND s.outcome = 'scored' ORDER BY s.number",
        )
        .bind(revision)
        .read_all(&self.reads, |r| {
            Ok(ScoreRecord {
                submission: read_submission(r)?,
                score: row::json(r, "score")?,
                created_at: row::timestamp(r, "scored_at")?,
            })
        })
        .await
    }

    /// The score of a submission under the current scoring revision of its board. Without one, its newest score.
    pub async fn score_of(&self, submission: SubmissionId) -> Result<Option<Score>> {
        sqlx::query(
            "SELECT c.score FROM score c JOIN submission s ON s.id = c.submission_id
             LEFT JOIN board b ON b.challenge = s.challenge AND b.phase = s.phase
               AND b.task = s.task AND b.scoring_revision_id = c.scoring_revision_id
             WHERE c.submission_id = $1
             ORDER BY CASE WHEN b.scoring_revision_id IS NULL THEN 1 ELSE 0 END, c.id DESC LIMIT 1",
        )
        .bind(submission.0)
        .read_optional(&self.reads, |r| row::json(r, "score"))
        .await
    }
}
