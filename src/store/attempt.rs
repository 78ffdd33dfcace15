//! Attempts: their leases and their results. `finish` ends an attempt.
//!
//! Every change checks the state from which it starts, so a worker that lost its lease changes nothing.

use std::collections::BTreeMap;

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::row::{BindBoard as _, ReadRows as _, corrupt};
use super::submission::{SubmissionRecord, record, transition};
use super::{Change, Result, Store, StoreError, next_number, row};
use crate::model::{
    Attempt, AttemptDetail, AttemptId, AttemptState, Board, CaseId, Digest, Duration, Finding, KillReason, Lease,
    LogExcerpt, Stage, SubmissionId, SubmissionState, Timestamp, limits,
};

/// The claim of a worker on the next attempt of a submission.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    pub submission: SubmissionId,
    /// The stage for which the submission should wait.
    pub stage: Stage,
    /// The case, if the stage runs once per case.
    pub case: Option<CaseId>,
    /// The start of the daemon.
    pub owner: &'a str,
    /// The seed for the container.
    pub seed: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRecord {
    pub attempt: Attempt,
    /// The present or last owner of the lease.
    pub owner: String,
    pub seed: u32,
    /// The reason if Referee killed the job.
    pub kill_reason: Option<KillReason>,
    pub findings: Vec<Finding>,
    pub log: Option<LogExcerpt>,
    pub detail: AttemptDetail,
    /// Digest of the stored predictions.
    pub artifact: Option<Digest>,
}

fn read(row: &AnyRow) -> Result<AttemptRecord> {
    let seed: i64 = row.try_get("seed")?;
    Ok(AttemptRecord {
        attempt: Attempt {
            id: AttemptId(row.try_get("id")?),
            submission: SubmissionId(row.try_get("submission_id")?),
            stage: row::word(row, "stage")?,
            case: row::optional_text(row, "case_id")?,
            number: row.try_get("number")?,
            state: row::word(row, "state")?,
            started_at: row::timestamp(row, "started_at")?,
            ended_at: row::optional_timestamp(row, "ended_at")?,
        },
        owner: row.try_get("owner")?,
        seed: u32::try_from(seed).map_err(|_| corrupt("seed", seed.to_string()))?,
        kill_reason: row::optional_word(row, "kill_reason")?,
        findings: row::json(row, "findings")?,
        log: row::optional_json(row, "log")?,
        detail: row::optional_json(row, "detail")?.unwrap_or_default(),
        artifact: row::optional_text(row, "artifact")?,
    })
}

/// An error unless the update of the leased row changed a row.
pub(super) fn held(rows: u64, lease: &Lease) -> Result<()> {
    if rows == 1 { Ok(()) } else { Err(StoreError::LeaseLost(lease.attempt.id.0)) }
}

