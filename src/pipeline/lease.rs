//! Holding a lease while work is done, and what is made of errors of ours.
//!
//! A worker whose lease is lost stops at once: somebody else owns the attempt.

use std::future::Future;
use std::time::Instant;

use super::{App, disclosure, publish};
use crate::clock;
use crate::model::{AttemptState, Blame, Duration, KillReason, Lease, Outcome, Timestamp, limits};
use crate::store::{Effect, Finish, NewOutboxMessage, Next, StoreError, SubmissionRecord};

/// Attempts in all, those cut short by a restart included: a job that takes the daemon down with it
/// must not do so for ever.
const ATTEMPTS_WITH_RESTARTS_MAX: i64 = 10;
/// First pause before an attempt that failed for our reasons is made again; doubled each time.
const RETRY_PAUSE: Duration = Duration::seconds(2);

/// Does the work of a lease and commits its end. Errors of ours become another attempt, or, when
/// there were enough, a final fault with an incident number. Work that somebody else has ended
/// meanwhile, by withdrawing its submission above all, is stopped, and what it started is removed.
///
/// # Errors
/// When not even the end could be committed; the lease then runs out and the attempt is lost.
pub async fn work<F>(
    app: &App,
    record: &SubmissionRecord,
    lease: &Lease,
    doing: F,
) -> Result<(), StoreError>
where
    F: Future<Output = anyhow::Result<Finish>>,
{
    let done = tokio::select! {
        result = doing => Ok(result),
        reason = until_lost(app, lease) => Err(reason),
    };
    let mut finish = match done {
        Ok(Ok(finish)) => finish,
        Ok(Err(error)) => fault(app, record, lease, &error),
        Err(reason) => return stop(app, record, lease, reason).await,
    };
    keep_quiet_or_tell(app, record, &mut finish);
    match app.store.finish(lease, finish, app.clock.now()).await {
        // It was ended in the very moment in which it was done.
        Err(StoreError::LeaseLost(_)) => {
            let reason = app.store.loss(lease).await?;
            stop(app, record, lease, reason.unwrap_or(KillReason::Orphaned)).await
        }
        // The verdict rests on what is no longer so: a board that was rescored, say.
        Err(StoreError::Stale) => {
            let again = stale(app.clock.now());
            app.store.finish(lease, again, app.clock.now()).await
        }
        ended => ended,
    }
}

/// Nobody's fault: the work is done again on what is so now.
fn stale(now: Timestamp) -> Finish {
    Finish {
        state: AttemptState::Lost,
        blame: Some(Blame::Infrastructure),
        findings: Vec::new(),
        log: None,
        detail: serde_json::json!({ "lost": "what it was decided on has changed" }),
        artifact: None,
        next: Next::Retry(now),
        effects: Vec::new(),
    }
}

/// Adds to an end what a forge is told of it, or seals it where its moment tells something of hidden
/// data: then there is no news before the seal is broken.
fn keep_quiet_or_tell(app: &App, record: &SubmissionRecord, finish: &mut Finish) {
    if let Ok(scope) = app.context(record)
        && disclosure::hides(scope, record.submission.stage)
    {
        let next = std::mem::replace(&mut finish.next, Next::Stay);
        finish.next = disclosure::undisclosed(next, scope, app.clock.now());
        return;
    }
    let news = news(app, record, finish);
    finish.effects.extend(news);
}

/// What a forge is told of an end: every step forward and every verdict. The end of one case of many
/// is nobody's to know, and an attempt that is made again is no news.
fn news(app: &App, record: &SubmissionRecord, finish: &Finish) -> Vec<Effect> {
    let messages = match finish.next {
        Next::Advance(_) => publish::messages(app, record, false),
        Next::End { outcome, .. } => verdict(app, record, outcome == Outcome::Scored),
        Next::Stay | Next::Retry(_) | Next::Withhold { .. } => Vec::new(),
    };
    messages.into_iter().map(Effect::Outbox).collect()
}

/// What a forge is told of a verdict; with the leaderboard, where it may have changed.
pub(super) fn verdict(app: &App, record: &SubmissionRecord, ranked: bool) -> Vec<NewOutboxMessage> {
    let mut messages = publish::messages(app, record, true);
    let challenge = app.challenge(&record.submission.challenge);
    messages.extend(
        challenge
            .filter(|_| ranked)
            .and_then(|c| publish::boards(app, c)),
    );
    messages
}

/// Waits until the lease is lost, and renews it until then. Why the work must stop: withdrawals
/// come from other processes, which write the row and cannot call us.
async fn until_lost(app: &App, lease: &Lease) -> KillReason {
    let mut renewed = Instant::now();
    loop {
        tokio::time::sleep(limits::LEASE_LOOK_EVERY.std()).await;
        match app.store.loss(lease).await {
            Ok(None) => {}
            Ok(Some(reason)) => return reason,
            Err(error) => tracing::warn!(attempt = lease.attempt.id.0, %error, "lease not seen"),
        }
        if renewed.elapsed() < limits::LEASE_RENEW_EVERY.std() {
            continue;
        }
        renewed = Instant::now();
        match app.store.renew(lease, app.clock.now()).await {
            // The next look tells why it is lost.
            Ok(()) | Err(StoreError::LeaseLost(_)) => {}
            // The database may be busy; the lease is still good for a while.
            Err(error) => tracing::warn!(attempt = lease.attempt.id.0, %error, "lease not renewed"),
        }
    }
}

