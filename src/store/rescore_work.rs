//! The work on a rescore: a worker prepares it, then workers score its submissions.
//!
//! Both kinds of work have leases like attempts: only the owner renews and ends them. The owner is one start of the
//! daemon, so the leases of an earlier start are free at once.

use serde_json::Value;
use sqlx::Row as _;

use super::rescore::{Rescore, RescoreState, Write, by_id, close, progress, read};
use super::row::{BindBoard as _, ReadRows as _};
use super::submission::record as submission_record;
use super::{Change, Result, Store, StoreError, SubmissionRecord, row};
use crate::model::{Score, SubmissionId, Timestamp, limits};

/// Proof that a worker prepares a rescore, or scores one submission of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RescoreLease {
    /// Row of the rescore.
    pub rescore: i64,
    /// The submission. `None` while the rescore is being prepared.
    pub submission: Option<SubmissionId>,
    /// The start of the daemon.
    pub owner: String,
    /// 1 for the first attempt.
    pub attempts: i64,
}

/// The end of one attempt to score a submission again.
#[derive(Debug, Clone, PartialEq)]
pub enum RescoreItemEnd {
    Scored(Box<Score>),
    /// The scorer or its report has a fault. The rescore cannot be applied.
    Failed(String),
    /// A platform error. The next attempt starts not before this time.
    Retry(Timestamp),
}

impl Store {
    /// Claims a rescore that has to be prepared and that no worker prepares.
    pub async fn claim_rescore(&self, owner: &str, now: Timestamp) -> Result<Option<(Rescore, RescoreLease)>> {
        if !self.rescores_open().await? {
            return Ok(None);
        }
        let mut tx = self.begin().await?;
        let claimed = sqlx::query(
            "UPDATE rescore SET owner = $1, lease_until = $2, attempts = attempts + 1
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
        let lease =
            RescoreLease { rescore: rescore.id, submission: None, owner: owner.to_owned(), attempts: rescore.attempts };
        Ok(Some((rescore, lease)))
    }

    /// Claims a submission that has to be scored again and that no worker scores.
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
            "SELECT i.rescore_id, i.submission_id, i.attempts
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
            attempts: free.try_get::<i64, _>("attempts")? + 1,
        };
        let id = SubmissionId(free.try_get("submission_id")?);
        sqlx::query(
            "UPDATE rescore_item SET state = 'working', owner = $1, lease_until = $2, attempts = $3
             WHERE rescore_id = $4 AND submission_id = $5",
        )
        .bind(owner)
        .bind(now.plus(limits::LEASE_TIME).0)
        .bind(lease.attempts)
        .bind(lease.rescore)
        .bind(id.0)
        .execute(&mut *tx)
        .await?;
        let submission = submission_record(&mut tx, id).await?;
        let rescore = by_id(&mut tx, lease.rescore).await?;
        tx.commit().await?;
        Ok(Some((rescore, submission, lease)))
    }

    /// Renews a lease.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if another worker owns the work, or the rescore is closed.
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

    /// Ends the preparation of a rescore with the definition of its scores.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if another worker owns the work, or the rescore is closed.
    pub async fn finish_rescore_preparation(&self, lease: &RescoreLease, definition: &Value) -> Result<()> {
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

    /// Ends an attempt to prepare a rescore after a platform error. The next attempt starts not before this time.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if another worker owns the work, or the rescore is closed.
    pub async fn retry_rescore_preparation(&self, lease: &RescoreLease, at: Timestamp) -> Result<()> {
        let released = sqlx::query(
            "UPDATE rescore SET owner = '', lease_until = $1
             WHERE id = $2 AND owner = $3 AND state = 'preparing'",
        )
        .bind(at.0)
        .bind(lease.rescore)
        .bind(&lease.owner)
        .execute(&self.writes)
        .await?;
        held(released.rows_affected(), lease)
    }

    /// Ends a rescore that is impossible.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the rescore is not open.
    pub async fn fail_rescore(&self, id: i64, problem: &str, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        let rescore = close(&mut tx, id, RescoreState::Failed, Some(problem), now).await?;
        tx.commit().await?;
        self.notify(Change::Board(rescore.board));
        Ok(())
    }

    /// Ends one attempt to score a submission again.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if another worker owns the work, or the rescore is closed.
    pub async fn finish_rescore_item(&self, lease: &RescoreLease, end: &RescoreItemEnd, now: Timestamp) -> Result<()> {
        let (state, score, problem, ready_at) = match end {
            RescoreItemEnd::Scored(score) => ("done", Some(row::to_json(score)?), None, now),
            RescoreItemEnd::Failed(problem) => ("failed", None, Some(row::without_nul(problem)), now),
            RescoreItemEnd::Retry(at) => ("waiting", None, None, *at),
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

    /// Updates open rescores: adds submissions that were scored in the meantime, and updates the state if all are
    /// scored again or one failed. Returns whether anything changed.
    pub async fn advance_rescores(&self, now: Timestamp) -> Result<bool> {
        if !self.rescores_open().await? {
            return Ok(false);
        }
        let mut tx = self.begin().await?;
        let open =
            sqlx::query("SELECT * FROM rescore WHERE state IN ('running', 'ready')").read_all(&mut *tx, read).await?;
        let mut changed = Vec::new();
        for rescore in open {
            if advance(&mut tx, &rescore, now).await? {
                changed.push(rescore.board);
            }
        }
        tx.commit().await?;
        for board in &changed {
            self.notify(Change::Board(board.clone()));
        }
        Ok(!changed.is_empty())
    }

    async fn rescores_open(&self) -> Result<bool> {
        let open: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM rescore WHERE state IN ('preparing', 'running', 'ready')")
                .fetch_one(&self.reads)
                .await?;
        Ok(open > 0)
    }
}

/// An error unless the update of the leased row changed a row.
fn held(rows: u64, lease: &RescoreLease) -> Result<()> {
    if rows == 1 { Ok(()) } else { Err(StoreError::LeaseLost(lease.rescore)) }
}

async fn advance(tx: &mut Write, rescore: &Rescore, now: Timestamp) -> Result<bool> {
    let added = sqlx::query(
        "INSERT INTO rescore_item (rescore_id, submission_id, state, owner, lease_until, attempts,
                                   ready_at, created_at)
         SELECT $1, s.id, 'waiting', '', 0, 0, $2, $2 FROM submission s
         WHERE s.challenge = $3 AND s.phase = $4 AND s.task = $5 AND s.outcome = 'scored'
         ON CONFLICT (rescore_id, submission_id) DO NOTHING",
    )
    .bind(rescore.id)
    .bind(now.0)
    .bind_board(&rescore.board)
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
        let message = format!("#{number}: {}", problem.unwrap_or_default());
        close(tx, rescore.id, RescoreState::Failed, Some(&message), now).await?;
        return Ok(true);
    }
    let (done, all) = progress(tx, rescore).await?;
    let state = if done == all { RescoreState::Ready } else { RescoreState::Running };
    if state != rescore.state {
        sqlx::query("UPDATE rescore SET state = $1 WHERE id = $2")
            .bind(state.as_str())
            .bind(rescore.id)
            .execute(&mut **tx)
            .await?;
    }
    Ok(added > 0 || state != rescore.state)
}
