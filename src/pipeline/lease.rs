//! Holding a lease while a stage works, and ending attempts that fail because of a platform error.
//!
//! A worker whose lease is lost stops at once: another worker owns the attempt, or the submission was withdrawn.

use std::future::Future;
use std::time::Instant;

use super::Engines;
use super::context::{Context, SubmissionContext};
use super::disclosure;
use super::forges::Forges;
use super::outbox::{self, Occasion};
use crate::clock;
use crate::executor::{self, ExecutorError};
use crate::model::{AttemptDetail, Backoff, Duration, KillReason, Lease, Outcome, Stage, limits};
use crate::store::{Effect, Finish, Next, StoreError, SubmissionRecord};

/// Pauses before an attempt that a platform error ended is retried.
const RETRY: Backoff = Backoff { first: Duration::seconds(4), most: Duration::seconds(512) };

/// A claimed attempt of a submission: everything that a stage needs to know about its work.
#[derive(Debug, Clone, Copy)]
pub struct Work<'a> {
    pub record: &'a SubmissionRecord,
    pub context: SubmissionContext<'a>,
    pub lease: &'a Lease,
}

/// Does the work of a lease and commits its end. A platform error becomes a retry, or, after enough retries, a fault
/// with an incident number. If the lease is lost meanwhile, the work stops and its jobs are removed.
///
/// # Errors
/// When the end could not be committed. Then the lease expires and the attempt is lost.
pub async fn hold(
    context: &Context,
    forges: &Forges,
    engines: &Engines,
    work: Work<'_>,
    execution: impl Future<Output = anyhow::Result<Finish>>,
) -> Result<(), StoreError> {
    let Work { record, lease, .. } = work;
    let executed = tokio::select! {
        result = execution => Ok(result),
        reason = until_lost(context, lease) => Err(reason),
    };
    let finish = match executed {
        Ok(Ok(finish)) => finish,
        Ok(Err(error)) => fault(context, record, lease, &error),
        Err(reason) => return stop(context, engines, lease, reason).await,
    };
    let finish = publish_or_withhold(context, forges, record, Some(work.context), finish);
    match context.store.finish(lease, finish, context.clock.now()).await {
        // The lease was lost while the end was written.
        Err(StoreError::LeaseLost(_)) => {
            let reason = context.store.loss(lease).await?;
            stop(context, engines, lease, reason.unwrap_or(KillReason::Orphaned)).await
        }
        // The result depends on rows that have changed: the leaderboard was rescored, for example.
        Err(StoreError::Stale) => {
            let now = context.clock.now();
            let reason = "the rows that the result depends on have changed".to_owned();
            let again = Finish::retry(now, AttemptDetail::Lost { reason });
            context.store.finish(lease, again, now).await
        }
        ended => ended,
    }
}

/// Adds to an end the messages that report it. Where the time of the end could disclose something about hidden data,
/// the outcome is withheld instead, and nothing is published.
fn publish_or_withhold(
    context: &Context,
    forges: &Forges,
    record: &SubmissionRecord,
    of: Option<SubmissionContext<'_>>,
    mut finish: Finish,
) -> Finish {
    if let Some(of) = of
        && disclosure::is_delayed(of, record.submission.stage())
    {
        finish.next = disclosure::withhold(finish.next, of, context.clock.now());
        return finish;
    }
    let messages = match finish.next {
        Next::Advance(_) => outbox::submission_updates(context, forges, record, Occasion::Progress),
        Next::End { outcome, .. } => outbox::end_updates(context, forges, record, outcome == Outcome::Scored),
        // The end of one of many cases is hidden, and a retry changes nothing that a forge shows.
        Next::Repeat | Next::Retry(_) | Next::Withhold { .. } => Vec::new(),
    };
    finish.effects.extend(messages.into_iter().map(Effect::Outbox));
    finish
}

/// Renews the lease until it is lost, and returns why. A withdrawal comes from another process, which writes the row
/// and cannot call this one.
async fn until_lost(context: &Context, lease: &Lease) -> KillReason {
    let attempt = lease.attempt.id.0;
    let mut renewed = Instant::now();
    loop {
        tokio::time::sleep(limits::LEASE_CHECK_INTERVAL.std()).await;
        match context.store.loss(lease).await {
            Ok(None) => {}
            Ok(Some(reason)) => return reason,
            Err(error) => tracing::warn!(attempt, %error, "lease not checked"),
        }
        if renewed.elapsed() < limits::LEASE_RENEW_EVERY.std() {
            continue;
        }
        renewed = Instant::now();
        match context.store.renew(lease, context.clock.now()).await {
            // The next check finds the reason.
            Ok(()) | Err(StoreError::LeaseLost(_)) => {}
            // The database may be busy. The lease holds for a while.
            Err(error) => tracing::warn!(attempt, %error, "lease not renewed"),
        }
    }
}

