//! Rescores: the scores of a board made again under another revision, and the moment at which the
//! board turns to it.
//!
//! Preparing and scoring are leased like attempts: claimed, renewed, and ended only by their owner.
//! The owner is one start of the daemon, so what an earlier start held is free at once.

use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::ledger::append;
use super::submission::record as submission_record;
use super::{Change, LedgerPut, Result, Store, StoreError, SubmissionRecord, next_number, row};
use crate::model::{Board, Score, SubmissionId, Timestamp, limits};

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
    pub tries: i64,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// Proof that a worker prepares a rescore, or scores one submission of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RescoreLease {
    /// The rescore.
    pub rescore: i64,
    /// The submission; none while the rescore is prepared.
    pub submission: Option<SubmissionId>,
    /// Of this start of the daemon.
    pub owner: String,
    /// 1 for the first try.
    pub tries: i64,
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

/// How one try of an item ended.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemEnd {
    /// With this score.
    Scored(Box<Score>),
    /// With a fault of the scorer or its report: the rescore cannot be applied.
    Failed(String),
    /// With a fault of ours: again, not before this moment.
    Again(Timestamp),
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

fn read(row: &AnyRow) -> Result<Rescore> {
    let state: String = row.try_get("state")?;
    Ok(Rescore {
        id: row.try_get("id")?,
        board: Board {
            challenge: row::text(row, "challenge")?,
            phase: row::text(row, "phase")?,
            task: row::text(row, "task")?,
        },
        from_revision: row.try_get("from_revision")?,
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
        tries: row.try_get("tries")?,
        created_at: row::moment(row, "created_at")?,
    })
}

type Write = Transaction<'static, Any>;

impl Store {
    /// Asks for the scores of a board to be made again.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the board has no revision, or a rescore that is open.
    pub async fn request_rescore(
        &self,
        board: &Board,
        ledger: &LedgerPut,
        now: Timestamp,
    ) -> Result<i64> {
        let mut tx = self.begin().await?;
        let id = next_number(&mut tx, "rescore").await?;
        let asked = sqlx::query(
            "INSERT INTO rescore (id, challenge, phase, task, from_revision, state, requested_by,
                                  owner, lease_until, tries, created_at)
             SELECT $1, b.challenge, b.phase, b.task, b.revision_id, 'preparing', $2, '', 0, 0, $3
             FROM board b WHERE b.challenge = $4 AND b.phase = $5 AND b.task = $6
             ON CONFLICT DO NOTHING",
        )
        .bind(id)
        .bind(&ledger.actor)
        .bind(now.0)
        .bind(board.challenge.as_str())
        .bind(board.phase.as_str())
        .bind(board.task.as_str())
        .execute(&mut *tx)
        .await?;
        if asked.rows_affected() != 1 {
            return Err(StoreError::Stale);
        }
        append(&mut tx, ledger, now).await?;
        tx.commit().await?;
        self.tell(Change::Board(board.clone()));
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

