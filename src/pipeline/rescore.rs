//! Rescoring: the stored predictions of a board through the scorer as it is on the disk now. No
//! container of a participant runs, and no GPU is used.
//!
//! ```text
//!  ordered ─▶ prepare ─▶ running ─▶ one submission after the other ─▶ ready ─▶ applied by order
//!             scorer,                predictions + truth                        board turns, all
//!             definition             under a lease                              scores at once
//! ```
//!
//! The board is not touched before the order to apply. A submission that is scored meanwhile is taken
//! in, also when all the others were ready.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;

use super::scorer::{self, Scored, Scoring};
use super::{App, Progress, Scope, score, scoring_revision};
use crate::config;
use crate::model::{Board, Challenge, Definition, Duration, KillReason, limits};
use crate::store::{ItemEnd, Rescore, RescoreLease, StoreError, SubmissionRecord};

/// Tries, those cut short by a restart included: a scorer that takes the daemon down with it must
/// not do so for ever.
const ATTEMPTS_WITH_RESTARTS_MAX: i64 = 10;
/// Pause before the next try after a fault of ours.
const PAUSE: Duration = Duration::seconds(5);
/// Characters of a scorer's log that a problem repeats.
const LOG_CHARS: usize = 2000;

/// Does one piece of work of a rescore, if there is any.
///
/// # Errors
/// When the database fails.
pub async fn step(app: &App) -> anyhow::Result<Progress> {
    let now = app.clock.now();
    if let Some((rescore, lease)) = app.store.claim_rescore(&app.owner, now).await? {
        ended(prepare_leased(app, &rescore, &lease).await)?;
        return Ok(Progress::Worked);
    }
    let claimed = app.store.claim_rescore_item(&app.owner, now).await?;
    if let Some((rescore, record, lease)) = claimed {
        ended(replay_leased(app, (&rescore, &record), &lease).await)?;
        return Ok(Progress::Worked);
    }
    Ok(match app.store.advance_rescores(now).await? {
        true => Progress::Worked,
        false => Progress::Idle,
    })
}

