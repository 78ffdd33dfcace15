//! The end of an attempt: its verdict, what follows for its submission, and every further change
//! that belongs to it, in one transaction.
//!
//! Nothing is decided here. What the stages decided is written if it still holds, or not at all.

use serde_json::Value;
use sqlx::{Any, Transaction};

use super::attempt::corrupt;
use super::outbox::{NewOutboxMessage, put};
use super::quota::{self, Usage};
use super::submission::{NewSubmission, SubmissionRecord, insert, record};
use super::{Change, Result, Store, StoreError, next_number, row};
use crate::model::{
    AttemptId, AttemptState, Blame, Board, Digest, Finding, ImageFacts, Lease, LogExcerpt, Outcome,
    PageToken, Score, Stage, SubmissionId, TaskSlug, Timestamp,
};

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
    /// Nothing, but that is told later: [`Store::disclose`]. Until then it waits, and nobody works on it.
    Withhold {
        /// How it ends.
        outcome: Outcome,
        /// The number that organizers find in our log.
        incident: Option<String>,
        /// Not before this moment.
        until: Timestamp,
    },
}

/// A further change in the transaction that ends an attempt, made in the order given.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// The rules found out which tasks the source is for, each with its Dockerfile. The first is
    /// this submission's; every other one makes a sibling with this page, where this one advances.
    Tasks(Vec<(TaskSlug, String, PageToken)>),
    /// An image exists, built under this name.
    Image(Box<ImageFacts>, String),
    /// This submission uses this image.
    UseImage(Digest),
    /// Quota is spent (+1) or refunded (-1). A submission spends once and is refunded once: what
    /// would go beyond is not entered.
    Quota {
        /// `try` or `evaluation`.
        kind: &'static str,
        /// +1 or -1.
        amount: i64,
        /// Why.
        reason: &'static str,
    },
    /// A score of this revision, which must be its board's.
    Score(i64, Box<Score>),
    /// A forge shall show something.
    Outbox(NewOutboxMessage),
    /// What was decided rests on this use of the team's quota on a board. Should it be another by
    /// now, nothing is changed: two pushes at the same moment cannot both take the last place.
    StillUsed(Board, Usage),
}

/// How an attempt ended and what follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Finish {
    /// Never `Running`: that is refused.
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

/// An end on its way: the submission as the changes so far have left it.
struct Ending {
    record: SubmissionRecord,
    attempt: AttemptId,
    siblings: Vec<SubmissionId>,
}

impl Store {
    /// Ends an attempt and commits what follows, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when the attempt is no longer ours, [`StoreError::Stale`] when
    /// what was decided rests on what is no longer so. Nothing was changed then.
    pub async fn finish(&self, lease: &Lease, finish: Finish, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        end_attempt(&mut tx, lease, &finish, now).await?;
        let mut ending = Ending {
            record: record(&mut tx, lease.attempt.submission).await?,
            attempt: lease.attempt.id,
            siblings: Vec::new(),
        };
        move_submission(&mut tx, &ending.record, &finish.next, now).await?;
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
            Next::Stay | Next::Withhold { .. } => self.notify(Change::Case(submission.id)),
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

async fn end_attempt(
    tx: &mut Transaction<'static, Any>,
    lease: &Lease,
    finish: &Finish,
    now: Timestamp,
) -> Result<()> {
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
        Next::Withhold { until, .. } => *until,
        _ => now,
    };
    let (outcome, ended_at) = match next {
        Next::End { outcome, .. } => (Some(outcome.as_str()), Some(now.0)),
        _ => (None, None),
    };
    let (undisclosed, incident) = match next {
        Next::Withhold {
            outcome, incident, ..
        } => (Some(outcome.as_str()), incident.clone()),
        Next::End { incident, .. } => (None, incident.clone()),
        _ => (None, None),
    };
    let moved = sqlx::query(
        "UPDATE submission SET stage = $1, working = 0, outcome = $2, incident = $3,
                ended_at = $4, ready_at = $5, undisclosed_outcome = $6
         WHERE id = $7 AND working = 1 AND outcome IS NULL",
    )
    .bind(stage.as_str())
    .bind(outcome)
    .bind(incident)
    .bind(ended_at)
    .bind(ready_at.0)
    .bind(undisclosed)
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

type Write = Transaction<'static, Any>;

impl Ending {
    async fn apply(
        &mut self,
        tx: &mut Write,
        next: &Next,
        effect: &Effect,
        now: Timestamp,
    ) -> Result<()> {
        match effect {
            Effect::Tasks(tasks) => self.set_tasks(tx, next, tasks, now).await,
            Effect::Image(facts, name) => self.put_image(tx, facts, name, now).await,
            Effect::UseImage(image) => self.use_image(tx, image).await,
            Effect::Quota {
                kind,
                amount,
                reason,
            } => quota::enter(tx, &self.record, (kind, *amount, reason), now).await,
            Effect::Score(revision, score) => self.put_score(tx, *revision, score, now).await,
            Effect::Outbox(item) => put(tx, item, now).await,
            Effect::StillUsed(board, believed) => {
                let mine = &self.record.submission;
                let used = quota::used(tx, (board, &mine.team), mine.id.0, now).await?;
                match used == *believed {
                    true => Ok(()),
                    false => Err(StoreError::Stale),
                }
            }
        }
    }

    async fn put_image(
        &self,
        tx: &mut Write,
        facts: &ImageFacts,
        build_name: &str,
        now: Timestamp,
    ) -> Result<()> {
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

    /// Enters a score, if its revision is one of the board that the submission is for, and the board
    /// still points to it: no submission may end unranked because its board was rescored meanwhile.
    async fn put_score(
        &self,
        tx: &mut Write,
        revision: i64,
        score: &Score,
        now: Timestamp,
    ) -> Result<()> {
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
            return Err(corrupt("revision of another board", revision.to_string()));
        }
        let current: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM board WHERE scoring_revision_id = $1")
                .bind(revision)
                .fetch_one(&mut **tx)
                .await?;
        match current {
            0 => Err(StoreError::Stale),
            _ => Ok(()),
        }
    }

    async fn set_tasks(
        &mut self,
        tx: &mut Write,
        next: &Next,
        tasks: &[(TaskSlug, String, PageToken)],
        now: Timestamp,
    ) -> Result<()> {
        let Some(((task, dockerfile, _), rest)) = tasks.split_first() else {
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
        // One that ends or is tried again has no siblings yet: they follow where it leads.
        let Next::Advance(stage) = next else {
            return Ok(());
        };
        for (task, dockerfile, token) in rest {
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
