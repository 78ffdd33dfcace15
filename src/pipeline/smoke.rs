//! The smoke stage: the container on the task's public sample, and the score of the sample.
//!
//! All results are shown, because the sample is public. Shared by the daemon and `referee check`.

use std::future::Future;
use std::path::Path;

use anyhow::Context as _;

use super::Engines;
use super::content::{self, Content};
use super::context::Context;
use super::lease::{self, Work};
use super::scorer::{self, Scored, Scoring};
use super::scorer_images::ScorerImages;
use super::{cases, participant, policy, scoring_revision, verdict};
use crate::config;
use crate::executor;
use crate::model::finding::any_error;
use crate::model::{
    AttemptDetail, Blame, Case, CaseId, ContractMode, Duration, Finding, GpuUuid, ImageId, KillReason, LogExcerpt,
    Outcome, Score, Stage, Task,
};
use crate::rules::Policy;
use crate::rules::catalogue::OUT013;
use crate::store::{Finish, Next};

/// The inputs of a smoke run.
#[derive(Debug)]
pub struct SmokeRun<'a> {
    /// A name unique to the attempt.
    pub name: String,
    pub task: &'a Task,
    pub policy: &'a Policy,
    pub image: &'a ImageId,
    pub scorer: &'a ImageId,
    /// Empty directory for predictions and the report.
    pub work: &'a Path,
    pub gpus: &'a [GpuUuid],
    pub seed: u32,
}

/// The result of a smoke run.
#[derive(Debug, Default)]
pub struct SmokeResult {
    /// The output of the last container.
    pub log: LogExcerpt,
    pub findings: Vec<Finding>,
    /// The outcome, if the submission ends here.
    pub outcome: Option<Outcome>,
    /// Score on the sample.
    pub score: Option<Score>,
    /// How long the containers ran.
    pub duration: Duration,
    /// Remarks of the scorer on missing values.
    pub notes: Vec<String>,
}

/// The smoke stage of a submission.
pub async fn attempt(
    context: &Context,
    engines: &Engines,
    scorers: &ScorerImages,
    work: Work<'_>,
    gpus: &[GpuUuid],
) -> anyhow::Result<Finish> {
    let directory = context.work_directory(work.lease)?;
    // The scorer that scores hidden data. It may be older than the scorer's folder.
    let in_force = scoring_revision::in_force(context, engines, scorers, work.context).await?;
    let image = work.record.image.as_ref().context("no image was built")?;
    let policy = policy::policy(&context.settings.builder, work.context.challenge);
    let smoke = SmokeRun {
        name: work.lease.name(),
        task: &in_force.task,
        policy: &policy,
        image,
        scorer: &in_force.image,
        work: &directory.make("smoke")?,
        gpus,
        seed: work.lease.seed,
    };
    let record_kill = |reason| lease::record_kill(context, work.lease, reason);
    let result = run(engines, &smoke, record_kill).await?;
    let finish = if result.outcome.is_some() || any_error(&result.findings) {
        let outcome = result.outcome.unwrap_or(Outcome::OutputInvalid);
        Finish::failed(Blame::Participant, outcome)
    } else {
        Finish::passed(Next::Advance(Stage::Run))
    };
    let detail = AttemptDetail::Smoke { run_ms: result.duration, score: result.score, notes: result.notes };
    Ok(finish.with_findings(result.findings).with_log(result.log).with_detail(detail))
}

/// Runs the container on the sample and scores its output. `record_kill` is awaited before a kill is sent.
///
/// # Errors
/// When an engine or the scorer fails.
pub async fn run<F>(
    engines: &Engines,
    smoke: &SmokeRun<'_>,
    record_kill: impl Fn(KillReason) -> F,
) -> anyhow::Result<SmokeResult>
where
    F: Future<Output = executor::Result<()>>,
{
    let all = cases::sample_cases(smoke.task)?;
    let predictions = smoke.work.join("predictions");
    let runs: Vec<Option<&Case>> = match smoke.task.contract.mode {
        ContractMode::PerCase => all.iter().map(Some).collect(),
        ContractMode::WholeSet => vec![None],
    };
    let mut result = SmokeResult::default();
    for (n, case) in runs.into_iter().enumerate() {
        let (into, ids) = match case {
            Some(case) => (predictions.join(case.id.as_str()), vec![case.id.clone()]),
            None => (predictions.clone(), cases::ids(&all)),
        };
        std::fs::create_dir_all(&into)?;
        let inputs = config::sample_inputs(smoke.task);
        let job = participant::job(&participant::Run {
            name: format!("{}-{n}", smoke.name),
            task: smoke.task,
            image: smoke.image,
            inputs: inputs.clone(),
            case,
            time: smoke.task.limits.smoke_time,
            gpus: smoke.gpus.to_vec(),
            seed: smoke.seed,
            labels: vec![("referee.kind".into(), "smoke".into())],
        });
        let ran = engines.runner.jobs.run(&job, &into, &record_kill).await?;
        let verdict = verdict::judge_run(&ran, smoke.task, &ids, smoke.policy)?;
        let content = Content::new(smoke.task, &ids, &ran.output, inputs, &into);
        let verdict = content::judge(verdict, content, smoke.policy).await?;
        result.duration.0 += ran.end.duration.0;
        result.log = ran.log;
        result.findings.extend(verdict.findings);
        if verdict.outcome.is_some() {
            result.outcome = verdict.outcome;
            return Ok(result);
        }
    }
    score_sample(engines, smoke, &cases::ids(&all), &mut result).await?;
    Ok(result)
}

async fn score_sample(
    engines: &Engines,
    smoke: &SmokeRun<'_>,
    cases: &[CaseId],
    result: &mut SmokeResult,
) -> anyhow::Result<()> {
    let into = smoke.work.join("report");
    std::fs::create_dir_all(&into)?;
    let scoring = Scoring {
        name: format!("{}-score", smoke.name),
        task: smoke.task,
        image: smoke.scorer,
        predictions: smoke.work.join("predictions"),
        ground_truth: config::sample_ground_truth(smoke.task),
        cases,
        into: &into,
        seed: smoke.seed,
    };
    let report = match scorer::score(engines, &scoring).await? {
        Scored::Report(report) => report,
        Scored::Broken { problems, log } => {
            anyhow::bail!("the scorer on the sample: {}\n{}", problems.join("; "), log.text())
        }
    };
    let mut values = report.score.cases.iter().flat_map(|c| c.values.values());
    if values.all(Option::is_none) {
        let finding = OUT013.finding("The scorer found no value in any case of the sample");
        result.findings.push(smoke.policy.apply_severity(finding));
        if any_error(&result.findings) {
            result.outcome = Some(Outcome::OutputInvalid);
        }
    }
    result.score = Some(report.score);
    result.notes = report.notes;
    Ok(())
}
