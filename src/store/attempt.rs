//! Attempts: claim, renew, finish. Each is one transaction, guarded by the state it starts from.

use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::outbox::{OutboxPut, put};
use super::submission::{NewSubmission, SubmissionRecord, insert, read as read_submission};
use super::{Change, Result, Store, StoreError, next_number, row};
use crate::model::{
    Attempt, AttemptId, AttemptKind, AttemptState, Blame, Board, CaseId, Digest, Finding,
    ImageFacts, KillReason, Lease, LogExcerpt, Outcome, PageToken, Score, Stage, SubmissionId,
    TaskSlug, Timestamp, limits,
};

/// A wish to own the next attempt of a submission.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// The submission, expected to wait for this stage.
    pub submission: SubmissionId,
    /// The stage.
    pub stage: Stage,
    /// For this case alone.
    pub case: Option<CaseId>,
    /// Of this start of the daemon.
    pub owner: &'a str,
    /// Given to the container.
    pub seed: u32,
}

/// What follows an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// The next stage.
    Advance(Stage),
    /// The same stage again, for another case.
    Stay,
    /// The same stage again, not before this moment: it was not the participant's fault.
    Retry(Timestamp),
    /// Nothing: the submission has ended.
    End {
        /// How.
        outcome: Outcome,
        /// The number that organizers find in our log.
        incident: Option<String>,
    },
}

/// A further change in the transaction that ends an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// The rules found out which tasks the source is for, each with its Dockerfile. The first is
    /// this submission's; every other one makes a sibling with this page.
    Tasks(Vec<(TaskSlug, String, PageToken)>),
    /// An image exists, built under this name.
    Image(Box<ImageFacts>, String),
    /// This submission uses this image.
    UseImage(Digest),
    /// Quota is spent (+1) or refunded (-1).
    Quota {
        /// `try` or `evaluation`.
        kind: &'static str,
        /// +1 or -1.
        amount: i64,
        /// Why.
        reason: &'static str,
    },
    /// A score of this revision.
    Score(i64, Box<Score>),
    /// A forge shall show something.
    Outbox(OutboxPut),
}

/// How an attempt ended and what follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Finish {
    /// Never `Running`.
    pub state: AttemptState,
    /// Whose fault, unless it succeeded.
    pub blame: Option<Blame>,
    /// Told to the participant.
    pub findings: Vec<Finding>,
    /// What was printed.
    pub log: Option<LogExcerpt>,
    /// Facts for pages: exit code, durations, sample score.
    pub detail: Value,
    /// What it produced.
    pub artifact: Option<Digest>,
    /// What follows.
    pub next: Next,
    /// Further changes of the same transaction.
    pub effects: Vec<Effect>,
}

/// An attempt as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRecord {
    /// The attempt.
    pub attempt: Attempt,
    /// Who owns or owned it.
    pub owner: String,
    /// Its seed.
    pub seed: u32,
    /// Why we killed it, if we did.
    pub kill_reason: Option<KillReason>,
    /// Told to the participant.
    pub findings: Vec<Finding>,
    /// What was printed.
    pub log: Option<LogExcerpt>,
    /// Facts for pages.
    pub detail: Value,
    /// What it produced.
    pub artifact: Option<Digest>,
}

fn corrupt(what: &'static str, value: String) -> StoreError {
    StoreError::Corrupt { what, value }
}

fn from_word<T: serde::de::DeserializeOwned>(row: &AnyRow, column: &'static str) -> Result<T> {
    let value: String = row.try_get(column)?;
    serde_json::from_value(Value::String(value.clone())).map_err(|_| corrupt(column, value))
}