    /// Claims a rescore that is to be prepared and that nobody prepares.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_rescore(
        &self,
        owner: &str,
        now: Timestamp,
    ) -> Result<Option<(Rescore, RescoreLease)>> {
        if !self.rescores_open().await? {
            return Ok(None);
        }
        let mut tx = self.begin().await?;
        let claimed = sqlx::query(
            "UPDATE rescore SET owner = $1, lease_until = $2, tries = tries + 1
             WHERE id = (SELECT MIN(id) FROM rescore WHERE state = 'preparing'
                           AND ((owner <> $1 AND owner <> '') OR lease_until < $3))
             RETURNING *",
        )
        .bind(owner)
        .bind(now.plus(limits::LEASE_TIME).0)
        .bind(now.0)
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        let Some(rescore) = claimed.as_ref().map(read).transpose()? else {
            return Ok(None);
        };
        let lease = RescoreLease {
            rescore: rescore.id,
            submission: None,
            owner: owner.to_owned(),
            tries: rescore.tries,
        };
        Ok(Some((rescore, lease)))
    }

    /// Claims a submission that is to be scored again and that nobody scores.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_rescore_item(
        &self,
        owner: &str,
        now: Timestamp,
    ) -> Result<Option<(Rescore, SubmissionRecord, RescoreLease)>> {
        if !self.rescores_open().await? {
            return Ok(None);
        }
        let mut tx = self.begin().await?;
        let free = sqlx::query(
            "SELECT i.rescore_id, i.submission_id, i.tries
             FROM rescore_item i JOIN rescore r ON r.id = i.rescore_id
             WHERE r.state = 'running' AND i.ready_at <= $1
               AND (i.state = 'waiting'
                    OR (i.state = 'working' AND (i.owner <> $2 OR i.lease_until < $1)))
             ORDER BY i.rescore_id, i.submission_id LIMIT 1",
        )
        .bind(now.0)
        .bind(owner)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(free) = free else {
            return Ok(None);
        };
        let lease = RescoreLease {
            rescore: free.try_get("rescore_id")?,
            submission: Some(SubmissionId(free.try_get("submission_id")?)),
            owner: owner.to_owned(),
            tries: free.try_get::<i64, _>("tries")? + 1,
        };
        let id = SubmissionId(free.try_get("submission_id")?);
        sqlx::query(
            "UPDATE rescore_item SET state = 'working', owner = $1, lease_until = $2, tries = $3
             WHERE rescore_id = $4 AND submission_id = $5",
        )
        .bind(owner)
        .bind(now.plus(limits::LEASE_TIME).0)
        .bind(lease.tries)
        .bind(lease.rescore)
        .bind(id.0)
        .execute(&mut *tx)
        .await?;
        let submission = submission_record(&mut tx, id).await?;
        let rescore = by_id(&mut tx, lease.rescore).await?;
        tx.commit().await?;
        Ok(Some((rescore, submission, lease)))
    }

    /// Keeps a lease of a rescore alive.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when it is no longer ours, or the rescore is over.
    pub async fn renew_rescore(&self, lease: &RescoreLease, now: Timestamp) -> Result<()> {
        let until = now.plus(limits::LEASE_TIME).0;
        let renewed = match lease.submission {
            None => sqlx::query(
                "UPDATE rescore SET lease_until = $1
                 WHERE id = $2 AND owner = $3 AND state = 'preparing'",
            )
            .bind(until)
            .bind(lease.rescore)
            .bind(&lease.owner),
            Some(id) => sqlx::query(
                "UPDATE rescore_item SET lease_until = $1
                 WHERE rescore_id = $2 AND owner = $3 AND submission_id = $4 AND state = 'working'
                   AND (SELECT state FROM rescore WHERE id = $2) IN ('running', 'ready')",
            )
            .bind(until)
            .bind(lease.rescore)
            .bind(&lease.owner)
            .bind(id.0),
        };
        held(renewed.execute(&self.writes).await?.rows_affected(), lease)
    }

    /// A rescore is prepared: this is what its scores will mean.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when the lease is no longer ours, or the rescore is over.
    pub async fn rescore_prepared(&self, lease: &RescoreLease, definition: &Value) -> Result<()> {
        let prepared = sqlx::query(
            "UPDATE rescore SET state = 'running', definition = $1
             WHERE id = $2 AND owner = $3 AND state = 'preparing'",
        )
        .bind(definition.to_string())
        .bind(lease.rescore)
        .bind(&lease.owner)
        .execute(&self.writes)
        .await?;
        held(prepared.rows_affected(), lease)
    }

    /// A rescore could not be prepared for a fault of ours: again, not before this moment.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when the lease is no longer ours, or the rescore is over.
    pub async fn rescore_again(&self, lease: &RescoreLease, at: Timestamp) -> Result<()> {
        let put_back = sqlx::query(
            "UPDATE rescore SET owner = '', lease_until = $1
             WHERE id = $2 AND owner = $3 AND state = 'preparing'",
        )
        .bind(at.0)
        .bind(lease.rescore)
        .bind(&lease.owner)
        .execute(&self.writes)
        .await?;
        held(put_back.rows_affected(), lease)
    }

    /// A rescore cannot be done.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it is over already.
    pub async fn rescore_failed(&self, id: i64, problem: &str, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        let rescore = close(&mut tx, id, ("failed", Some(problem)), now).await?;
        tx.commit().await?;
        self.tell(Change::Board(rescore.board));
        Ok(())
    }

    /// Ends one try of a submission of a rescore.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when the lease is no longer ours, or the rescore is over.
    pub async fn finish_rescore_item(
        &self,
        lease: &RescoreLease,
        end: &ItemEnd,
        now: Timestamp,
    ) -> Result<()> {
        let (state, score, problem, ready_at) = match end {
            ItemEnd::Scored(score) => ("done", Some(row::to_json(score)?), None, now),
            ItemEnd::Failed(problem) => ("failed", None, Some(problem.replace('\0', " ")), now),
            ItemEnd::Again(at) => ("waiting", None, None, *at),
        };
        let ended_at = (state != "waiting").then_some(now.0);
        let ended = sqlx::query(
            "UPDATE rescore_item SET state = $1, score = $2, problem = $3, ready_at = $4,
                    ended_at = $5, owner = ''
             WHERE rescore_id = $6 AND submission_id = $7 AND owner = $8 AND state = 'working'
               AND (SELECT state FROM rescore WHERE id = $6) IN ('running', 'ready')",
        )
        .bind(state)
        .bind(score)
        .bind(problem)
        .bind(ready_at.0)
        .bind(ended_at)
        .bind(lease.rescore)
        .bind(lease.submission.map_or(0, |id| id.0))
        .bind(&lease.owner)
        .execute(&self.writes)
        .await?;
        held(ended.rows_affected(), lease)
    }

    /// Brings open rescores forward: takes in submissions that were scored since, and says when all
    /// are scored or one cannot be. Whether anything changed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn advance_rescores(&self, now: Timestamp) -> Result<bool> {
        if !self.rescores_open().await? {
            return Ok(false);
        }
        let mut tx = self.begin().await?;
        let open = sqlx::query("SELECT * FROM rescore WHERE state IN ('running', 'ready')")
            .fetch_all(&mut *tx)
            .await?
            .iter()
            .map(read)
            .collect::<Result<Vec<_>>>()?;
        let mut changed = Vec::new();
        for rescore in open {
            if advance(&mut tx, &rescore, now).await? {
                changed.push(rescore.board);
            }
        }
        tx.commit().await?;
        for board in &changed {
            self.tell(Change::Board(board.clone()));
        }
        Ok(!changed.is_empty())
    }

    async fn rescores_open(&self) -> Result<bool> {
        let open: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM rescore WHERE state IN ('preparing', 'running', 'ready')",
        )
        .fetch_one(&self.reads)
        .await?;
        Ok(open > 0)
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
                ended_at: row::optional_moment(r, "rescored_at")?,
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
        ledger: &LedgerPut,
        reports: &[super::OutboxPut],
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
        append(&mut tx, ledger, now).await?;
        for report in reports {
            super::outbox::put(&mut tx, report, now).await?;
        }
        tx.commit().await?;
        self.tell(Change::Board(rescore.board));
        self.tell(Change::Outbox);
        Ok(Applied::Done {
            revision,
            scores: done,
        })
    }

    /// Gives a rescore up. The board stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it is not open.
    pub async fn discard_rescore(&self, id: i64, ledger: &LedgerPut, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        let rescore = close(&mut tx, id, ("discarded", None), now).await?;
        append(&mut tx, ledger, now).await?;
        tx.commit().await?;
        self.tell(Change::Board(rescore.board));
        Ok(())
    }
}