/// A lease that was lost is no fault: the rescore was discarded, or somebody else has it.
fn ended(result: Result<(), StoreError>) -> anyhow::Result<()> {
    match result {
        Ok(()) => Ok(()),
        Err(StoreError::LeaseLost(id)) => {
            tracing::info!(rescore = id, "no longer ours");
            Ok(())
        }
        Err(StoreError::Stale) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Waits for work as long as its lease is renewed.
async fn held<T>(
    app: &App,
    lease: &RescoreLease,
    work: impl Future<Output = anyhow::Result<T>>,
) -> Result<anyhow::Result<T>, StoreError> {
    let lost = AtomicBool::new(false);
    let renewing = async {
        loop {
            tokio::time::sleep(limits::LEASE_RENEW_EVERY.std()).await;
            match app.store.renew_rescore(lease, app.clock.now()).await {
                Err(StoreError::LeaseLost(_)) => return lost.store(true, Ordering::Relaxed),
                Err(error) => tracing::warn!(%error, "lease of a rescore not renewed"),
                Ok(()) => {}
            }
        }
    };
    let result = tokio::select! {
        result = work => result,
        () = renewing => Err(anyhow::anyhow!("the lease was lost")),
    };
    if lost.load(Ordering::Relaxed) {
        app.engines
            .remove_jobs_of(&name(lease), KillReason::Orphaned)
            .await;
        return Err(StoreError::LeaseLost(lease.rescore));
    }
    Ok(result)
}

/// A name unique to this try, fit for a container or a directory.
fn name(lease: &RescoreLease) -> String {
    let of = lease
        .submission
        .map_or(String::new(), |id| format!("-s{id}"));
    format!("rescore{}{of}-t{}", lease.rescore, lease.attempts)
}

async fn prepare_leased(
    app: &App,
    rescore: &Rescore,
    lease: &RescoreLease,
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let problem = match held(app, lease, prepare(app, rescore)).await? {
        Ok(Ok(definition)) => {
            let definition = serde_json::to_value(&definition).unwrap_or_default();
            return app.store.rescore_prepared(lease, &definition).await;
        }
        Ok(Err(problem)) => problem,
        Err(error) if lease.attempts < limits::ATTEMPTS_MAX => {
            tracing::error!(
                rescore = rescore.id,
                error = format!("{error:#}"),
                "not prepared"
            );
            return app.store.rescore_again(lease, now.plus(PAUSE)).await;
        }
        Err(error) => format!("{error:#}"),
    };
    app.store.rescore_failed(rescore.id, &problem, now).await
}

/// Builds the scorer and reads the data as they are now. The inner error is a sentence for the
/// organizers.
async fn prepare(app: &App, rescore: &Rescore) -> anyhow::Result<Result<Definition, String>> {
    let board = &rescore.board;
    let fresh = match challenge_now(app, board).await? {
        Ok(fresh) => fresh,
        Err(problem) => return Ok(Err(problem)),
    };
    let (Some(phase), Some(task)) = (fresh.phase(&board.phase), fresh.task(&board.task)) else {
        return Ok(Err(format!(
            "challenge.toml has no board `{board}` any more."
        )));
    };
    let scope = Scope {
        challenge: &fresh,
        phase,
        task: Some(task),
    };
    let image = app.scorer_image(task).await?;
    let definition = scoring_revision::define(app, scope, (task, &image)).await?;
    let before = app.store.revision(rescore.from_revision).await?;
    if before
        .as_ref()
        .and_then(scoring_revision::definition_of)
        .as_ref()
        == Some(&definition)
    {
        return Ok(Err(format!(
            "Nothing has changed since evaluation {}: scorer, truth, cases and metrics are the same.",
            rescore.from_revision
        )));
    }
    Ok(Ok(definition))
}

/// `challenge.toml` as it is on the disk.
async fn challenge_now(app: &App, board: &Board) -> anyhow::Result<Result<Challenge, String>> {
    let known = app
        .challenge(&board.challenge)
        .with_context(|| format!("challenge {} is not configured", board.challenge))?;
    let directory = known.directory.clone();
    let read = tokio::task::spawn_blocking(move || config::read_challenge(&directory)).await?;
    Ok(read.map_err(|findings| {
        let message: Vec<String> = findings.iter().map(|f| f.message.clone()).collect();
        format!("challenge.toml cannot be used: {}", message.join(" "))
    }))
}

async fn replay_leased(
    app: &App,
    (rescore, record): (&Rescore, &SubmissionRecord),
    lease: &RescoreLease,
) -> Result<(), StoreError> {
    let end = if lease.attempts > ATTEMPTS_WITH_RESTARTS_MAX {
        ItemEnd::Failed("the daemon ended each time that this was scored.".to_owned())
    } else {
        match held(app, lease, replay(app, (rescore, record), lease)).await? {
            Ok(end) => end,
            Err(error) if lease.attempts < limits::ATTEMPTS_MAX => {
                tracing::error!(
                    rescore = rescore.id,
                    submission = record.submission.id.0,
                    error = format!("{error:#}"),
                    "not rescored; it is tried again"
                );
                ItemEnd::Again(app.clock.now().plus(PAUSE))
            }
            Err(error) => ItemEnd::Failed(format!("{error:#}")),
        }
    };
    app.store
        .finish_rescore_item(lease, &end, app.clock.now())
        .await
}

async fn replay(
    app: &App,
    (rescore, record): (&Rescore, &SubmissionRecord),
    lease: &RescoreLease,
) -> anyhow::Result<ItemEnd> {
    let scope = app.context(record)?;
    let definition = rescore
        .definition
        .clone()
        .context("a rescore without definition")?;
    let definition: Definition = serde_json::from_value(definition)?;
    let task = definition.task(scope.task()?);
    let ground_truth = config::ground_truth_of(scope.phase, &task);
    if score::ground_truth_digest(app, &ground_truth).await? != definition.ground_truth {
        let message = "the truth was changed while the board was rescored; order `rescore` again.";
        return Ok(ItemEnd::Failed(message.to_owned()));
    }
    let directory = app.directory(&name(lease))?;
    let scoring = Scoring {
        name: name(lease),
        task: &task,
        image: &definition.scorer,
        predictions: score::unpack(app, record, (&task, &directory)).await?,
        ground_truth,
        cases: &definition.cases,
        into: &directory.make("report")?,
        seed: crate::clock::seed(),
    };
    Ok(match scorer::score(&app.engines, &scoring).await? {
        Scored::Report(report) => ItemEnd::Scored(Box::new(report.score)),
        Scored::Broken { problems, log } => {
            let log: String = log.text().chars().take(LOG_CHARS).collect();
            ItemEnd::Failed(format!("{}\n{log}", problems.join("; ")))
        }
    })
}
