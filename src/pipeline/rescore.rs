//! Rescoring: the stored predictions of a leaderboard, scored again by the scorer as it is on the disk now. No
//! participant's container runs, and no GPU is used.
//!
//! ```text
//!  requested ─▶ preparing ─▶ running ─▶ each submission ─▶ ready ─▶ applied by a command
//!               scorer,                 predictions and             all scores at once
//!               definition              ground truth
//! ```
//!
//! The leaderboard does not change before the rescore is applied. A submission that is scored in the meantime is
//! included, also when all others were ready.

use anyhow::Context as _;

use super::App;
use super::context::{Context, Progress, SubmissionContext, WorkDirectory};
use super::scorer::{self, Scored, Scoring};
use super::{predictions, scoring_revision};
use crate::clock;
use crate::config;
use crate::model::{Board, Challenge, Definition, Duration, KillReason, limits};
use crate::store::{Rescore, RescoreItemEnd, RescoreLease, StoreError, SubmissionRecord};

/// The pause before the next attempt after a platform error.
const PAUSE: Duration = Duration::seconds(5);
/// Characters of a scorer's log that a problem quotes.
const LOG_CHARS: usize = 2000;

/// Does one piece of work of a rescore, if there is any.
pub async fn step(app: &App) -> anyhow::Result<Progress> {
    let Context { store, clock, owner, .. } = &app.context;
    let now = clock.now();
    if let Some((rescore, lease)) = store.claim_rescore(owner, now).await? {
        ended(prepare_leased(app, &rescore, &lease).await)?;
        return Ok(Progress::Worked);
    }
    let claimed = store.claim_rescore_item(owner, now).await?;
    if let Some((rescore, record, lease)) = claimed {
        ended(score_leased(app, &rescore, &record, &lease).await)?;
        return Ok(Progress::Worked);
    }
    Ok(Progress::from_worked(store.advance_rescores(now).await?))
}