fn held(rows: u64, lease: &RescoreLease) -> Result<()> {
    match rows {
        1 => Ok(()),
        _ => Err(StoreError::LeaseLost(lease.rescore)),
    }
}

async fn by_id(tx: &mut Write, id: i64) -> Result<Rescore> {
    let found = sqlx::query("SELECT * FROM rescore WHERE id = $1")
        .bind(id)
        .fetch_one(&mut **tx)
        .await?;
    read(&found)
}

async fn close(
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
        "SELECT revision_id FROM board WHERE challenge = $1 AND phase = $2 AND task = $3",
    )
    .bind(board.challenge.as_str())
    .bind(board.phase.as_str())
    .bind(board.task.as_str())
    .fetch_optional(&mut **tx)
    .await?)
}

/// Scored submissions of the board with a new score, and all of them.
async fn progress(tx: &mut Write, rescore: &Rescore) -> Result<(usize, usize)> {
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

async fn advance(tx: &mut Write, rescore: &Rescore, now: Timestamp) -> Result<bool> {
    let taken_in = sqlx::query(
        "INSERT INTO rescore_item (rescore_id, submission_id, state, owner, lease_until, tries,
                                   ready_at, created_at)
         SELECT $1, s.id, 'waiting', '', 0, 0, $2, $2 FROM submission s
         WHERE s.challenge = $3 AND s.phase = $4 AND s.task = $5 AND s.outcome = 'scored'
         ON CONFLICT (rescore_id, submission_id) DO NOTHING",
    )
    .bind(rescore.id)
    .bind(now.0)
    .bind(rescore.board.challenge.as_str())
    .bind(rescore.board.phase.as_str())
    .bind(rescore.board.task.as_str())
    .execute(&mut **tx)
    .await?
    .rows_affected();
    let failed = sqlx::query(
        "SELECT s.number, i.problem FROM rescore_item i JOIN submission s ON s.id = i.submission_id
         WHERE i.rescore_id = $1 AND i.state = 'failed' ORDER BY s.number LIMIT 1",
    )
    .bind(rescore.id)
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(failed) = failed {
        let number: i64 = failed.try_get("number")?;
        let problem: Option<String> = failed.try_get("problem")?;
        let says = format!("#{number}: {}", problem.unwrap_or_default());
        close(tx, rescore.id, ("failed", Some(&says)), now).await?;
        return Ok(true);
    }
    let (done, all) = progress(tx, rescore).await?;
    let state = match done == all {
        true => RescoreState::Ready,
        false => RescoreState::Running,
    };
    if state != rescore.state {
        sqlx::query("UPDATE rescore SET state = $1 WHERE id = $2")
            .bind(state.as_str())
            .bind(rescore.id)
            .execute(&mut **tx)
            .await?;
    }
    Ok(taken_in > 0 || state != rescore.state)
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
            "INSERT INTO score (id, submission_id, revision_id, attempt_id, score, created_at,
                                rescore_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (submission_id, revision_id) DO NOTHING",
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
