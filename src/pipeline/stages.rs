//! The stage runner: claims a waiting submission, executes its stage under a lease, and commits the end.
//!
//! All stages go this way. What a stage does is in a file of its own.

use super::App;
use super::context::{Progress, SubmissionContext};
use super::lease::{self, Work};
use super::schedule::{self, PausedBoards};
use super::slots::Slot;
use super::{admission, build, run, scoring, smoke};
use crate::clock;
use crate::model::{Lease, Stage};
use crate::store::{Claim, Finish, SubmissionRecord};

/// Executes one attempt of a stage, if a submission waits for it. Smoke and run share the slots of the runner, so a
/// step of one is a step of both.
///
/// # Errors
/// When the database fails. All other errors are recorded in the attempt's row.
pub async fn step(app: &App, stage: Stage) -> anyhow::Result<Progress> {
    let context = &app.context;
    let waiting = if schedule::needs_slot(stage) {
        schedule::order(context).await?
    } else {
        context.store.waiting_for(stage, context.clock.now()).await?
    };
    if waiting.is_empty() {
        return Ok(Progress::Idle);
    }
    let paused = PausedBoards::read(context).await?;
    for record in &waiting {
        if paused.contains(record) {
            continue;
        }
        // The configuration no longer has the phase or the task.
        let Ok(of) = context.of(record) else {
            continue;
        };
        let Some((lease, slot)) = claim(app, record, of).await? else {
            continue;
        };
        let work = Work { record, context: of, lease: &lease };
        let execution = execute(app, work, slot.as_ref());
        let held = lease::hold(context, &app.forges, &app.engines, work, execution);
        if let Err(error) = held.await {
            tracing::error!(attempt = lease.attempt.id.0, %error, "attempt not ended");
        }
        return Ok(Progress::Worked);
    }
    Ok(Progress::Idle)
}

/// Claims the next attempt of a submission, with a slot of the runner where the stage needs one. `None` if it cannot
/// start now, or another worker was faster.
async fn claim(
    app: &App,
    record: &SubmissionRecord,
    of: SubmissionContext<'_>,
) -> anyhow::Result<Option<(Lease, Option<Slot>)>> {
    let context = &app.context;
    let stage = record.submission.stage();
    if stage == Stage::Run && schedule::is_at_limit(context, record, of).await? {
        return Ok(None);
    }
    let mut slot = None;
    if schedule::needs_slot(stage) {
        slot = app.slots.take(of.task()?.limits.gpus);
        if slot.is_none() {
            return Ok(None);
        }
    }
    let case = match stage {
        Stage::Run => run::next_case(context, record, of).await?,
        _ => None,
    };
    let claim = Claim { submission: record.submission.id, stage, case, owner: &context.owner, seed: clock::seed() };
    let lease = context.store.claim(&claim, context.clock.now()).await?;
    Ok(lease.map(|lease| (lease, slot)))
}

/// Executes the stage of a claimed attempt.
async fn execute(app: &App, work: Work<'_>, slot: Option<&Slot>) -> anyhow::Result<Finish> {
    let App { context, forges, engines, scorers, .. } = app;
    let gpus = slot.map_or(&[][..], |slot| &slot.gpus);
    match work.record.submission.stage() {
        Stage::Admission => admission::attempt(context, forges, work).await,
        Stage::Build => build::attempt(context, forges, engines, work).await,
        Stage::Smoke => smoke::attempt(context, engines, scorers, work, gpus).await,
        Stage::Run => run::attempt(context, engines, work, gpus).await,
        Stage::Scoring => scoring::attempt(context, engines, scorers, work).await,
    }
}
