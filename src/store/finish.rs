//! The end of an attempt: its result, the next step of its submission, and every further change that belongs
//! to it, in one transaction.
//!
//! Nothing is decided here. A stage decides; the store writes the decision if it still holds, or nothing.

use sqlx::{Any, Transaction};

use super::attempt::held;
use super::outbox::{NewOutboxMessage, put};
use super::quota::{self, Usage};
use super::row::corrupt;
use super::submission::{NewSubmission, SubmissionRecord, insert, record, transition};
use super::{Change, Result, Store, StoreError, next_number, row};
use crate::model::{
    AttemptDetail, AttemptId, AttemptState, Blame, Board, Digest, Finding, ImageFacts, Lease, LogExcerpt, Outcome,
    PageToken, Score, Stage, SubmissionId, TaskSlug, Timestamp,
};

/// The next step of a submission after an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// The next stage.
    Advance(Stage),
    /// The same stage again, for the next case.
    Repeat,
    /// The same stage again, not before this time: the failure was not the participant's fault.
    Retry(Timestamp),
    /// The submission has ended.
    End {
        outcome: Outcome,
        /// Number of the incident in the log.
        incident: Option<String>,
    },
    /// The submission has ended, and [`Store::disclose`] discloses the outcome later.
    Withhold {
        outcome: Outcome,
        /// Number of the incident in the log.
        incident: Option<String>,
        /// The time of the disclosure.
        until: Timestamp,
    },
}

/// A task that a source is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskEntry {
    pub task: TaskSlug,
    /// Path of the task's Dockerfile in the repository. Empty for an image.
    pub dockerfile: String,
    /// Address of the submission's page.
    pub token: PageToken,
}

/// A further change in the transaction that ends an attempt. Changes are made in their order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Admission found the tasks of the source. The first is this submission's. Each other one becomes a
    /// submission of its own, if this one advances.
    Tasks(Vec<TaskEntry>),
    /// An image was made.
    Image {
        facts: Box<ImageFacts>,
        /// The name of its build.
        build_name: String,
    },
    /// The submission uses this image.
    UseImage(Digest),
    /// Quota is spent (+1) or refunded (-1). A submission spends once and is refunded once. An entry beyond
    /// that is not made.
    Quota {
        /// `submission` or `evaluation`
        kind: &'static str,
        amount: i64,
        reason: &'static str,
    },
    /// A score was made.
    Score {
        /// The current scoring revision of the submission's leaderboard.
        scoring_revision: i64,
        score: Box<Score>,
    },
    /// A forge has something to publish.
    Outbox(NewOutboxMessage),
    /// The decision depends on this usage of the team's quota. If the usage has changed, nothing is written: two
    /// pushes at the same time cannot both use the last evaluation.
    StillUsed(Board, Usage),
}

/// The end of an attempt and the next step. The constructors below make it.
#[derive(Debug, Clone, PartialEq)]
pub struct Finish {
    /// Not `Running`.
    pub state: AttemptState,
    /// `None` for an attempt that succeeded.
    pub blame: Option<Blame>,
    pub findings: Vec<Finding>,
    /// The kept part of the output of the build or container.
    pub log: Option<LogExcerpt>,
    pub detail: AttemptDetail,
    /// Digest of the stored predictions.
    pub artifact: Option<Digest>,
    pub next: Next,
    /// Further changes of the same transaction.
    pub effects: Vec<Effect>,
}

impl Finish {
    /// The stage succeeded.
    pub fn passed(next: Next) -> Self {
        Self {
            state: AttemptState::Succeeded,
            blame: None,
            findings: Vec::new(),
            log: None,
            detail: AttemptDetail::None,
            artifact: None,
            next,
            effects: Vec::new(),
        }
    }

    /// The stage ended the submission.
    pub fn failed(blame: Blame, outcome: Outcome) -> Self {
        Self { state: AttemptState::Failed, blame: Some(blame), ..Self::passed(Next::End { outcome, incident: None }) }
    }

    /// The attempt was lost and is retried, not before this time.
    pub fn retry(not_before: Timestamp, detail: AttemptDetail) -> Self {
        Self::lost(Next::Retry(not_before), detail)
    }

    /// The attempt was lost and is not retried: a platform error ended the submission.
    pub fn fault(incident: String, detail: AttemptDetail) -> Self {
        Self::lost(Next::End { outcome: Outcome::Fault, incident: Some(incident) }, detail)
    }

