//! The smoke stage: the container on the task's public sample, and the sample's score.
//!
//! Everything is shown here, because nothing of it is hidden. Shared by the daemon and
//! `referee check`.

use std::future::Future;
use std::path::Path;

use anyhow::Context as _;
use serde_json::json;

use super::content::{self, Content};
use super::job::{self, Ran};
use super::scorer::{self, Scored, Scoring};
use super::slots::Slot;
use super::{App, Engines, Scope, lease_kill, participant, scoring_revision};
use crate::config;
use crate::executor;
use crate::model::finding::any_error;
use crate::model::{
    AttemptState, Blame, Case, CaseId, ContractMode, Finding, GpuUuid, ImageId, KillReason, Lease,
    LogExcerpt, Outcome, Score, Stage, Task,
};
use crate::rules::catalogue::OUT013;
use crate::rules::{self, Policy};
use crate::store::{Finish, Next, SubmissionRecord};

/// A smoke run to be done.
#[derive(Debug)]
pub struct Smoking<'a> {
    /// Unique name, from the attempt.
    pub name: String,
    /// The task.
    pub task: &'a Task,
    /// What findings weigh.
    pub policy: &'a Policy,
    /// What runs.
    pub image: &'a ImageId,
    /// The scorer's image.
    pub scorer: &'a ImageId,
    /// Directory for predictions and the report, empty.
    pub work: &'a Path,
    /// Its own GPUs.
    pub gpus: Vec<GpuUuid>,
    /// Its seed.
    pub seed: u32,
}

/// What came of a smoke run.
#[derive(Debug)]
pub struct Smoked {
    /// What it printed.
    pub log: LogExcerpt,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// How the submission ends, if it does.
    pub outcome: Option<Outcome>,
    /// Score on the sample.
    pub score: Option<Score>,
    /// How long the container ran.
    pub duration: crate::model::Duration,
    /// Values of the sample score that are missing, in the scorer's words.
    pub notes: Vec<String>,
}

/// How a run is judged: its end, then its output.
#[derive(Debug)]
pub struct Judged {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// How the submission ends, if it does.
    pub outcome: Option<Outcome>,
}

/// Judges one run. The sentences are complete: what a hidden phase must not tell is taken out of
/// the view. A finding that the challenge has made an error ends the submission.
///
/// # Errors
/// When it is nobody's fault but the engine's.
pub fn judge(ran: &Ran, task: &Task, cases: &[CaseId], policy: &Policy) -> anyhow::Result<Judged> {
    let verdict = rules::exit::classify(&ran.end, ran.killed, &task.limits, true);
    let mut outcome = None;
    let mut findings = match verdict {
        rules::exit::Verdict::Fine => Vec::new(),
        rules::exit::Verdict::FineButOom(finding) => {
            let finding = policy.adjust(finding);
            outcome = finding.is_error().then_some(Outcome::MemoryLimit);
            vec![finding]
        }
        rules::exit::Verdict::Ended { outcome, finding } => {
            let mut findings = vec![finding];
            if outcome == Outcome::RunFailed {
                findings.extend(rules::hint::hints(&ran.log, &task.contract));
            }
            return Ok(Judged {
                findings,
                outcome: Some(outcome),
            });
        }
        rules::exit::Verdict::Infrastructure(message) => anyhow::bail!("the engine: {message}"),
        rules::exit::Verdict::Cancelled => anyhow::bail!("the run was cancelled"),
    };
    let output = rules::output::check(&ran.output, &task.contract, cases, &task.limits);
    findings.extend(output.findings.into_iter().map(|f| policy.adjust(f)));
    // A program that swallows its errors ends well and has written nothing: its last words say why.
    if any_error(&findings) {
        findings.extend(rules::hint::hints(&ran.log, &task.contract));
    }
    let invalid = any_error(&findings).then_some(Outcome::OutputInvalid);
    Ok(Judged {
        findings,
        outcome: outcome.or(output.outcome).or(invalid),
    })
}

/// The sample's cases.
///
/// # Errors
/// When the sample cannot be read.
pub fn sample_cases(task: &Task) -> anyhow::Result<Vec<Case>> {
    read_cases(&config::sample_inputs(task))
}

