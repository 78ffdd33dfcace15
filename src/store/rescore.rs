//! Rescores: all scores of a board, made again under another definition.
//!
//! A rescore is requested, worked on (see `rescore_work`), and then applied or discarded. Only applying it changes the
//! board.

use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};
use strum::{EnumString, IntoStaticStr};

use super::audit::append;
use super::row::{BindBoard as _, ReadRows as _};
use super::{
    Change, CommandEffects, NewAuditEntry, Result, Store, StoreError, SubmissionRecord, next_number, row, score,
    submission,
};
use crate::model::{Board, Score, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum RescoreState {
    /// A worker builds the scorer and reads the ground truth.
    Preparing,
    /// Workers score the predictions.
    Running,
    /// All predictions are scored. The rescore can be applied.
    Ready,
    /// The new scores are on the board.
    Applied,
    /// An organizer discarded it, or the board got another scoring revision in the meantime.
    Discarded,
    /// It is impossible. `problem` holds the reason.
    Failed,
}

impl RescoreState {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    pub fn is_open(self) -> bool {
        matches!(self, Self::Preparing | Self::Running | Self::Ready)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Rescore {
    /// Row.
    pub id: i64,
    pub board: Board,
    /// The current scoring revision of the board when the rescore was requested.
    pub from_revision: i64,
    /// Definition of the new scoring revision. `None` while the rescore is being prepared.
    pub definition: Option<Value>,
    pub state: RescoreState,
    /// The reason why it failed or was discarded.
    pub problem: Option<String>,
    pub requested_by: String,
    /// How often a worker began to prepare it.
    pub attempts: i64,
    pub created_at: Timestamp,
}

/// One submission of a rescore.
#[derive(Debug, Clone, PartialEq)]
pub struct RescoreItem {
    pub submission: SubmissionRecord,
    /// The new score. `None` before the submission is scored again, or if that failed.
    pub score: Option<Score>,
    /// The reason why scoring it failed.
    pub problem: Option<String>,
    /// When it was scored again.
    pub ended_at: Option<Timestamp>,
}

/// The result of applying a rescore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplyResult {
    Applied {
        /// The scoring revision that is current now.
        revision: i64,
        /// The number of scores under it.
        scores: usize,
    },
    /// Scored submissions of the board have no new score yet. Nothing was changed.
    NotReady {
        /// Submissions with a new score.
        done: usize,
        /// All scored submissions.
        all: usize,
    },
    /// The board got another scoring revision in the meantime. The rescore is discarded.
    Outdated,
}

pub(super) fn read(row: &AnyRow) -> Result<Rescore> {
    Ok(Rescore {
        id: row.try_get("id")?,
        board: Board {
            challenge: row::text(row, "challenge")?,
            phase: row::text(row, "phase")?,
            task: row::text(row, "task")?,
        },
        from_revision: row.try_get("from_scoring_revision_id")?,
        definition: row::optional_json(row, "definition")?,
        state: row::word(row, "state")?,
        problem: row.try_get("problem")?,
        requested_by: row.try_get("requested_by")?,
        attempts: row.try_get("attempts")?,
        created_at: row::timestamp(row, "created_at")?,
    })
}

pub(super) type Write = Transaction<'static, Any>;

impl Store {
    /// Requests that all scores of a board are made again. Returns the row of the rescore.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the board has no scoring revision, or has an open rescore.
    pub async fn request_rescore(&self, board: &Board, audit: &NewAuditEntry, now: Timestamp) -> Result<i64> {
        let mut tx = self.begin().await?;
        let id = next_number(&mut tx, "rescore").await?;
        let requested = sqlx::query(
            "INSERT INTO rescore (id, challenge, phase, task, from_scoring_revision_id, state, requested_by,
                                  owner, lease_until, attempts, created_at)
             SELECT $1, b.challenge, b.phase, b.task, b.scoring_revision_id, 'preparing', $2, '', 0, 0, $3
             FROM board b WHERE b.challenge = $4 AND b.phase = $5 AND b.task = $6
             ON CONFLICT DO NOTHING",
        )
        .bind(id)
        .bind(&audit.actor)
        .bind(now.0)
        .bind_board(board)
        .execute(&mut *tx)
        .await?;
        if requested.rows_affected() != 1 {
            return Err(StoreError::Stale);
        }
        append(&mut tx, audit, now).await?;
        tx.commit().await?;
        self.notify(Change::Board(board.clone()));
        Ok(id)
    }

    /// The newest rescore of a board.
    pub async fn rescore_of(&self, board: &Board) -> Result<Option<Rescore>> {
        sqlx::query(
            "SELECT * FROM rescore WHERE challenge = $1 AND phase = $2 AND task = $3
             ORDER BY id DESC LIMIT 1",
        )
        .bind_board(board)
        .read_optional(&self.reads, read)
        .await
    }

    /// All submissions of a rescore, in the order of their numbers.
    pub async fn rescore_items(&self, id: i64) -> Result<Vec<RescoreItem>> {
        sqlx::query(
            "SELECT s.*, o.repository_id, o.sha, o.full_ref, o.observed_at,
                    i.score, i.problem, i.ended_at AS rescored_at
             FROM rescore_item i JOIN submission s ON s.id = i.submission_id
             JOIN source o ON o.id = s.source_id
             WHERE i.rescore_id = $1 AND s.outcome = 'scored' ORDER BY s.number",
        )
        .bind(id)
        .read_all(&self.reads, |r| {
            Ok(RescoreItem {
                submission: submission::read(r)?,
                score: row::optional_json(r, "score")?,
                problem: r.try_get("problem")?,
                ended_at: row::optional_timestamp(r, "rescored_at")?,
            })
        })
        .await
    }

    /// Applies a rescore in one transaction: adds the scoring revision and its scores, and makes it the current one.
    /// If a submission was scored in the meantime, the board does not change, so that no submission loses its rank.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the rescore is not open.
    pub async fn apply_rescore(&self, id: i64, effects: CommandEffects<'_>, now: Timestamp) -> Result<ApplyResult> {
        let mut tx = self.begin().await?;
        let rescore = by_id(&mut tx, id).await?;
        if !rescore.state.is_open() {
            return Err(StoreError::Stale);
        }
        if current_revision(&mut tx, &rescore.board).await? != Some(rescore.from_revision) {
            let problem = "the leaderboard got another scoring revision in the meantime";
            close(&mut tx, id, RescoreState::Discarded, Some(problem), now).await?;
            tx.commit().await?;
            return Ok(ApplyResult::Outdated);
        }
        let (done, all) = progress(&mut tx, &rescore).await?;
        let (Some(definition), true) = (&rescore.definition, done == all) else {
            return Ok(ApplyResult::NotReady { done, all });
        };
        let revision = score::put_revision(&mut tx, &rescore.board, definition, now).await?;
        insert_scores(&mut tx, &rescore, revision, now).await?;
        score::set_current_revision(&mut tx, &rescore.board, revision, now).await?;
        close(&mut tx, id, RescoreState::Applied, None, now).await?;
        effects.write(&mut tx, now).await?;
        tx.commit().await?;
        self.notify(Change::Board(rescore.board));
        self.notify(Change::Outbox);
        Ok(ApplyResult::Applied { revision, scores: done })
    }

    /// Discards a rescore. The board does not change.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the rescore is not open.
    pub async fn discard_rescore(&self, id: i64, audit: &NewAuditEntry, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        let rescore = close(&mut tx, id, RescoreState::Discarded, None, now).await?;
        append(&mut tx, audit, now).await?;
        tx.commit().await?;
        self.notify(Change::Board(rescore.board));
        Ok(())
    }
}

pub(super) async fn by_id(tx: &mut Write, id: i64) -> Result<Rescore> {
    let found = sqlx::query("SELECT * FROM rescore WHERE id = $1").bind(id).fetch_one(&mut **tx).await?;
    read(&found)
}

/// Ends an open rescore.
pub(super) async fn close(
    tx: &mut Write,
    id: i64,
    state: RescoreState,
    problem: Option<&str>,
    now: Timestamp,
) -> Result<Rescore> {
    let closed = sqlx::query(
        "UPDATE rescore SET state = $1, problem = $2, ended_at = $3
         WHERE id = $4 AND state IN ('preparing', 'running', 'ready') RETURNING *",
    )
    .bind(state.as_str())
    .bind(problem.map(row::without_nul))
    .bind(now.0)
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    closed.as_ref().map_or(Err(StoreError::Stale), read)
}

async fn current_revision(tx: &mut Write, board: &Board) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar("SELECT scoring_revision_id FROM board WHERE challenge = $1 AND phase = $2 AND task = $3")
        .bind_board(board)
        .fetch_optional(&mut **tx)
        .await?)
}

