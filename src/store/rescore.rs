//! Rescores: the scores of a board made again under another revision, and the moment at which the
//! board turns to it. The work in between is `replay`.

use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::audit::append;
use super::{Change, NewAuditEntry, Result, Store, StoreError, SubmissionRecord, next_number, row};
use crate::model::{Board, Score, Timestamp};

/// How far a rescore is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RescoreState {
    /// The scorer is built, the truth is read.
    Preparing,
    /// Predictions are scored.
    Running,
    /// All are scored; it can be applied.
    Ready,
    /// The board has turned to it.
    Applied,
    /// Given up by order, or because the board has turned elsewhere.
    Discarded,
    /// It cannot be done; the problem says why.
    Failed,
}

impl RescoreState {
    const ALL: [Self; 6] = [
        Self::Preparing,
        Self::Running,
        Self::Ready,
        Self::Applied,
        Self::Discarded,
        Self::Failed,
    ];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Running => "running",
            Self::Ready => "ready",
            Self::Applied => "applied",
            Self::Discarded => "discarded",
            Self::Failed => "failed",
        }
    }

    /// Whether it is neither applied nor given up.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Preparing | Self::Running | Self::Ready)
    }
}

/// A rescore.
#[derive(Debug, Clone, PartialEq)]
pub struct Rescore {
    /// Row.
    pub id: i64,
    /// Of this board.
    pub board: Board,
    /// The board's revision when it was asked for.
    pub from_revision: i64,
    /// Of the revision to be; none while it is prepared.
    pub definition: Option<Value>,
    /// How far it is.
    pub state: RescoreState,
    /// Why it failed or was given up.
    pub problem: Option<String>,
    /// Who asked for it.
    pub requested_by: String,
    /// How often it was prepared.
    pub attempts: i64,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// How one submission of a rescore stands.
#[derive(Debug, Clone, PartialEq)]
pub struct RescoreItem {
    /// The submission.
    pub submission: SubmissionRecord,
    /// Its new score, once there is one.
    pub score: Option<Score>,
    /// Why there is none.
    pub problem: Option<String>,
    /// When it was scored.
    pub ended_at: Option<Timestamp>,
}

/// What applying a rescore met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The board points to this revision now; so many scores were entered.
    Done {
        /// The revision.
        revision: i64,
        /// Scores under it.
        scores: usize,
    },
    /// Scored submissions of the board have no new score yet. Nothing was changed.
    NotReady {
        /// With a new score.
        done: usize,
        /// In all.
        all: usize,
    },
    /// The board has turned to another revision since; the rescore is discarded.
    Outdated,
}

pub(super) fn read(row: &AnyRow) -> Result<Rescore> {
    let state: String = row.try_get("state")?;
    Ok(Rescore {
        id: row.try_get("id")?,
        board: Board {
            challenge: row::text(row, "challenge")?,
            phase: row::text(row, "phase")?,
            task: row::text(row, "task")?,
        },
        from_revision: row.try_get("from_scoring_revision_id")?,
        definition: row::optional_json(row, "definition")?,
        state: RescoreState::ALL
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or(StoreError::Corrupt {
                what: "state of a rescore",
                value: state,
            })?,
        problem: row.try_get("problem")?,
        requested_by: row.try_get("requested_by")?,
        attempts: row.try_get("attempts")?,
        created_at: row::timestamp(row, "created_at")?,
    })
}

pub(super) type Write = Transaction<'static, Any>;

