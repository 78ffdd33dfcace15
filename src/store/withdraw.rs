//! Ending a submission from outside (withdraw, cancel), and running an ended one again.

use sqlx::{Any, Row as _, Transaction};

use super::submission::{record, transition};
use super::{Change, CommandEffects, Result, Store, StoreError, SubmissionRecord, quota};
use crate::model::{AttemptId, KillReason, Outcome, RerunPlan, Timestamp};

/// The effect of a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withdrawn {
    /// The submission was waiting.
    Waiting,
    /// This attempt was running. Its worker finds its lease lost and removes the job.
    Working(AttemptId),
    /// The submission had ended before, with this outcome. Nothing was changed.
    Ended(Outcome),
}

/// The price of a withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// Nothing, and a spent evaluation is refunded: an organizer cancels.
    Nothing,
    /// An evaluation, if hidden inputs were mounted: a team withdraws. Otherwise a team could look at hidden data and
    /// withdraw for free.
    UsedEvaluation,
}

impl Store {
    /// Withdraws a submission. If a worker holds a lease of it, the lease is lost: its result can no longer be
    /// committed.
    pub async fn withdraw(
        &self,
        known: &SubmissionRecord,
        charge: Charge,
        effects: CommandEffects<'_>,
        now: Timestamp,
    ) -> Result<Withdrawn> {
        let id = known.submission.id;
        let mut tx = self.begin().await?;
        let mut record = record(&mut tx, id).await?;
        if let Some(outcome) = record.submission.outcome() {
            return Ok(Withdrawn::Ended(outcome));
        }
        let ready_at = record.ready_at;
        transition(&mut tx, &mut record, ready_at, |state| state.withdraw(now)).await?;
        let evaluated: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM attempt
             WHERE submission_id = $1 AND stage = 'run' AND state <> 'lost'",
        )
        .bind(id.0)
        .fetch_one(&mut *tx)
        .await?;
        let entry = match charge {
            Charge::Nothing => Some((-1, "cancelled by an organizer")),
            Charge::UsedEvaluation => (evaluated > 0).then_some((1, "withdrawn during its evaluation")),
        };
        if let Some((amount, reason)) = entry {
            quota::enter(&mut tx, &record, "evaluation", amount, reason, now).await?;
        }
        let attempt = sqlx::query(
            "UPDATE attempt SET state = 'lost', kill_reason = COALESCE(kill_reason, $1), ended_at = $2
             WHERE submission_id = $3 AND state = 'running' RETURNING id",
        )
        .bind(<&str>::from(KillReason::Cancelled))
        .bind(now.0)
        .bind(id.0)
        .fetch_optional(&mut *tx)
        .await?;
        self.commit_command(tx, &record, effects, now).await?;
        Ok(match attempt {
            Some(row) => Withdrawn::Working(AttemptId(row.try_get("id")?)),
            None => Withdrawn::Waiting,
        })
    }

    /// Runs an ended submission again.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it no longer has the outcome or the stage that `rerun` was made for.
    pub async fn rerun(&self, rerun: &RerunPlan, effects: CommandEffects<'_>, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        let mut record = record(&mut tx, rerun.submission()).await?;
        let submission = &record.submission;
        if submission.outcome() != Some(rerun.from()) || submission.stage() != rerun.ended_at() {
            return Err(StoreError::Stale);
        }
        transition(&mut tx, &mut record, now, |state| state.rerun(rerun.to())).await?;
        self.commit_command(tx, &record, effects, now).await
    }

    async fn commit_command(
        &self,
        mut tx: Transaction<'static, Any>,
        record: &SubmissionRecord,
        effects: CommandEffects<'_>,
        now: Timestamp,
    ) -> Result<()> {
        effects.write(&mut tx, now).await?;
        tx.commit().await?;
        self.notify_end(&record.submission);
        self.notify(Change::Outbox);
        Ok(())
    }
}