/// The case of the sample that a person runs first: none where one run takes all.
///
/// # Errors
/// When the sample cannot be read.
pub fn first_case(task: &Task) -> anyhow::Result<Option<Case>> {
    Ok(match task.contract.mode {
        ContractMode::WholeSet => None,
        ContractMode::PerCase => sample_cases(task)?.into_iter().next(),
    })
}

/// The cases of a directory of inputs.
///
/// # Errors
/// With every finding in one sentence: the data are the organizers'.
pub fn read_cases(inputs: &Path) -> anyhow::Result<Vec<Case>> {
    config::cases(inputs).map_err(|findings| {
        let message: Vec<_> = findings.iter().map(|f| f.message.as_str()).collect();
        anyhow::anyhow!("the cases in {}: {}", inputs.display(), message.join(" "))
    })
}

/// Runs the container on the sample and scores what it wrote. `record_kill` is awaited before a
/// kill is sent.
///
/// # Errors
/// When an engine or the scorer fails.
pub async fn smoke<F>(
    engines: &Engines,
    smoking: &Smoking<'_>,
    record_kill: impl Fn(KillReason) -> F,
) -> anyhow::Result<Smoked>
where
    F: Future<Output = executor::Result<()>>,
{
    let task = smoking.task;
    let cases = sample_cases(task)?;
    let predictions = smoking.work.join("predictions");
    std::fs::create_dir_all(&predictions)?;
    let per_case = task.contract.mode == ContractMode::PerCase;
    let runs: Vec<Option<&Case>> = match per_case {
        true => cases.iter().map(Some).collect(),
        false => vec![None],
    };
    let mut smoked = Smoked {
        log: LogExcerpt::default(),
        findings: Vec::new(),
        outcome: None,
        score: None,
        duration: crate::model::Duration(0),
        notes: Vec::new(),
    };
    for (n, case) in runs.into_iter().enumerate() {
        let into = match case {
            Some(case) => predictions.join(case.id.as_str()),
            None => predictions.clone(),
        };
        std::fs::create_dir_all(&into)?;
        let job = participant::job(&participant::Run {
            name: format!("{}-{n}", smoking.name),
            task,
            image: smoking.image,
            inputs: config::sample_inputs(task),
            case,
            time: task.limits.smoke_time,
            gpus: smoking.gpus.clone(),
            seed: smoking.seed,
            labels: vec![("referee.kind".into(), "smoke".into())],
        });
        let ran = job::run(
            (engines.runner.clone(), &engines.cleaner),
            &job,
            &into,
            &record_kill,
        )
        .await?;
        let ids: Vec<CaseId> = match case {
            Some(case) => vec![case.id.clone()],
            None => cases.iter().map(|c| c.id.clone()).collect(),
        };
        let judged = judge(&ran, task, &ids, smoking.policy)?;
        let inputs = config::sample_inputs(task);
        let content = Content::new((task, &ids), &ran.output, (inputs, &into));
        let judged = content::judge(judged, content, smoking.policy).await?;
        smoked.duration.0 += ran.end.duration.0;
        smoked.log = ran.log;
        smoked.findings.extend(judged.findings);
        if judged.outcome.is_some() {
            smoked.outcome = judged.outcome;
            return Ok(smoked);
        }
    }
    score_sample(engines, smoking, &cases, &mut smoked).await?;
    Ok(smoked)
}

async fn score_sample(
    engines: &Engines,
    smoking: &Smoking<'_>,
    cases: &[Case],
    smoked: &mut Smoked,
) -> anyhow::Result<()> {
    let ids: Vec<CaseId> = cases.iter().map(|c| c.id.clone()).collect();
    let into = smoking.work.join("report");
    std::fs::create_dir_all(&into)?;
    let scoring = Scoring {
        name: format!("{}-score", smoking.name),
        task: smoking.task,
        image: smoking.scorer,
        predictions: smoking.work.join("predictions"),
        ground_truth: config::sample_ground_truth(smoking.task),
        cases: &ids,
        into: &into,
        seed: smoking.seed,
    };
    match scorer::score(engines, &scoring).await? {
        Scored::Report(report) => {
            let values = report
                .score
                .cases
                .iter()
                .flat_map(|case| case.values.values());
            if values.flatten().next().is_none() {
                let finding = OUT013.finding("The scorer found no value in any case of the sample");
                smoked.findings.push(smoking.policy.adjust(finding));
                if any_error(&smoked.findings) {
                    smoked.outcome = Some(Outcome::OutputInvalid);
                }
            }
            smoked.score = Some(report.score);
            smoked.notes = report.notes;
            Ok(())
        }
        Scored::Broken { problems, log } => Err(anyhow::anyhow!(
            "the scorer on the sample: {}\n{}",
            problems.join("; "),
            log.text()
        )),
    }
}

