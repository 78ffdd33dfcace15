//! The loops that run the pipeline. A change in the database wakes them; a slow tick covers a missed wake-up.
//!
//! A loop never ends because of an error: it logs the error, waits, and continues.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration as StdDuration;

use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

use super::App;
use super::context::Progress;
use super::{commands, disclosure, image_removal, intake, lease, observe, publish, rescore, retention, stages};
use crate::model::{Stage, limits};
use crate::store::{DeliveryKind, PriorityClass};

/// Rows that become ready as time passes are found this often.
const TICK: StdDuration = StdDuration::from_millis(500);
/// The pause after an error of the database.
const PAUSE: StdDuration = StdDuration::from_secs(2);
/// Admissions at the same time.
const ADMISSIONS: usize = 2;

/// Starts all loops. They run until the process ends or the set is dropped.
pub fn start(app: &Arc<App>) -> JoinSet<()> {
    let mut set = JoinSet::new();
    let jobs = app.context.settings.runner.slots as usize + app.slots.gpus();
    for (stage, at_once) in [
        (Stage::Admission, ADMISSIONS),
        (Stage::Build, 1),
        // Smoke runs and runs share the slots.
        (Stage::Run, jobs.max(1)),
        (Stage::Scoring, 1),
    ] {
        for _ in 0..at_once {
            spawn(&mut set, app, move |app| async move { stages::step(&app, stage).await });
        }
    }
    for about in [DeliveryKind::Texts, DeliveryKind::Other] {
        spawn(&mut set, app, move |app| async move {
            let handled = intake::step(&app, about).await?;
            Ok(Progress::from_worked(handled > 0))
        });
    }
    for forge in app.forges.names() {
        for class in [PriorityClass::Answers, PriorityClass::Urgent, PriorityClass::Rest] {
            let forge = forge.clone();
            spawn(&mut set, app, move |app| {
                let forge = forge.clone();
                async move { publish::step(&app, &forge, class).await }
            });
        }
    }
    spawn(&mut set, app, |app| async move { rescore::step(&app).await });
    spawn(&mut set, app, |app| async move { commands::step(&app).await });
    spawn(&mut set, app, |app| async move { disclosure::step(&app.context, &app.forges).await });
    spawn(&mut set, app, |app| async move { image_removal::step(&app.context, &app.engines).await });
    let sweep = Arc::clone(app);
    set.spawn(async move { sweep_for_ever(&sweep).await });
    let retention = Arc::clone(app);
    set.spawn(async move {
        loop {
            retention::pass(&retention).await;
            tokio::time::sleep(limits::RETENTION_INTERVAL.std()).await;
        }
    });
    set
}

fn spawn<F, R>(set: &mut JoinSet<()>, app: &Arc<App>, step: F)
where
    F: Fn(Arc<App>) -> R + Send + Sync + 'static,
    R: Future<Output = anyhow::Result<Progress>> + Send,
{
    let app = Arc::clone(app);
    set.spawn(async move { repeat_for_ever(&app, step).await });
}

/// Repeats a step until there is nothing to do, and again after each change.
async fn repeat_for_ever<F, R>(app: &Arc<App>, step: F)
where
    F: Fn(Arc<App>) -> R,
    R: Future<Output = anyhow::Result<Progress>>,
{
    let mut changes = app.context.store.changes();
    loop {
        match step(Arc::clone(app)).await {
            Ok(Progress::Worked) => continue,
            Ok(Progress::Idle) => {}
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "a step of the pipeline failed");
                tokio::time::sleep(PAUSE).await;
            }
        }
        // The subscription is older than the step, so a change during the step is waiting here.
        let change = tokio::time::timeout(TICK, changes.recv()).await;
        if let Ok(Err(RecvError::Lagged(_))) = change {
            changes = changes.resubscribe();
        }
        // One step serves all changes so far.
        while changes.try_recv().is_ok() {}
    }
}

async fn sweep_for_ever(app: &App) {
    loop {
        if let Err(error) = observe::sweep(&app.context, &app.forges).await {
            tracing::error!(error = format!("{error:#}"), "the sweep failed");
        }
        if let Err(error) = lease::recover(&app.context, &app.forges).await {
            tracing::error!(error = format!("{error:#}"), "lost attempts not ended");
        }
        tokio::time::sleep(limits::SWEEP_INTERVAL.std()).await;
    }
}