/// A lost lease is not an error: the rescore was discarded, or another worker owns it.
fn ended(result: Result<(), StoreError>) -> anyhow::Result<()> {
    match result {
        Ok(()) => Ok(()),
        Err(StoreError::LeaseLost(id)) => {
            tracing::info!(rescore = id, "lease of a rescore lost");
            Ok(())
        }
        Err(StoreError::Stale) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Does work while its lease is renewed.
///
/// # Errors
/// [`StoreError::LeaseLost`] when the lease is lost. The jobs of the work are removed then.
async fn held<T>(
    app: &App,
    lease: &RescoreLease,
    work: impl Future<Output = anyhow::Result<T>>,
) -> Result<anyhow::Result<T>, StoreError> {
    let Context { store, clock, .. } = &app.context;
    let until_lost = async {
        loop {
            tokio::time::sleep(limits::LEASE_RENEW_EVERY.std()).await;
            match store.renew_rescore(lease, clock.now()).await {
                Err(StoreError::LeaseLost(_)) => return,
                Err(error) => tracing::warn!(%error, "lease of a rescore not renewed"),
                Ok(()) => {}
            }
        }
    };
    tokio::select! {
        result = work => Ok(result),
        () = until_lost => {
            let reason = KillReason::Orphaned;
            app.engines.remove_jobs_of(&name(lease), reason).await;
            Err(StoreError::LeaseLost(lease.rescore))
        }
    }
}

/// A name unique to this attempt, valid for a container or a directory.
fn name(lease: &RescoreLease) -> String {
    let of = lease.submission.map_or(String::new(), |id| format!("-s{id}"));
    format!("rescore{}{of}-t{}", lease.rescore, lease.attempts)
}

async fn prepare_leased(app: &App, rescore: &Rescore, lease: &RescoreLease) -> Result<(), StoreError> {
    let store = &app.context.store;
    let now = app.context.clock.now();
    let problem = match held(app, lease, prepare(app, rescore)).await? {
        Ok(Ok(definition)) => {
            let definition = serde_json::to_value(&definition).unwrap_or_default();
            return store.finish_rescore_preparation(lease, &definition).await;
        }
        Ok(Err(problem)) => problem,
        Err(error) if lease.attempts < limits::ATTEMPTS_MAX => {
            tracing::error!(rescore = rescore.id, error = format!("{error:#}"), "rescore not prepared; it is retried");
            return store.retry_rescore_preparation(lease, now.plus(PAUSE)).await;
        }
        Err(error) => format!("{error:#}"),
    };
    store.fail_rescore(rescore.id, &problem, now).await
}

/// Builds the scorer and reads the data as they are now. The inner error is a sentence for the organizers.
async fn prepare(app: &App, rescore: &Rescore) -> anyhow::Result<Result<Definition, String>> {
    let context = &app.context;
    let board = &rescore.board;
    let challenge = match read_challenge(context, board).await? {
        Ok(challenge) => challenge,
        Err(problem) => return Ok(Err(problem)),
    };
    let (Some(phase), Some(task)) = (challenge.phase(&board.phase), challenge.task(&board.task)) else {
        let problem = format!("challenge.toml no longer has the leaderboard `{board}`.");
        return Ok(Err(problem));
    };
    let of = SubmissionContext { challenge: &challenge, phase, task: Some(task) };
    let image = app.scorers.image(context, &app.engines, task).await?;
    let definition = scoring_revision::define(context, of, task, &image).await?;
    let before = context.store.scoring_revision(rescore.from_revision).await?;
    let before = before.as_ref().and_then(scoring_revision::definition_of);
    if before.as_ref() == Some(&definition) {
        return Ok(Err(format!(
            "Nothing has changed since scoring revision {}: scorer, ground truth, cases and metrics are the same.",
            rescore.from_revision
        )));
    }
    Ok(Ok(definition))
}

/// `challenge.toml` as it is on the disk.
async fn read_challenge(context: &Context, board: &Board) -> anyhow::Result<Result<Challenge, String>> {
    let known = context
        .challenge(&board.challenge)
        .with_context(|| format!("challenge {} is not configured", board.challenge))?;
    let directory = known.directory.clone();
    let read = tokio::task::spawn_blocking(move || config::read_challenge(&directory)).await?;
    Ok(read.map_err(|findings| {
        let messages: Vec<String> = findings.into_iter().map(|f| f.message).collect();
        format!("challenge.toml cannot be used: {}", messages.join(" "))
    }))
}

async fn score_leased(
    app: &App,
    rescore: &Rescore,
    record: &SubmissionRecord,
    lease: &RescoreLease,
) -> Result<(), StoreError> {
    let Context { store, clock, .. } = &app.context;
    let end = if lease.attempts > limits::ATTEMPTS_WITH_RESTARTS_MAX {
        RescoreItemEnd::Failed("the daemon ended at each attempt to score this submission.".to_owned())
    } else {
        match held(app, lease, score_again(app, rescore, record, lease)).await? {
            Ok(end) => end,
            Err(error) if lease.attempts < limits::ATTEMPTS_MAX => {
                tracing::error!(
                    rescore = rescore.id,
                    submission = record.submission.id.0,
                    error = format!("{error:#}"),
                    "submission not rescored; it is retried"
                );
                RescoreItemEnd::Retry(clock.now().plus(PAUSE))
            }
            Err(error) => RescoreItemEnd::Failed(format!("{error:#}")),
        }
    };
    store.finish_rescore_item(lease, &end, clock.now()).await
}

async fn score_again(
    app: &App,
    rescore: &Rescore,
    record: &SubmissionRecord,
    lease: &RescoreLease,
) -> anyhow::Result<RescoreItemEnd> {
    let context = &app.context;
    let of = context.of(record)?;
    let definition = rescore.definition.clone().context("a rescore without definition")?;
    let definition: Definition = serde_json::from_value(definition)?;
    let task = definition.task(of.task()?);
    let ground_truth = config::ground_truth_of(of.phase, &task);
    if context.ground_truths.of(&ground_truth).await? != definition.ground_truth {
        let problem = "the ground truth changed during the rescore";
        return Ok(RescoreItemEnd::Failed(problem.to_owned()));
    }
    let directory = WorkDirectory::create(&context.work, &name(lease))?;
    let scoring = Scoring {
        name: name(lease),
        task: &task,
        image: &definition.scorer,
        predictions: predictions::unpack(context, record, &task, &directory).await?,
        ground_truth,
        cases: &definition.cases,
        into: &directory.make("report")?,
        seed: clock::seed(),
    };
    Ok(match scorer::score(&app.engines, &scoring).await? {
        Scored::Report(report) => RescoreItemEnd::Scored(Box::new(report.score)),
        Scored::Broken { problems, log } => {
            let log: String = log.text().chars().take(LOG_CHARS).collect();
            RescoreItemEnd::Failed(format!("{}\n{log}", problems.join("; ")))
        }
    })
}
