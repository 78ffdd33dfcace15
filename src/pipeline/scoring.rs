//! The scoring stage: stored predictions against the ground truth, by the organizers' scorer.
//!
//! The meaning of a score (scorer, ground truth, cases, metrics) is a scoring revision. A score belongs to one and
//! never changes. A leaderboard keeps its scoring revision until organizers rescore it.

use super::Engines;
use super::context::{Context, SubmissionContext};
use super::lease::Work;
use super::scorer::{self, Scored, Scoring};
use super::scorer_images::ScorerImages;
use super::{predictions, scoring_revision};
use crate::clock;
use crate::config;
use crate::model::{AttemptDetail, Blame, Definition, Lease, LogExcerpt, Outcome};
use crate::store::{Effect, Finish, Next, SubmissionRecord};

/// The scoring stage of a submission.
pub async fn attempt(
    context: &Context,
    engines: &Engines,
    scorers: &ScorerImages,
    work: Work<'_>,
) -> anyhow::Result<Finish> {
    let (record, of, lease) = (work.record, work.context, work.lease);
    let in_force = scoring_revision::in_force(context, engines, scorers, of).await?;
    let (task, image) = (&in_force.task, &in_force.image);
    let definition = scoring_revision::define(context, of, task, image).await?;
    if let Some((id, current)) = &in_force.revision
        && let Some(difference) = definition.difference(current)
    {
        let problem = changed(of, record, *id, difference)?;
        return Ok(scorer_fault(lease, vec![problem], &LogExcerpt::default()));
    }
    let directory = context.work_directory(lease)?;
    let scoring = Scoring {
        name: lease.name(),
        task,
        image,
        predictions: predictions::unpack(context, record, task, &directory).await?,
        ground_truth: config::ground_truth_of(of.phase, task),
        cases: &definition.cases,
        into: &directory.make("report")?,
        seed: lease.seed,
    };
    let report = match scorer::score(engines, &scoring).await? {
        Scored::Report(report) => report,
        Scored::Broken { problems, log } => return Ok(scorer_fault(lease, problems, &log)),
    };
    let scoring_revision = match in_force.revision {
        Some((id, _)) => id,
        None => first_revision(context, of, &definition).await?,
    };
    let detail = AttemptDetail::Scoring { scoring_revision, notes: report.notes };
    let scored = Next::End { outcome: Outcome::Scored, incident: None };
    Ok(Finish::passed(scored)
        .with_detail(detail)
        .with_effect(Effect::Score { scoring_revision, score: Box::new(report.score) }))
}

/// Creates the first scoring revision of a leaderboard, with its first score.
async fn first_revision(context: &Context, of: SubmissionContext<'_>, definition: &Definition) -> anyhow::Result<i64> {
    let definition = serde_json::to_value(definition)?;
    let now = context.clock.now();
    let board = of.board()?;
    let revision = context.store.put_scoring_revision(&board, &definition, now).await?;
    Ok(revision.id)
}

/// The problem of a leaderboard whose scoring revision cannot be reproduced, and the commands that solve it.
fn changed(
    of: SubmissionContext<'_>,
    record: &SubmissionRecord,
    revision: i64,
    difference: &str,
) -> anyhow::Result<String> {
    let (board, number) = (of.board()?, record.submission.number);
    Ok(format!(
        "leaderboard {board} uses scoring revision {revision}, but {difference}. Restore the earlier state, or use \
         `/rescore {board}` and `/apply`. Then use `/rerun #{number}`"
    ))
}

/// The end of an attempt whose scorer failed. The organizers have to fix the scorer. The team's evaluation is
/// refunded.
fn scorer_fault(lease: &Lease, problems: Vec<String>, log: &LogExcerpt) -> Finish {
    let incident = clock::incident();
    tracing::error!(
        incident,
        submission = lease.attempt.submission.0,
        problems = problems.join("; "),
        log = log.text(),
        "the scorer failed; its organizers have to fix it"
    );
    let mut finish = Finish::failed(Blame::Organizer, Outcome::Fault);
    finish.next = Next::End { outcome: Outcome::Fault, incident: Some(incident.clone()) };
    finish.with_detail(AttemptDetail::ScorerFault { incident, problems }).with_effect(Effect::Quota {
        kind: "evaluation",
        amount: -1,
        reason: "the scorer failed",
    })
}