/// The number of scored submissions of the board with a new score, and of all scored submissions.
pub(super) async fn progress(tx: &mut Write, rescore: &Rescore) -> Result<(usize, usize)> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS all_of_them, COUNT(i.submission_id) AS done
         FROM submission s LEFT JOIN rescore_item i
           ON i.submission_id = s.id AND i.rescore_id = $1 AND i.state = 'done'
         WHERE s.challenge = $2 AND s.phase = $3 AND s.task = $4 AND s.outcome = 'scored'",
    )
    .bind(rescore.id)
    .bind_board(&rescore.board)
    .fetch_one(&mut **tx)
    .await?;
    let count = |column| -> Result<usize> {
        let n: i64 = row.try_get(column)?;
        Ok(usize::try_from(n).unwrap_or(0))
    };
    Ok((count("done")?, count("all_of_them")?))
}

/// Inserts the new scores. If the scoring revision existed before, its scores stay: a score is never changed.
async fn insert_scores(tx: &mut Write, rescore: &Rescore, revision: i64, now: Timestamp) -> Result<()> {
    let items = sqlx::query(
        "SELECT i.submission_id, i.score,
                (SELECT MAX(c.attempt_id) FROM score c WHERE c.submission_id = i.submission_id)
                  AS attempt_id
         FROM rescore_item i JOIN submission s ON s.id = i.submission_id
         WHERE i.rescore_id = $1 AND i.state = 'done' AND s.outcome = 'scored'
         ORDER BY i.submission_id",
    )
    .bind(rescore.id)
    .fetch_all(&mut **tx)
    .await?;
    for item in items {
        let id = next_number(tx, "score").await?;
        sqlx::query(
            "INSERT INTO score (id, submission_id, scoring_revision_id, attempt_id, score, created_at,
                                rescore_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (submission_id, scoring_revision_id) DO NOTHING",
        )
        .bind(id)
        .bind(item.try_get::<i64, _>("submission_id")?)
        .bind(revision)
        .bind(item.try_get::<i64, _>("attempt_id")?)
        .bind(item.try_get::<String, _>("score")?)
        .bind(now.0)
        .bind(rescore.id)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}