fn read(row: &AnyRow) -> Result<AttemptRecord> {
    let seed: i64 = row.try_get("seed")?;
    let kill: Option<String> = row.try_get("kill_reason")?;
    Ok(AttemptRecord {
        attempt: Attempt {
            id: AttemptId(row.try_get("id")?),
            submission: SubmissionId(row.try_get("submission_id")?),
            kind: from_word::<AttemptKind>(row, "kind")?,
            case: row::optional_text(row, "case_id")?,
            number: row.try_get("number")?,
            state: from_word::<AttemptState>(row, "state")?,
            started_at: row::moment(row, "started_at")?,
            ended_at: row::optional_moment(row, "ended_at")?,
        },
        owner: row.try_get("owner")?,
        seed: u32::try_from(seed).map_err(|_| corrupt("seed", seed.to_string()))?,
        kill_reason: match kill {
            None => None,
            Some(_) => Some(from_word::<KillReason>(row, "kill_reason")?),
        },
        findings: row::json(row, "findings")?,
        log: row::optional_json(row, "log")?,
        detail: row::optional_json(row, "detail")?.unwrap_or(Value::Null),
        artifact: row::optional_text(row, "artifact")?,
    })
}

impl Store {
    /// Claims the next attempt. `None` when somebody else was faster or the submission has moved on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim(&self, claim: &Claim<'_>, now: Timestamp) -> Result<Option<Lease>> {
        let mut tx = self.begin().await?;
        let taken = sqlx::query(
            "UPDATE submission SET working = 1
             WHERE id = $1 AND stage = $2 AND working = 0 AND outcome IS NULL",
        )
        .bind(claim.submission.0)
        .bind(claim.stage.as_str())
        .execute(&mut *tx)
        .await?;
        if taken.rows_affected() != 1 {
            return Ok(None);
        }
        let kind = claim.stage.attempt();
        let case = claim.case.as_ref().map_or("", CaseId::as_str);
        let earlier: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM attempt WHERE submission_id = $1 AND kind = $2 AND case_id = $3",
        )
        .bind(claim.submission.0)
        .bind(kind.as_str())
        .bind(case)
        .fetch_one(&mut *tx)
        .await?;
        let id = next_number(&mut tx, "attempt").await?;
        sqlx::query(
            "INSERT INTO attempt (id, submission_id, kind, case_id, number, state, owner,
                                  lease_until, seed, findings, started_at)
             VALUES ($1, $2, $3, $4, $5, 'running', $6, $7, $8, '[]', $9)",
        )
        .bind(id)
        .bind(claim.submission.0)
        .bind(kind.as_str())
        .bind(case)
        .bind(earlier + 1)
        .bind(claim.owner)
        .bind(now.plus(limits::LEASE_TIME).0)
        .bind(i64::from(claim.seed))
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        self.tell(Change::Submission(claim.submission));
        Ok(Some(Lease {
            attempt: Attempt {
                id: AttemptId(id),
                submission: claim.submission,
                kind,
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

    /// Keeps a lease alive.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when it is no longer ours; then the work must stop.
    pub async fn renew(&self, lease: &Lease, now: Timestamp) -> Result<()> {
        let renewed = sqlx::query(
            "UPDATE attempt SET lease_until = $1
             WHERE id = $2 AND owner = $3 AND state = 'running'",
        )
        .bind(now.plus(limits::LEASE_TIME).0)
        .bind(lease.attempt.id.0)
        .bind(&lease.owner)
        .execute(&self.pool)
        .await?;
        match renewed.rows_affected() {
            1 => Ok(()),
            _ => Err(StoreError::LeaseLost(lease.attempt.id.0)),
        }
    }

    /// Records why a job is about to be killed, before it is: this record, not the exit code, says
    /// afterwards whose end it was.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when the attempt is no longer ours.
    pub async fn record_kill(&self, lease: &Lease, reason: KillReason) -> Result<()> {
        let word = row::to_json(&reason)?.trim_matches('"').to_owned();
        let recorded = sqlx::query(
            "UPDATE attempt SET kill_reason = $1
             WHERE id = $2 AND owner = $3 AND state = 'running' AND kill_reason IS NULL",
        )
        .bind(word)
        .bind(lease.attempt.id.0)
        .bind(&lease.owner)
        .execute(&self.pool)
        .await?;
        match recorded.rows_affected() {
            1 => Ok(()),
            _ => Err(StoreError::LeaseLost(lease.attempt.id.0)),
        }
    }

    /// Ends an attempt and commits what follows, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when the attempt is no longer ours: nothing was changed.
    pub async fn finish(&self, lease: &Lease, finish: Finish, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        end_attempt(&mut tx, lease, &finish, now).await?;
        let record = sqlx::query(
            "SELECT s.*, o.repository_id, o.sha, o.full_ref, o.observed_at
             FROM submission s JOIN source o ON o.id = s.source_id WHERE s.id = $1",
        )
        .bind(lease.attempt.submission.0)
        .fetch_one(&mut *tx)
        .await?;
        let record = read_submission(&record)?;
        move_submission(&mut tx, &record, &finish.next, now).await?;
        let mut siblings = Vec::new();
        for effect in &finish.effects {
            siblings.extend(apply(&mut tx, &record, (lease, &finish.next), effect, now).await?);
        }
        tx.commit().await?;
        self.tell(Change::Submission(record.submission.id));
        for sibling in siblings {
            self.tell(Change::Submission(sibling));
        }
        if finish
            .effects
            .iter()
            .any(|e| matches!(e, Effect::Outbox(_)))
        {
            self.tell(Change::Outbox);
        }
        if let (Next::End { .. }, Some(task)) = (&finish.next, &record.submission.task) {
            self.tell(Change::Board(Board {
                challenge: record.submission.challenge.clone(),
                phase: record.submission.phase.clone(),
                task: task.clone(),
            }));
        }
        Ok(())
    }

    /// Attempts whose owner is gone: of another start of the daemon, or with a lease run out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn orphans(&self, owner: &str, now: Timestamp) -> Result<Vec<AttemptRecord>> {
        sqlx::query(
            "SELECT * FROM attempt WHERE state = 'running' AND (owner <> $1 OR lease_until < $2)
             ORDER BY id",
        )
        .bind(owner)
        .bind(now.0)
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// Attempts of a submission's source at a kind of work, oldest first. The fetch of a source is
    /// shared by the submissions of all its tasks.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn attempts(&self, submission: &SubmissionRecord) -> Result<Vec<AttemptRecord>> {
        sqlx::query(
            "SELECT * FROM attempt WHERE submission_id = $1
                OR (kind = 'fetch' AND submission_id IN
                    (SELECT id FROM submission WHERE source_id = $2))
             ORDER BY id",
        )
        .bind(submission.submission.id.0)
        .bind(submission.source)
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// The image of a source and Dockerfile, if it was built already, and its build's name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn image(
        &self,
        source: i64,
        dockerfile: &str,
    ) -> Result<Option<(ImageFacts, String)>> {
        sqlx::query("SELECT facts, build_name FROM image WHERE source_id = $1 AND dockerfile = $2")
            .bind(source)
            .bind(dockerfile)
            .fetch_optional(&self.pool)
            .await?
            .map(|r| Ok((row::json(&r, "facts")?, r.try_get("build_name")?)))
            .transpose()
    }
}

async fn end_attempt(
    tx: &mut Transaction<'static, Any>,
    lease: &Lease,
    finish: &Finish,
    now: Timestamp,
) -> Result<()> {
    let ended = sqlx::query(
        "UPDATE attempt SET state = $1, blame = $2, findings = $3, log = $4, detail = $5,
                artifact = $6, ended_at = $7
         WHERE id = $8 AND owner = $9 AND state = 'running'",
    )
    .bind(finish.state.as_str())
    .bind(finish.blame.map(Blame::as_str))
    .bind(row::to_json(&finish.findings)?)
    .bind(finish.log.as_ref().map(row::to_json).transpose()?)
    .bind(finish.detail.to_string())
    .bind(finish.artifact.as_ref().map(Digest::as_str))
    .bind(now.0)
    .bind(lease.attempt.id.0)
    .bind(&lease.owner)
    .execute(&mut **tx)
    .await?;
    match ended.rows_affected() {
        1 => Ok(()),
        _ => Err(StoreError::LeaseLost(lease.attempt.id.0)),
    }
}

async fn move_submission(
    tx: &mut Transaction<'static, Any>,
    record: &SubmissionRecord,
    next: &Next,
    now: Timestamp,
) -> Result<()> {
    let stage = match next {
        Next::Advance(stage) => *stage,
        _ => record.submission.stage,
    };
    let ready_at = match next {
        Next::Retry(at) => *at,
        // Another case goes on at once; its place in the queue is its submission's.
        Next::Stay => record.ready_at,
        _ => now,
    };
    let (outcome, incident, ended_at) = match next {
        Next::End { outcome, incident } => (Some(outcome.as_str()), incident.clone(), Some(now.0)),
        _ => (None, None, None),
    };
    let moved = sqlx::query(
        "UPDATE submission SET stage = $1, working = 0, outcome = $2, incident = $3,
                ended_at = $4, ready_at = $5
         WHERE id = $6 AND working = 1 AND outcome IS NULL",
    )
    .bind(stage.as_str())
    .bind(outcome)
    .bind(incident)
    .bind(ended_at)
    .bind(ready_at.0)
    .bind(record.submission.id.0)
    .execute(&mut **tx)
    .await?;
    match moved.rows_affected() {
        1 => Ok(()),
        _ => Err(corrupt(
            "submission without work",
            record.submission.id.to_string(),
        )),
    }
}

async fn apply(
    tx: &mut Transaction<'static, Any>,
    record: &SubmissionRecord,
    (lease, next): (&Lease, &Next),
    effect: &Effect,
    now: Timestamp,
) -> Result<Vec<SubmissionId>> {
    let id = record.submission.id;
    match effect {
        Effect::Tasks(tasks) => return set_tasks(tx, record, next, tasks, now).await,
        Effect::Image(facts, build_name) => {
            sqlx::query(
                "INSERT INTO image (id, source_id, dockerfile, facts, build_name, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (source_id, dockerfile) DO UPDATE
                 SET id = excluded.id, facts = excluded.facts, build_name = excluded.build_name",
            )
            .bind(facts.id.as_str())
            .bind(record.source)
            .bind(&record.dockerfile)
            .bind(row::to_json(facts)?)
            .bind(build_name)
            .bind(now.0)
            .execute(&mut **tx)
            .await?;
        }
        Effect::UseImage(image) => {
            sqlx::query("UPDATE submission SET image_id = $1 WHERE id = $2")
                .bind(image.as_str())
                .bind(id.0)
                .execute(&mut **tx)
                .await?;
        }
        Effect::Quota {
            kind,
            amount,
            reason,
        } => super::quota::enter(tx, record, (kind, *amount, reason), now).await?,
        Effect::Score(revision, score) => {
            let number = next_number(tx, "score").await?;
            sqlx::query(
                "INSERT INTO score
                   (id, submission_id, revision_id, attempt_id, score, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(number)
            .bind(id.0)
            .bind(*revision)
            .bind(lease.attempt.id.0)
            .bind(row::to_json(score)?)
            .bind(now.0)
            .execute(&mut **tx)
            .await?;
        }
        Effect::Outbox(item) => put(tx, item, now).await?,
    }
    Ok(Vec::new())
}

async fn set_tasks(
    tx: &mut Transaction<'static, Any>,
    record: &SubmissionRecord,
    next: &Next,
    tasks: &[(TaskSlug, String, PageToken)],
    now: Timestamp,
) -> Result<Vec<SubmissionId>> {
    let Some(((task, dockerfile, _), rest)) = tasks.split_first() else {
        return Ok(Vec::new());
    };
    sqlx::query("UPDATE submission SET task = $1, dockerfile = $2 WHERE id = $3")
        .bind(task.as_str())
        .bind(dockerfile)
        .bind(record.submission.id.0)
        .execute(&mut **tx)
        .await?;
    let mut siblings = Vec::new();
    for (task, dockerfile, token) in rest {
        let stage = match next {
            Next::Advance(stage) => *stage,
            _ => record.submission.stage,
        };
        let new = NewSubmission {
            source: record.source,
            token,
            phase: &record.submission.phase,
            task: task.as_str(),
            dockerfile,
            team: record.submission.team.as_str(),
            challenge: &record.submission.challenge,
            revision: &record.revision,
            stage,
        };
        siblings.push(insert(tx, &new, now).await?);
    }
    Ok(siblings)
}