/// The smoke attempt of a submission.
///
/// # Errors
/// When an engine or the scorer fails.
pub async fn attempt(
    app: &App,
    (record, scope): (&SubmissionRecord, Scope<'_>),
    lease: &Lease,
    slot: &Slot,
) -> anyhow::Result<Finish> {
    let directory = app.work_directory(lease)?;
    // The scorer that will score it on hidden data, which may be older than the folder.
    let in_force = scoring_revision::in_force(app, scope).await?;
    let image = record.image.as_ref().context("no image was built")?;
    let policy = super::admission::policy(&app.settings.builder, scope.challenge);
    let smoking = Smoking {
        name: lease.name(),
        task: &in_force.task,
        policy: &policy,
        image,
        scorer: &in_force.image,
        work: &directory.make("smoke")?,
        gpus: slot.gpus.clone(),
        seed: lease.seed,
    };
    let smoked = smoke(&app.engines, &smoking, |reason| {
        lease_kill(app, lease, reason)
    })
    .await?;
    let failed = smoked.outcome.is_some() || any_error(&smoked.findings);
    Ok(Finish {
        state: match failed {
            true => AttemptState::Failed,
            false => AttemptState::Succeeded,
        },
        blame: failed.then_some(Blame::Participant),
        findings: smoked.findings,
        log: Some(smoked.log),
        detail: json!({
            "run_ms": smoked.duration.0,
            "score": smoked.score,
            "notes": smoked.notes,
        }),
        artifact: None,
        next: match failed {
            true => Next::End {
                outcome: smoked.outcome.unwrap_or(Outcome::OutputInvalid),
                incident: None,
            },
            false => Next::Advance(Stage::Run),
        },
        effects: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{OutputListing, RunEnd, Severity};

    /// How a run of the example ends that wrote one file too many, or lost a process to the kernel.
    fn judged(out_of_memory: bool, code: &str, weight: Severity) -> (Option<Outcome>, String) {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nuclei");
        let challenge = config::read_challenge(&example).unwrap();
        let extra = if out_of_memory {
            vec![]
        } else {
            vec!["notes.txt"]
        };
        let files = ["a.png"].into_iter().chain(extra);
        let ran = Ran {
            end: RunEnd {
                started: true,
                exit_code: 0,
                out_of_memory,
                host_out_of_memory: false,
                engine_continuous: true,
                error: String::new(),
                duration: crate::model::Duration::seconds(1),
            },
            killed: None,
            log: LogExcerpt::default(),
            output: OutputListing {
                files: files.map(|name| (name.to_owned(), 1)).collect(),
                ..OutputListing::default()
            },
        };
        let policy = Policy::new(["x"], []).with_severities([(code.to_owned(), weight)].into());
        let case = CaseId::new("a").unwrap();
        let judged = judge(&ran, &challenge.tasks[0], &[case], &policy).unwrap();
        assert_eq!(judged.findings.len(), 1, "{:?}", judged.findings);
        let finding = &judged.findings[0];
        (
            judged.outcome,
            format!("{} {}", finding.code, finding.severity),
        )
    }

    #[test]
    fn a_challenge_may_make_findings_of_a_run_errors() {
        let by_default = Severity::Advice;
        assert_eq!(
            judged(false, "OUT007", by_default),
            (None, "OUT007 advice".into())
        );
        assert_eq!(
            judged(false, "OUT007", Severity::Error),
            (Some(Outcome::OutputInvalid), "OUT007 error".into())
        );
        assert_eq!(
            judged(true, "RUN003", by_default),
            (None, "RUN003 warning".into())
        );
        assert_eq!(
            judged(true, "RUN003", Severity::Error),
            (Some(Outcome::MemoryLimit), "RUN003 error".into())
        );
    }
}
