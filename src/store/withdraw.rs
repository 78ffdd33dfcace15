//! Ending a submission from outside, and taking an ended one up again: by its team or an organizer,
//! whatever it is at.

use sqlx::Row as _;

use super::audit::append;
use super::outbox::{NewOutboxMessage, put};
use super::submission::record;
use super::{Change, NewAuditEntry, Result, Store, StoreError, SubmissionRecord, quota, row};
use crate::model::{AttemptId, ImageId, KillReason, Outcome, Rerun, Timestamp};

/// What a withdrawal met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withdrawn {
    /// It was waiting.
    Waiting,
    /// This attempt was under way; its worker finds its lease gone and removes what it started.
    Working(AttemptId),
    /// It had ended before, this way; nothing was changed.
    Ended(Outcome),
}

/// An image that nothing wants any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnwantedImage {
    /// The image.
    pub id: ImageId,
    /// The name under which it was built.
    pub build_name: String,
    source: i64,
    dockerfile: String,
}

/// What a withdrawal costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// Nothing, also if an evaluation was spent: an organizer cancels.
    Nothing,
    /// The evaluation, once hidden inputs were mounted: its team withdraws. Who could look at hidden
    /// data and then withdraw would have a look for nothing.
    WhatWasSeen,
}

/// What is written with an order about a submission.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    /// Who ordered it and what changed.
    pub audit: &'a NewAuditEntry,
    /// What the forge is told of it.
    pub reports: &'a [NewOutboxMessage],
}

impl Store {
    /// Withdraws a submission. Its worker, if it has one, loses the lease: whatever comes of the
    /// work can no longer be committed. `show` is what the forge is told of it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn withdraw(
        &self,
        known: &SubmissionRecord,
        charge: Charge,
        written: Written<'_>,
        now: Timestamp,
    ) -> Result<Withdrawn> {
        let id = known.submission.id;
        let mut tx = self.begin().await?;
        let ended = sqlx::query(
            "UPDATE submission SET outcome = $1, ended_at = $2, working = 0, undisclosed_outcome = NULL,
                    incident = NULL
             WHERE id = $3 AND outcome IS NULL",
        )
        .bind(Outcome::Withdrawn.as_str())
        .bind(now.0)
        .bind(id.0)
        .execute(&mut *tx)
        .await?;
        if ended.rows_affected() == 0 {
            let outcome = row::outcome(
                &sqlx::query("SELECT outcome FROM submission WHERE id = $1")
                    .bind(id.0)
                    .fetch_one(&mut *tx)
                    .await?,
            )?;
            return Ok(Withdrawn::Ended(outcome.unwrap_or(Outcome::Withdrawn)));
        }
        let record = record(&mut tx, id).await?;
        let seen: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM attempt
             WHERE submission_id = $1 AND stage = 'run' AND state <> 'lost'",
        )
        .bind(id.0)
        .fetch_one(&mut *tx)
        .await?;
        let spent = match charge {
            Charge::Nothing => Some((-1, "cancelled by an organizer")),
            Charge::WhatWasSeen => (seen > 0).then_some((1, "withdrawn during its evaluation")),
        };
        if let Some((amount, why)) = spent {
            quota::enter(&mut tx, &record, ("evaluation", amount, why), now).await?;
        }
        let reason = row::to_json(&KillReason::Cancelled)?;
        let attempt = sqlx::query(
            "UPDATE attempt SET state = 'lost', kill_reason = COALESCE(kill_reason, $1),
                    ended_at = $2
             WHERE submission_id = $3 AND state = 'running' RETURNING id",
        )
        .bind(reason.trim_matches('"'))
        .bind(now.0)
        .bind(id.0)
        .fetch_optional(&mut *tx)
        .await?;
        append(&mut tx, written.audit, now).await?;
        for report in written.reports {
            put(&mut tx, report, now).await?;
        }
        tx.commit().await?;
        self.notify_end(&record.submission);
        self.notify(Change::Outbox);
        Ok(match attempt {
            Some(row) => Withdrawn::Working(AttemptId(row.try_get("id")?)),
            None => Withdrawn::Waiting,
        })
    }

    /// Images whose submissions, those of all tasks that share them, are all withdrawn.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unwanted_images(&self) -> Result<Vec<UnwantedImage>> {
        sqlx::query(
            "SELECT i.id, i.build_name, i.source_id, i.dockerfile FROM image i
             WHERE NOT EXISTS (SELECT 1 FROM submission s
               WHERE s.source_id = i.source_id AND s.dockerfile = i.dockerfile
                 AND (s.outcome IS NULL OR s.outcome <> 'withdrawn'))",
        )
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(|found| {
            Ok(UnwantedImage {
                id: row::text(found, "id")?,
                build_name: found.try_get("build_name")?,
                source: found.try_get("source_id")?,
                dockerfile: found.try_get("dockerfile")?,
            })
        })
        .collect()
    }

    /// Forgets an image that the engine no longer has.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_image(&self, image: &UnwantedImage) -> Result<()> {
        sqlx::query("DELETE FROM image WHERE source_id = $1 AND dockerfile = $2 AND id = $3")
            .bind(image.source)
            .bind(&image.dockerfile)
            .bind(image.id.as_str())
            .execute(&self.writes)
            .await?;
        Ok(())
    }

    /// Takes an ended submission up again.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it has not ended as the way back believes.
    pub async fn rerun(&self, way: &Rerun, written: Written<'_>, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        let taken = sqlx::query(
            "UPDATE submission SET stage = $1, outcome = NULL, incident = NULL, ended_at = NULL,
                    working = 0, ready_at = $2
             WHERE id = $3 AND outcome = $4 AND stage = $5",
        )
        .bind(way.to().as_str())
        .bind(now.0)
        .bind(way.submission().0)
        .bind(way.from().as_str())
        .bind(way.ended_at().as_str())
        .execute(&mut *tx)
        .await?;
        if taken.rows_affected() != 1 {
            return Err(StoreError::Stale);
        }
        let record = record(&mut tx, way.submission()).await?;
        append(&mut tx, written.audit, now).await?;
        for report in written.reports {
            put(&mut tx, report, now).await?;
        }
        tx.commit().await?;
        self.notify_end(&record.submission);
        self.notify(Change::Outbox);
        Ok(())
    }
}
