//! The loops that call the stages: woken by changes, and by a slow tick should a wake-up be missed.
//!
//! A loop never ends by an error: it says so, waits, and goes on.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration as StdDuration;

use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

use super::{
    App, Progress, commands, disclosure, intake, lease, observe, publish, rescore, retention, step,
    withdrawal,
};
use crate::model::{Stage, limits};
use crate::store::{About, PriorityClass};

/// Rows that become ready by the passing of time are found this often.
const TICK: StdDuration = StdDuration::from_millis(500);
/// After an error of the database.
const PAUSE: StdDuration = StdDuration::from_secs(2);
/// Commits read and checked at the same time.
const RULES_AT_ONCE: usize = 2;

/// Everything that runs until the process ends or the set is dropped.
pub fn start(app: &Arc<App>) -> JoinSet<()> {
    let mut set = JoinSet::new();
    let jobs = app.settings.runner.slots as usize + app.slots.gpus();
    for (stage, at_once) in [
        (Stage::Admission, RULES_AT_ONCE),
        (Stage::Build, 1),
        (Stage::Run, jobs.max(1)),
        (Stage::Scoring, 1),
    ] {
        for _ in 0..at_once {
            spawn(
                &mut set,
                app,
                move |app| async move { step(&app, stage).await },
            );
        }
    }
    for about in [About::Texts, About::Rest] {
        spawn(&mut set, app, move |app| async move {
            Ok(match intake::step(&app, about).await? {
                0 => Progress::Idle,
                _ => Progress::Worked,
            })
        });
    }
    for forge in app.forges.keys() {
        for priority_class in [
            PriorityClass::Answers,
            PriorityClass::Urgent,
            PriorityClass::Rest,
        ] {
            let forge = forge.clone();
            spawn(&mut set, app, move |app| {
                let forge = forge.clone();
                async move { publish::step(&app, &forge, priority_class).await }
            });
        }
    }
    spawn(
        &mut set,
        app,
        |app| async move { rescore::step(&app).await },
    );
    spawn(
        &mut set,
        app,
        |app| async move { commands::step(&app).await },
    );
    spawn(
        &mut set,
        app,
        |app| async move { disclosure::step(&app).await },
    );
    spawn(
        &mut set,
        app,
        |app| async move { withdrawal::step(&app).await },
    );
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
    set.spawn(async move { until_idle_for_ever(&app, step).await });
}

async fn until_idle_for_ever<F, R>(app: &Arc<App>, step: F)
where
    F: Fn(Arc<App>) -> R,
    R: Future<Output = anyhow::Result<Progress>>,
{
    let mut changes = app.store.changes();
    loop {
        match step(Arc::clone(app)).await {
            Ok(Progress::Worked) => continue,
            Ok(Progress::Idle) => {}
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "a stage failed");
                tokio::time::sleep(PAUSE).await;
            }
        }
        // Subscribed before the step looked, so a change in between is waiting here.
        let change = tokio::time::timeout(TICK, changes.recv()).await;
        if let Ok(Err(RecvError::Lagged(_))) = change {
            changes = changes.resubscribe();
        }
        // One look answers for all changes so far.
        while changes.try_recv().is_ok() {}
    }
}

async fn sweep_for_ever(app: &Arc<App>) {
    loop {
        if let Err(error) = observe::sweep(app).await {
            tracing::error!(error = format!("{error:#}"), "the sweep failed");
        }
        if let Err(error) = lease::recover(app).await {
            tracing::error!(error = format!("{error:#}"), "lost attempts not ended");
        }
        tokio::time::sleep(limits::SWEEP_INTERVAL.std()).await;
    }
}