/// Removes the jobs of an attempt whose lease is lost. The reason is in the attempt's row already.
async fn stop(context: &Context, engines: &Engines, lease: &Lease, reason: KillReason) -> Result<(), StoreError> {
    let (attempt, submission) = (lease.attempt.id.0, lease.attempt.submission);
    engines.remove_jobs_of(&lease.name(), reason).await;
    // A call to the engine that was interrupted may still have created a job.
    tokio::time::sleep(limits::LEASE_CHECK_INTERVAL.std()).await;
    engines.remove_jobs_of(&lease.name(), reason).await;
    let record = context.store.submission(submission).await?;
    if record.submission.outcome() == Some(Outcome::Withdrawn) {
        tracing::info!(submission = submission.0, attempt, "submission withdrawn; its running job was removed");
        Ok(())
    } else {
        Err(StoreError::LeaseLost(attempt))
    }
}

/// Records in the attempt's row that its job is about to be killed.
pub async fn record_kill(context: &Context, lease: &Lease, reason: KillReason) -> executor::Result<()> {
    let recorded = context.store.record_kill(lease, reason).await;
    recorded.map_err(|e| ExecutorError::Staging(std::io::Error::other(e)))
}

/// The end of an attempt after a platform error. The log holds the whole error under an incident number. Only the
/// number is shown outside.
fn fault(context: &Context, record: &SubmissionRecord, lease: &Lease, error: &anyhow::Error) -> Finish {
    let incident = clock::incident();
    let number = lease.attempt.number;
    // After a rerun there are as many retries again.
    let last = number % limits::ATTEMPTS_MAX == 0;
    tracing::error!(
        incident,
        submission = record.submission.id.0,
        attempt = lease.attempt.id.0,
        stage = lease.attempt.stage.as_str(),
        last,
        error = format!("{error:#}"),
        "attempt failed because of a platform error"
    );
    let detail = AttemptDetail::Fault { incident: incident.clone() };
    if last {
        refund(Finish::fault(incident, detail), record)
    } else {
        let pause = RETRY.jittered(number - 1, clock::jitter());
        Finish::retry(context.clock.now().plus(pause), detail)
    }
}

/// Refunds an evaluation, if one was spent. The quota ledger ignores the refund if none was.
fn refund(finish: Finish, record: &SubmissionRecord) -> Finish {
    if record.submission.stage() <= Stage::Run {
        return finish;
    }
    finish.with_effect(Effect::Quota { kind: "evaluation", amount: -1, reason: "not the participant's fault" })
}

/// Ends attempts whose owner is gone, so that their submissions continue. Returns how many. The caller has removed
/// their jobs: only the owner of an attempt reads its output, so a repeated run cannot mix with an old one.
pub async fn recover(context: &Context, forges: &Forges) -> anyhow::Result<usize> {
    let now = context.clock.now();
    let orphans = context.store.orphans(&context.owner, now).await?;
    for orphan in &orphans {
        let record = context.store.submission(orphan.attempt.submission).await?;
        let lease = Lease { attempt: orphan.attempt.clone(), owner: orphan.owner.clone(), seed: orphan.seed };
        let reason = "the daemon was restarted".to_owned();
        let detail = AttemptDetail::Lost { reason };
        let finish = if orphan.attempt.number % limits::ATTEMPTS_WITH_RESTARTS_MAX == 0 {
            let incident = format!("a{}", orphan.attempt.id);
            refund(Finish::fault(incident, detail), &record)
        } else {
            Finish::retry(now, detail)
        };
        let of = context.of(&record).ok();
        let finish = publish_or_withhold(context, forges, &record, of, finish);
        match context.store.finish(&lease, finish, now).await {
            Ok(()) => tracing::warn!(
                submission = record.submission.id.0,
                attempt = orphan.attempt.id.0,
                "attempt of an earlier start is lost; it is repeated"
            ),
            // It ended in the meantime.
            Err(StoreError::LeaseLost(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(orphans.len())
}