    fn lost(next: Next, detail: AttemptDetail) -> Self {
        Self { state: AttemptState::Lost, blame: Some(Blame::Infrastructure), detail, ..Self::passed(next) }
    }

    #[must_use]
    pub fn with_findings(mut self, findings: Vec<Finding>) -> Self {
        self.findings = findings;
        self
    }

    #[must_use]
    pub fn with_log(mut self, log: LogExcerpt) -> Self {
        self.log = Some(log);
        self
    }

    #[must_use]
    pub fn with_detail(mut self, detail: AttemptDetail) -> Self {
        self.detail = detail;
        self
    }

    #[must_use]
    pub fn with_artifact(mut self, artifact: Digest) -> Self {
        self.artifact = Some(artifact);
        self
    }

    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }
}

/// An end in the middle of its transaction: the submission as the changes so far have left it.
struct Ending {
    record: SubmissionRecord,
    attempt: AttemptId,
    siblings: Vec<SubmissionId>,
}

impl Store {
    /// Ends an attempt and commits the next step, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another worker owns the attempt or it has ended. [`StoreError::Stale`] when
    /// the decision no longer holds. Nothing was changed then.
    pub async fn finish(&self, lease: &Lease, finish: Finish, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        end_attempt(&mut tx, lease, &finish, now).await?;
        let mut ending = Ending {
            record: record(&mut tx, lease.attempt.submission).await?,
            attempt: lease.attempt.id,
            siblings: Vec::new(),
        };
        move_submission(&mut tx, &mut ending.record, &finish.next, now).await?;
        for effect in &finish.effects {
            ending.apply(&mut tx, &finish.next, effect, now).await?;
        }
        tx.commit().await?;
        self.notify_of(&ending, &finish);
        Ok(())
    }

    fn notify_of(&self, ending: &Ending, finish: &Finish) {
        let submission = &ending.record.submission;
        match finish.next {
            Next::End { .. } => self.notify_end(submission),
            Next::Repeat | Next::Withhold { .. } => self.notify(Change::Case(submission.id)),
            Next::Advance(_) | Next::Retry(_) => self.notify(Change::Submission(submission.id)),
        }
        for sibling in &ending.siblings {
            self.notify(Change::Submission(*sibling));
        }
        let effects = &finish.effects;
        if effects.iter().any(|e| matches!(e, Effect::Outbox(_))) {
            self.notify(Change::Outbox);
        }
    }
}

async fn end_attempt(tx: &mut Transaction<'static, Any>, lease: &Lease, finish: &Finish, now: Timestamp) -> Result<()> {
    if finish.state == AttemptState::Running {
        return Err(corrupt("end of an attempt", "running".to_owned()));
    }
    let ended = sqlx::query(
        "UPDATE attempt SET state = $1, blame = $2, findings = $3, log = $4, detail = $5,
                artifact = $6, ended_at = $7
         WHERE id = $8 AND owner = $9 AND state = 'running'",
    )
    .bind(finish.state.as_str())
    .bind(finish.blame.map(Blame::as_str))
    .bind(row::to_json(&finish.findings)?)
    .bind(finish.log.as_ref().map(row::to_json).transpose()?)
    .bind(row::to_json(&finish.detail)?)
    .bind(finish.artifact.as_ref().map(Digest::as_str))
    .bind(now.0)
    .bind(lease.attempt.id.0)
    .bind(&lease.owner)
    .execute(&mut **tx)
    .await?;
    held(ended.rows_affected(), lease)
}

async fn move_submission(
    tx: &mut Transaction<'static, Any>,
    record: &mut SubmissionRecord,
    next: &Next,
    now: Timestamp,
) -> Result<()> {
    let ready_at = match next {
        Next::Retry(at) => *at,
        // The next case starts at once. Its position in the queue is that of its submission.
        Next::Repeat => record.ready_at,
        Next::Withhold { until, .. } => *until,
        Next::Advance(_) | Next::End { .. } => now,
    };
    let id = record.submission.id;
    let moved = transition(tx, record, ready_at, |state| match next.clone() {
        Next::Advance(stage) => state.advance(stage),
        Next::Repeat | Next::Retry(_) => state.repeat(),
        Next::End { outcome, incident } => state.end(outcome, incident, now),
        Next::Withhold { outcome, incident, .. } => state.withhold(outcome, incident),
    });
    match moved.await {
        // The attempt was running earlier in this transaction.
        Err(StoreError::Stale) => Err(corrupt("submission without a running attempt", id.to_string())),
        moved => moved,
    }
}

type Write = Transaction<'static, Any>;