/// Ends what is left of work whose lease is lost. The reason stands in the attempt's row already.
async fn stop(
    app: &App,
    record: &SubmissionRecord,
    lease: &Lease,
    reason: KillReason,
) -> Result<(), StoreError> {
    remove_jobs(app, lease, reason).await;
    // A call to the engine that was cut off may still have made something.
    tokio::time::sleep(limits::LEASE_LOOK_EVERY.std()).await;
    remove_jobs(app, lease, reason).await;
    match app
        .store
        .submission(lease.attempt.submission)
        .await?
        .submission
        .outcome
    {
        Some(Outcome::Withdrawn) => {
            tracing::info!(
                submission = record.submission.id.0,
                attempt = lease.attempt.id.0,
                "withdrawn; what ran of it has been ended"
            );
            Ok(())
        }
        _ => Err(StoreError::LeaseLost(lease.attempt.id.0)),
    }
}

/// Removes from the engines what an attempt has started there and can no longer end.
async fn remove_jobs(app: &App, lease: &Lease, reason: KillReason) {
    app.engines.remove_jobs_of(&lease.name(), reason).await;
}

/// What follows an error of ours. The chain goes to the log under a number; outside goes the number.
fn fault(app: &App, record: &SubmissionRecord, lease: &Lease, error: &anyhow::Error) -> Finish {
    let incident = hex::encode(clock::random_bytes::<3>());
    // Again so many, where an organizer has ordered another run after the last.
    let last = lease.attempt.number % limits::ATTEMPTS_MAX == 0;
    tracing::error!(
        incident,
        submission = record.submission.id.0,
        attempt = lease.attempt.id.0,
        kind = lease.attempt.stage.as_str(),
        last,
        error = format!("{error:#}"),
        "attempt failed for a reason of ours"
    );
    let pause = RETRY_PAUSE.0 << lease.attempt.number.clamp(0, 8);
    Finish {
        state: AttemptState::Lost,
        blame: Some(Blame::Infrastructure),
        findings: Vec::new(),
        log: None,
        detail: serde_json::json!({ "incident": incident }),
        artifact: None,
        next: match last {
            false => Next::Retry(app.clock.now().plus(Duration(pause))),
            true => Next::End {
                outcome: Outcome::Fault,
                incident: Some(incident),
            },
        },
        effects: if last { refund(record) } else { Vec::new() },
    }
}

/// Gives an evaluation back, if one was spent. The ledger nets it out when none was.
fn refund(record: &SubmissionRecord) -> Vec<Effect> {
    match record.submission.stage > crate::model::Stage::Run {
        true => vec![Effect::Quota {
            kind: "evaluation",
            amount: -1,
            reason: "not the participant's fault",
        }],
        false => Vec::new(),
    }
}

/// Ends attempts whose owner is gone and lets their submissions go on. Their containers are removed
/// first: an attempt's output is only ever read by its owner, so a repeated run cannot mix with it.
///
/// # Errors
/// When the database fails.
pub async fn recover(app: &App) -> anyhow::Result<usize> {
    let now = app.clock.now();
    let orphans = app.store.orphans(&app.owner, now).await?;
    for orphan in &orphans {
        let record = app.store.submission(orphan.attempt.submission).await?;
        let lease = Lease {
            attempt: orphan.attempt.clone(),
            owner: orphan.owner.clone(),
            seed: orphan.seed,
        };
        let too_many = orphan.attempt.number % ATTEMPTS_WITH_RESTARTS_MAX == 0;
        let mut finish = Finish {
            state: AttemptState::Lost,
            blame: Some(Blame::Infrastructure),
            findings: Vec::new(),
            log: None,
            detail: serde_json::json!({ "lost": "the daemon was restarted" }),
            artifact: None,
            next: match too_many {
                false => Next::Retry(now),
                true => Next::End {
                    outcome: Outcome::Fault,
                    incident: Some(format!("a{}", orphan.attempt.id)),
                },
            },
            effects: if too_many {
                refund(&record)
            } else {
                Vec::new()
            },
        };
        keep_quiet_or_tell(app, &record, &mut finish);
        match app.store.finish(&lease, finish, now).await {
            Ok(()) => tracing::warn!(
                submission = record.submission.id.0,
                attempt = orphan.attempt.id.0,
                "attempt of an earlier start is lost; it is made again"
            ),
            // It ended while we looked.
            Err(StoreError::LeaseLost(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(orphans.len())
}