impl Store {
    /// Asks for the scores of a board to be made again.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the board has no revision, or a rescore that is open.
    pub async fn request_rescore(
        &self,
        board: &Board,
        audit: &NewAuditEntry,
        now: Timestamp,
    ) -> Result<i64> {
        let mut tx = self.begin().await?;
        let id = next_number(&mut tx, "rescore").await?;
        let asked = sqlx::query(
            "INSERT INTO rescore (id, challenge, phase, task, from_scoring_revision_id, state, requested_by,
                                  owner, lease_until, attempts, created_at)
             SELECT $1, b.challenge, b.phase, b.task, b.scoring_revision_id, 'preparing', $2, '', 0, 0, $3
             FROM board b WHERE b.challenge = $4 AND b.phase = $5 AND b.task = $6
             ON CONFLICT DO NOTHING",
        )
        .bind(id)
        .bind(&audit.actor)
        .bind(now.0)
        .bind(board.challenge.as_str())
        .bind(board.phase.as_str())
        .bind(board.task.as_str())
        .execute(&mut *tx)
        .await?;
        if asked.rows_affected() != 1 {
            return Err(StoreError::Stale);
        }
        append(&mut tx, audit, now).await?;
        tx.commit().await?;
        self.notify(Change::Board(board.clone()));
        Ok(id)
    }

    /// The newest rescore of a board.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rescore_of(&self, board: &Board) -> Result<Option<Rescore>> {
        sqlx::query(
            "SELECT * FROM rescore WHERE challenge = $1 AND phase = $2 AND task = $3
             ORDER BY id DESC LIMIT 1",
        )
        .bind(board.challenge.as_str())
        .bind(board.phase.as_str())
        .bind(board.task.as_str())
        .fetch_optional(&self.reads)
        .await?
        .as_ref()
        .map(read)
        .transpose()
    }

    /// All submissions of a rescore, in their order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rescore_items(&self, id: i64) -> Result<Vec<RescoreItem>> {
        sqlx::query(
            "SELECT s.*, o.repository_id, o.sha, o.full_ref, o.observed_at,
                    i.score, i.problem, i.ended_at AS rescored_at
             FROM rescore_item i JOIN submission s ON s.id = i.submission_id
             JOIN source o ON o.id = s.source_id
             WHERE i.rescore_id = $1 AND s.outcome = 'scored' ORDER BY s.number",
        )
        .bind(id)
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(|r| {
            Ok(RescoreItem {
                submission: super::submission::read(r)?,
                score: row::optional_json(r, "score")?,
                problem: r.try_get("problem")?,
                ended_at: row::optional_timestamp(r, "rescored_at")?,
            })
        })
        .collect()
    }

    /// Turns a board to its rescore: the revision, the scores and the pointer, all or nothing. A
    /// submission that was scored meanwhile keeps the board where it is, so that none is lost.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the rescore is not open.
    pub async fn apply_rescore(
        &self,
        id: i64,
        audit: &NewAuditEntry,
        reports: &[super::NewOutboxMessage],
        now: Timestamp,
    ) -> Result<Applied> {
        let mut tx = self.begin().await?;
        let rescore = by_id(&mut tx, id).await?;
        if !rescore.state.is_open() {
            return Err(StoreError::Stale);
        }
        if pointer(&mut tx, &rescore.board).await? != Some(rescore.from_revision) {
            let why = "the board was given another revision meanwhile";
            close(&mut tx, id, ("discarded", Some(why)), now).await?;
            tx.commit().await?;
            return Ok(Applied::Outdated);
        }
        let (done, all) = progress(&mut tx, &rescore).await?;
        let (Some(definition), true) = (&rescore.definition, done == all) else {
            return Ok(Applied::NotReady { done, all });
        };
        let revision = super::evaluation::put(&mut tx, &rescore.board, definition, now).await?;
        enter_scores(&mut tx, &rescore, revision, now).await?;
        super::evaluation::point(&mut tx, &rescore.board, revision, now).await?;
        close(&mut tx, id, ("applied", None), now).await?;
        append(&mut tx, audit, now).await?;
        for report in reports {
            super::outbox::put(&mut tx, report, now).await?;
        }
        tx.commit().await?;
        self.notify(Change::Board(rescore.board));
        self.notify(Change::Outbox);
        Ok(Applied::Done {
            revision,
            scores: done,
        })
    }

    /// Gives a rescore up. The board stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it is not open.
    pub async fn discard_rescore(
        &self,
        id: i64,
        audit: &NewAuditEntry,
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let rescore = close(&mut tx, id, ("discarded", None), now).await?;
        append(&mut tx, audit, now).await?;
        tx.commit().await?;
        self.notify(Change::Board(rescore.board));
        Ok(())
    }
}

pub(super) async fn by_id(tx: &mut Write, id: i64) -> Result<Rescore> {
    let found = sqlx::query("SELECT * FROM rescore WHERE id = $1")
        .bind(id)
        .fetch_one(&mut **tx)
        .await?;
    read(&found)
}

pub(super) async fn close(
    tx: &mut Write,
    id: i64,
    (state, problem): (&str, Option<&str>),
    now: Timestamp,
) -> Result<Rescore> {
    let closed = sqlx::query(
        "UPDATE rescore SET state = $1, problem = $2, ended_at = $3
         WHERE id = $4 AND state IN ('preparing', 'running', 'ready') RETURNING *",
    )
    .bind(state)
    .bind(problem.map(|p| p.replace('\0', " ")))
    .bind(now.0)
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    closed.as_ref().map_or(Err(StoreError::Stale), read)
}

async fn pointer(tx: &mut Write, board: &Board) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar(
        "SELECT scoring_revision_id FROM board WHERE challenge = $1 AND phase = $2 AND task = $3",
    )
    .bind(board.challenge.as_str())
    .bind(board.phase.as_str())
    .bind(board.task.as_str())
    .fetch_optional(&mut **tx)
    .await?)
}

/// Scored submissions of the board with a new score, and all of them.
pub(super) async fn progress(tx: &mut Write, rescore: &Rescore) -> Result<(usize, usize)> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS all_of_them, COUNT(i.submission_id) AS done
         FROM submission s LEFT JOIN rescore_item i
           ON i.submission_id = s.id AND i.rescore_id = $1 AND i.state = 'done'
         WHERE s.challenge = $2 AND s.phase = $3 AND s.task = $4 AND s.outcome = 'scored'",
    )
    .bind(rescore.id)
    .bind(rescore.board.challenge.as_str())
    .bind(rescore.board.phase.as_str())
    .bind(rescore.board.task.as_str())
    .fetch_one(&mut **tx)
    .await?;
    let count = |column| -> Result<usize> {
        let n: i64 = row.try_get(column)?;
        Ok(usize::try_from(n).unwrap_or(0))
    };
    Ok((count("done")?, count("all_of_them")?))
}

/// Scores of a revision that exists already stand: a score is never changed.
async fn enter_scores(
    tx: &mut Write,
    rescore: &Rescore,
    revision: i64,
    now: Timestamp,
) -> Result<()> {
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