impl Store {
    /// Claims the next attempt. `None` if another worker was faster, the submission is at another stage, or its next
    /// attempt is not due yet.
    pub async fn claim(&self, claim: &Claim<'_>, now: Timestamp) -> Result<Option<Lease>> {
        let mut tx = self.begin().await?;
        let mut record = record(&mut tx, claim.submission).await?;
        if record.submission.stage() != claim.stage || record.ready_at > now {
            return Ok(None);
        }
        let ready_at = record.ready_at;
        match transition(&mut tx, &mut record, ready_at, SubmissionState::claim).await {
            Ok(()) => {}
            Err(StoreError::Stale) => return Ok(None),
            Err(error) => return Err(error),
        }
        let case = claim.case.as_ref().map_or("", CaseId::as_str);
        let earlier: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM attempt WHERE submission_id = $1 AND stage = $2 AND case_id = $3")
                .bind(claim.submission.0)
                .bind(claim.stage.as_str())
                .bind(case)
                .fetch_one(&mut *tx)
                .await?;
        let begun: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM attempt WHERE submission_id = $1 AND stage = $2")
            .bind(claim.submission.0)
            .bind(claim.stage.as_str())
            .fetch_one(&mut *tx)
            .await?;
        let id = next_number(&mut tx, "attempt").await?;
        sqlx::query(
            "INSERT INTO attempt (id, submission_id, stage, case_id, number, state, owner,
                                  lease_until, seed, findings, started_at)
             VALUES ($1, $2, $3, $4, $5, 'running', $6, $7, $8, '[]', $9)",
        )
        .bind(id)
        .bind(claim.submission.0)
        .bind(claim.stage.as_str())
        .bind(case)
        .bind(earlier + 1)
        .bind(claim.owner)
        .bind(now.plus(limits::LEASE_TIME).0)
        .bind(i64::from(claim.seed))
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        self.notify(match (&claim.case, begun) {
            (Some(_), 1..) => Change::Case(claim.submission),
            _ => Change::Submission(claim.submission),
        });
        Ok(Some(Lease {
            attempt: Attempt {
                id: AttemptId(id),
                submission: claim.submission,
                stage: claim.stage,
                case: claim.case.clone(),
                number: earlier + 1,
                state: AttemptState::Running,
                started_at: now,
                ended_at: None,
            },
            owner: claim.owner.to_owned(),
            seed: claim.seed,
        }))
    }

    /// Renews a lease.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if another worker owns the attempt, or it has ended. Then the work must stop.
    pub async fn renew(&self, lease: &Lease, now: Timestamp) -> Result<()> {
        let renewed = sqlx::query(
            "UPDATE attempt SET lease_until = $1
             WHERE id = $2 AND owner = $3 AND state = 'running'",
        )
        .bind(now.plus(limits::LEASE_TIME).0)
        .bind(lease.attempt.id.0)
        .bind(&lease.owner)
        .execute(&self.writes)
        .await?;
        held(renewed.rows_affected(), lease)
    }

    /// The reason why a lease is lost. `None` while it is valid. This reads one row by its key.
    pub async fn loss(&self, lease: &Lease) -> Result<Option<KillReason>> {
        let found = sqlx::query("SELECT state, owner, kill_reason FROM attempt WHERE id = $1")
            .bind(lease.attempt.id.0)
            .fetch_one(&self.reads)
            .await?;
        let owner: String = found.try_get("owner")?;
        let running = row::word::<AttemptState>(&found, "state")? == AttemptState::Running;
        if running && owner == lease.owner {
            return Ok(None);
        }
        let recorded = row::optional_word(&found, "kill_reason")?;
        Ok(Some(recorded.unwrap_or(KillReason::Orphaned)))
    }

    /// Records the reason for a kill before the job is killed. Afterwards this record decides whose fault the end was,
    /// not the exit code. The first reason is kept.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if another worker owns the attempt, or it has ended.
    pub async fn record_kill(&self, lease: &Lease, reason: KillReason) -> Result<()> {
        let recorded = sqlx::query(
            "UPDATE attempt SET kill_reason = COALESCE(kill_reason, $1)
             WHERE id = $2 AND owner = $3 AND state = 'running'",
        )
        .bind(<&str>::from(reason))
        .bind(lease.attempt.id.0)
        .bind(&lease.owner)
        .execute(&self.writes)
        .await?;
        held(recorded.rows_affected(), lease)
    }

    /// Running attempts whose lease is lost: it belongs to another start of the daemon, or it has run out.
    pub async fn orphans(&self, owner: &str, now: Timestamp) -> Result<Vec<AttemptRecord>> {
        sqlx::query(
            "SELECT * FROM attempt WHERE state = 'running' AND (owner <> $1 OR lease_until < $2)
             ORDER BY id",
        )
        .bind(owner)
        .bind(now.0)
        .read_all(&self.reads, read)
        .await
    }

    /// Attempts of a submission, oldest first. The submissions of all tasks of a commit share its admission. For an
    /// image, each task has an admission of its own.
    pub async fn attempts(&self, submission: &SubmissionRecord) -> Result<Vec<AttemptRecord>> {
        sqlx::query(
            "SELECT * FROM attempt
             WHERE submission_id IN (SELECT id FROM submission WHERE source_id = $2)
               AND (submission_id = $1 OR (stage = 'admission' AND $3 = 1)) ORDER BY id",
        )
        .bind(submission.submission.id.0)
        .bind(submission.source)
        .bind(i64::from(submission.submission.origin.sha().is_some()))
        .read_all(&self.reads, read)
        .await
    }

    /// The durations of a stage for the newest submissions of a board that have completed it, all cases together.
    pub async fn durations(&self, board: &Board, stage: Stage, at_most: i64) -> Result<Vec<Duration>> {
        let took: Vec<i64> = sqlx::query_scalar(
            "SELECT CAST(SUM(a.ended_at - a.started_at) AS BIGINT)
             FROM attempt a JOIN submission s ON s.id = a.submission_id
             WHERE s.challenge = $1 AND s.phase = $2 AND s.task = $3 AND a.stage = $4
               AND a.state IN ('succeeded', 'failed')
               AND (s.outcome IS NOT NULL OR s.stage <> $4)
               AND COALESCE(s.outcome, '') <> 'withdrawn'
             GROUP BY s.id ORDER BY s.id DESC LIMIT $5",
        )
        .bind_board(board)
        .bind(stage.as_str())
        .bind(at_most)
        .fetch_all(&self.reads)
        .await?;
        Ok(took.into_iter().map(Duration).collect())
    }

    /// The submissions that are being worked on, with the time at which their stage began, including its first case.
    pub async fn working_since(&self) -> Result<BTreeMap<SubmissionId, Timestamp>> {
        sqlx::query(
            "SELECT s.id, MIN(a.started_at) AS since
             FROM submission s JOIN attempt a ON a.submission_id = s.id AND a.stage = s.stage
             WHERE s.outcome IS NULL AND s.working = 1 AND a.state <> 'lost' GROUP BY s.id",
        )
        .read_all(&self.reads, |r| Ok((SubmissionId(r.try_get("id")?), row::timestamp(r, "since")?)))
        .await
        .map(BTreeMap::from_iter)
    }
}