impl Ending {
    async fn apply(&mut self, tx: &mut Write, next: &Next, effect: &Effect, now: Timestamp) -> Result<()> {
        match effect {
            Effect::Tasks(tasks) => self.set_tasks(tx, next, tasks, now).await,
            Effect::Image { facts, build_name } => self.put_image(tx, facts, build_name, now).await,
            Effect::UseImage(image) => self.use_image(tx, image).await,
            Effect::Quota { kind, amount, reason } => quota::enter(tx, &self.record, kind, *amount, reason, now).await,
            Effect::Score { scoring_revision, score } => self.put_score(tx, *scoring_revision, score, now).await,
            Effect::Outbox(item) => put(tx, item, now).await,
            Effect::StillUsed(board, believed) => {
                let mine = &self.record.submission;
                let used = quota::used(tx, board, &mine.team, mine.id.0, now).await?;
                if used == *believed { Ok(()) } else { Err(StoreError::Stale) }
            }
        }
    }

    async fn put_image(&self, tx: &mut Write, facts: &ImageFacts, build_name: &str, now: Timestamp) -> Result<()> {
        sqlx::query(
            "INSERT INTO image (id, source_id, dockerfile, facts, build_name, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (source_id, dockerfile) DO UPDATE
             SET id = excluded.id, facts = excluded.facts, build_name = excluded.build_name",
        )
        .bind(facts.id.as_str())
        .bind(self.record.source)
        .bind(&self.record.dockerfile)
        .bind(row::to_json(facts)?)
        .bind(build_name)
        .bind(now.0)
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    async fn use_image(&self, tx: &mut Write, image: &Digest) -> Result<()> {
        sqlx::query("UPDATE submission SET image_id = $1 WHERE id = $2")
            .bind(image.as_str())
            .bind(self.record.submission.id.0)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Enters a score, if its scoring revision is the current one of the submission's leaderboard. Otherwise the
    /// submission would end unranked, because its leaderboard was rescored in the meantime.
    async fn put_score(&self, tx: &mut Write, revision: i64, score: &Score, now: Timestamp) -> Result<()> {
        let submission = &self.record.submission;
        let id = next_number(tx, "score").await?;
        let entered = sqlx::query(
            "INSERT INTO score (id, submission_id, scoring_revision_id, attempt_id, score, created_at)
             SELECT $1, $2, r.id, $3, $4, $5 FROM scoring_revision r
             WHERE r.id = $6 AND r.challenge = $7 AND r.phase = $8 AND r.task = $9",
        )
        .bind(id)
        .bind(submission.id.0)
        .bind(self.attempt.0)
        .bind(row::to_json(score)?)
        .bind(now.0)
        .bind(revision)
        .bind(submission.challenge.as_str())
        .bind(submission.phase.as_str())
        .bind(submission.task.as_ref().map_or("", TaskSlug::as_str))
        .execute(&mut **tx)
        .await?;
        if entered.rows_affected() != 1 {
            return Err(corrupt("scoring revision of another leaderboard", revision.to_string()));
        }
        let current: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM board WHERE scoring_revision_id = $1")
            .bind(revision)
            .fetch_one(&mut **tx)
            .await?;
        match current {
            0 => Err(StoreError::Stale),
            _ => Ok(()),
        }
    }

    async fn set_tasks(&mut self, tx: &mut Write, next: &Next, tasks: &[TaskEntry], now: Timestamp) -> Result<()> {
        let Some((TaskEntry { task, dockerfile, .. }, rest)) = tasks.split_first() else {
            return Ok(());
        };
        sqlx::query("UPDATE submission SET task = $1, dockerfile = $2 WHERE id = $3")
            .bind(task.as_str())
            .bind(dockerfile)
            .bind(self.record.submission.id.0)
            .execute(&mut **tx)
            .await?;
        self.record.submission.task = Some(task.clone());
        self.record.dockerfile.clone_from(dockerfile);
        // A submission that ends or is retried has no siblings yet.
        let Next::Advance(stage) = next else {
            return Ok(());
        };
        for TaskEntry { task, dockerfile, token } in rest {
            let new = NewSubmission {
                source: self.record.source,
                token,
                phase: &self.record.submission.phase,
                task: task.as_str(),
                dockerfile,
                team: self.record.submission.team.as_str(),
                challenge: &self.record.submission.challenge,
                config_digest: &self.record.config_digest,
                stage: *stage,
                pushed_as: None,
            };
            self.siblings.push(insert(tx, &new, now).await?);
        }
        Ok(())
    }
}
