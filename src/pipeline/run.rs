//! The run stage: the container on the phase's data, in one run or in one run per case.
//!
//! Predictions are stored as an artifact, so that a corrected scorer needs no second run.

use anyhow::Context as _;

use super::Engines;
use super::content::{self, Content};
use super::context::{Context, SubmissionContext};
use super::lease::{self, Work};
use super::{cases, participant, policy, verdict};
use crate::config;
use crate::model::{AttemptDetail, AttemptState, Blame, CaseId, ContractMode, GpuUuid, Stage};
use crate::store::{Effect, Finish, Next, SubmissionRecord};

/// An evaluation is spent when hidden inputs were mounted and the fault is not ours.
const SPENT: Effect = Effect::Quota { kind: "evaluation", amount: 1, reason: "evaluated on the phase's data" };

/// The next case of a per-case contract: the first without a successful attempt.
pub async fn next_case(
    context: &Context,
    record: &SubmissionRecord,
    of: SubmissionContext<'_>,
) -> anyhow::Result<Option<CaseId>> {
    Ok(open_cases(context, record, of).await?.into_iter().next())
}

/// Cases of a per-case contract without a successful attempt. Empty for a whole-set contract.
async fn open_cases(
    context: &Context,
    record: &SubmissionRecord,
    of: SubmissionContext<'_>,
) -> anyhow::Result<Vec<CaseId>> {
    if of.task()?.contract.mode == ContractMode::WholeSet {
        return Ok(Vec::new());
    }
    let attempts = context.store.attempts(record).await?;
    let succeeded: Vec<&CaseId> = attempts
        .iter()
        .map(|a| &a.attempt)
        .filter(|a| a.stage == Stage::Run && a.state == AttemptState::Succeeded)
        .filter_map(|a| a.case.as_ref())
        .collect();
    let mut open = cases::ids(&cases::phase_cases(of)?);
    open.retain(|id| !succeeded.contains(&id));
    Ok(open)
}

/// The run stage of a submission, or of one case of it.
pub async fn attempt(context: &Context, engines: &Engines, work: Work<'_>, gpus: &[GpuUuid]) -> anyhow::Result<Finish> {
    let (record, of, lease) = (work.record, work.context, work.lease);
    let task = of.task()?;
    let all = cases::phase_cases(of)?;
    let case = match &lease.attempt.case {
        None => None,
        Some(id) => {
            let case = all.iter().find(|c| &c.id == id);
            Some(case.with_context(|| format!("the phase's data has no case {id}"))?)
        }
    };
    let directory = context.work_directory(lease)?;
    let into = directory.make("predictions")?;
    let inputs = config::inputs_of(of.phase, task);
    let job = participant::job(&participant::Run {
        name: lease.name(),
        task,
        image: record.image.as_ref().context("no image was built")?,
        inputs: inputs.clone(),
        case,
        time: task.limits.time,
        gpus: gpus.to_vec(),
        seed: lease.seed,
        labels: vec![("referee.kind".into(), "run".into())],
    });
    let record_kill = |reason| lease::record_kill(context, lease, reason);
    let ran = engines.runner.jobs.run(&job, &into, record_kill).await?;
    let ids = match case {
        Some(case) => vec![case.id.clone()],
        None => cases::ids(&all),
    };
    let policy = policy::policy(&context.settings.builder, of.challenge);
    let verdict = verdict::judge_run(&ran, task, &ids, &policy)?;
    let content = Content::new(task, &ids, &ran.output, inputs, &into);
    let verdict = content::judge(verdict, content, &policy).await?;
    let detail = AttemptDetail::Run { run_ms: ran.end.duration, gpus: gpus.to_vec(), output_bytes: ran.output.bytes };
    let finish = if let Some(outcome) = verdict.outcome {
        Finish::failed(Blame::Participant, outcome).with_effect(SPENT)
    } else {
        let (artifacts, name) = (context.artifacts.clone(), lease.name());
        let kept = tokio::task::spawn_blocking(move || artifacts.keep_directory(&into, &name));
        let artifact = kept.await??;
        // This attempt's own case is still open.
        let finish = if open_cases(context, record, of).await?.len() > 1 {
            Finish::passed(Next::Repeat)
        } else {
            Finish::passed(Next::Advance(Stage::Scoring)).with_effect(SPENT)
        };
        finish.with_artifact(artifact)
    };
    Ok(finish.with_findings(verdict.findings).with_log(ran.log).with_detail(detail))
}
