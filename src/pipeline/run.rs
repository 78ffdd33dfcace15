//! The run stage: the container on the phase's own data, once or once for each case.
//!
//! Predictions are kept as an artifact, so that a corrected scorer needs no second run.

use std::path::Path;

use anyhow::Context as _;
use serde_json::json;

use super::content::{self, Content};
use super::job::Ran;
use super::slots::Slot;
use super::{App, Scope, job, lease_kill, participant, smoke};
use crate::config;
use crate::model::{AttemptState, Blame, Case, CaseId, ContractMode, Lease, Stage};
use crate::store::{Effect, Finish, Next, SubmissionRecord};

/// The case that is next, for a per-case contract: the first without a successful attempt.
///
/// # Errors
/// When the data cannot be read or the database fails.
pub async fn next_case(
    app: &App,
    record: &SubmissionRecord,
    scope: Scope<'_>,
) -> anyhow::Result<Option<CaseId>> {
    Ok(open_cases(app, record, scope).await?.into_iter().next())
}

/// Cases of a per-case contract without a successful attempt; empty for a whole-set contract.
async fn open_cases(
    app: &App,
    record: &SubmissionRecord,
    scope: Scope<'_>,
) -> anyhow::Result<Vec<CaseId>> {
    let task = scope.task()?;
    if task.contract.mode == ContractMode::WholeSet {
        return Ok(Vec::new());
    }
    let attempts = app.store.attempts(record).await?;
    let done: Vec<&CaseId> = attempts
        .iter()
        .filter(|a| a.attempt.stage == Stage::Run)
        .filter(|a| a.attempt.state == AttemptState::Succeeded)
        .filter_map(|a| a.attempt.case.as_ref())
        .collect();
    Ok(cases(scope)?
        .into_iter()
        .map(|c| c.id)
        .filter(|id| !done.contains(&id))
        .collect())
}

/// The cases of a phase's data.
///
/// # Errors
/// When they cannot be read.
pub fn cases(scope: Scope<'_>) -> anyhow::Result<Vec<Case>> {
    smoke::read_cases(&config::inputs_of(scope.phase, scope.task()?))
}

/// The run attempt of a submission, or of one case of it.
///
/// # Errors
/// When the engine fails.
pub async fn attempt(
    app: &App,
    (record, scope): (&SubmissionRecord, Scope<'_>),
    lease: &Lease,
    slot: &Slot,
) -> anyhow::Result<Finish> {
    let task = scope.task()?;
    let all = cases(scope)?;
    let case = match &lease.attempt.case {
        None => None,
        Some(id) => Some(
            all.iter()
                .find(|c| &c.id == id)
                .with_context(|| format!("case {id} is gone"))?,
        ),
    };
    let directory = app.work_directory(lease)?;
    let into = directory.make("predictions")?;
    let ran = run(app, (record, scope), (lease, slot), (case, &into)).await?;
    let ids: Vec<CaseId> = match case {
        Some(case) => vec![case.id.clone()],
        None => all.iter().map(|c| c.id.clone()).collect(),
    };
    let policy = super::admission::policy(&app.settings.builder, scope.challenge);
    let judged = smoke::judge(&ran, task, &ids, &policy)?;
    let inputs = config::inputs_of(scope.phase, task);
    let content = Content::new((task, &ids), &ran.output, (inputs, &into));
    let judged = content::judge(judged, content, &policy).await?;
    let detail = json!({
        "run_ms": ran.end.duration.0,
        "gpus": slot.gpus,
        "output_bytes": ran.output.bytes,
    });
    let spent = Effect::Quota {
        kind: "evaluation",
        amount: 1,
        reason: "evaluated on the phase's data",
    };
    if let Some(outcome) = judged.outcome {
        return Ok(Finish {
            state: AttemptState::Failed,
            blame: Some(Blame::Participant),
            findings: judged.findings,
            log: Some(ran.log),
            detail,
            artifact: None,
            next: Next::End {
                outcome,
                incident: None,
            },
            effects: vec![spent],
        });
    }
    let artifacts = app.artifacts.clone();
    let name = lease.name();
    let artifact =
        tokio::task::spawn_blocking(move || artifacts.keep_directory(&into, &name)).await??;
    let more = open_cases(app, record, scope).await?.len() > 1;
    Ok(Finish {
        state: AttemptState::Succeeded,
        blame: None,
        findings: judged.findings,
        log: Some(ran.log),
        detail,
        artifact: Some(artifact),
        next: match more {
            true => Next::Stay,
            false => Next::Advance(Stage::Scoring),
        },
        effects: if more { Vec::new() } else { vec![spent] },
    })
}

/// Runs the container on the phase's data, or on one case of it.
async fn run(
    app: &App,
    (record, scope): (&SubmissionRecord, Scope<'_>),
    (lease, slot): (&Lease, &Slot),
    (case, into): (Option<&Case>, &Path),
) -> anyhow::Result<Ran> {
    let task = scope.task()?;
    let spec = participant::job(&participant::Run {
        name: lease.name(),
        task,
        image: record.image.as_ref().context("no image was built")?,
        inputs: config::inputs_of(scope.phase, task),
        case,
        time: task.limits.time,
        gpus: slot.gpus.clone(),
        seed: lease.seed,
        labels: vec![("referee.kind".into(), "run".into())],
    });
    let killed = |reason| lease_kill(app, lease, reason);
    Ok(job::run(
        (app.engines.runner.clone(), &app.engines.cleaner),
        &spec,
        into,
        killed,
    )
    .await?)
}
