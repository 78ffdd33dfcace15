//! A submission as its team may see it, made from its row and its attempts.

use std::collections::BTreeMap;

use super::board::{self, BoardReader};
use super::counting_reason;
use crate::model::{
    AttemptDetail, AttemptState, Finding, MetricSpec, Origin, Outcome, Override, Overrides, PublicState, Score,
    Severity, Stage, Submission, SubmissionState,
};
use crate::pipeline::context::{Context, SubmissionContext};
use crate::pipeline::{cases, disclosure, participant, policy, scoring_revision, wait_time};
use crate::report::{
    self, CaseView, FindingView, LogView, MetricView, QueueView, QuotaView, ScoreView, StageState, StageView,
    SubmissionView, Titled,
};
use crate::rules;
use crate::store::{AttemptRecord, SubmissionRecord};

/// Decimals of scores on the public sample. They disclose nothing.
const SAMPLE_DECIMALS: u8 = 4;
/// The name of the image in commands for a participant's own machine.
const LOCAL_IMAGE: &str = "my-submission";

/// The view of a submission, redacted as its phase demands.
///
/// # Errors
/// When the configuration no longer has its phase or task.
pub async fn submission(context: &Context, record: &SubmissionRecord) -> anyhow::Result<SubmissionView> {
    let of = context.of(record)?;
    let submission = &record.submission;
    let overrides = context.store.overrides(&of.challenge.slug).await?;
    let phase = match submission.board() {
        Some(board) => overrides.on_board(&board, of.phase),
        None => overrides.phase(&of.challenge.slug, of.phase),
    };
    let task = match (of.task, submission.board()) {
        (Some(task), Some(board)) => Some(scoring_revision::current_task(&context.store, &board, task).await?),
        _ => None,
    };
    let of = SubmissionContext { phase: &phase, task: task.as_ref(), ..of };
    let state = submission.state.public();
    let delayed = disclosure::is_delayed(of, Stage::Run);
    let attempts = visible(context.store.attempts(record).await?, submission, delayed);
    let view = SubmissionView {
        number: submission.number,
        challenge: Titled::new(of.challenge.slug.clone(), &of.challenge.title),
        phase: Titled::new(of.phase.slug.clone(), &of.phase.title),
        task: of.task.map(|t| Titled::new(t.slug.clone(), &t.title)),
        board: of.task.map(|task| of.board_of(&task.slug)),
        team: submission.team.clone(),
        origin: submission.origin.clone(),
        observed_at: submission.observed_at,
        state,
        stages: Stage::ALL.iter().map(|&stage| stage_view(stage, state, &attempts)).collect(),
        logs: logs(&attempts),
        reproduce: reproduce(record, of, &attempts),
        image: record.image.clone(),
        sample_score: sample_score(of, &attempts),
        score: score(context, record, of, &overrides).await?,
        notices: notices(submission, &overrides),
        queue: queue_position(context, record, &overrides).await?,
        quota: quota(context, record, of).await?,
        incident: submission.state.incident().map(str::to_owned),
        url: format!("{}/submissions/{}", context.settings.public_url, submission.token.as_str()),
        hidden: !of.phase.show.logs,
        findings: findings(&attempts),
        findings_left_out: 0,
    };
    Ok(report::redact(view, &of.phase.show))
}

/// The attempts that a participant sees: the newest of each stage and case. Lost attempts were repeated, and so were
/// failed ones before a rerun.
///
/// Where the times of an evaluation are `delayed`, a lost attempt of a running evaluation is shown as a running one.
fn visible(mut attempts: Vec<AttemptRecord>, submission: &Submission, delayed: bool) -> Vec<AttemptRecord> {
    if matches!(submission.state, SubmissionState::Undisclosed { .. }) {
        let evaluation = attempts.iter_mut().filter(|a| a.attempt.stage.is_evaluation());
        evaluation.for_each(hide_end);
    }
    let open_at = match submission.state.public() {
        PublicState::Waiting(stage) | PublicState::Working(stage) => Some(stage),
        PublicState::Ended(_) => None,
    };
    let mut newest = BTreeMap::new();
    for (position, mut one) in attempts.into_iter().enumerate() {
        if one.attempt.state == AttemptState::Lost {
            // On hidden data even a retry discloses a time, and the container may have caused it.
            if !delayed || open_at.is_none() || !one.attempt.stage.is_evaluation() {
                continue;
            }
            one.attempt.state = AttemptState::Running;
            hide_end(&mut one);
        }
        let attempt = &one.attempt;
        let key = (attempt.stage, attempt.case.clone(), attempt.submission);
        newest.insert(key, (position, one));
    }
    let mut visible: Vec<_> = newest.into_values().collect();
    visible.sort_by_key(|(position, _)| *position);
    let mut visible: Vec<AttemptRecord> = visible.into_iter().map(|(_, one)| one).collect();
    visible.retain(|one| {
        let repeated = open_at.is_some_and(|at| one.attempt.stage >= at);
        one.attempt.state != AttemptState::Failed || !repeated
    });
    visible
}

/// Shows an attempt whose end is not disclosed yet as a running one.
fn hide_end(one: &mut AttemptRecord) {
    if one.attempt.state != AttemptState::Lost {
        one.attempt.state = AttemptState::Running;
    }
    one.attempt.ended_at = None;
    one.findings.clear();
    one.log = None;
    one.detail = AttemptDetail::None;
}

fn stage_view(stage: Stage, state: PublicState, attempts: &[AttemptRecord]) -> StageView {
    let mut view = StageView::waiting(stage);
    let mine: Vec<_> = attempts.iter().filter(|a| a.attempt.stage == stage).collect();
    view.started = mine.first().map(|a| a.attempt.started_at);
    view.ended = mine.last().and_then(|a| a.attempt.ended_at);
    view.duration = view.started.zip(view.ended).map(|(from, to)| to.since(from));
    let warned = mine.iter().flat_map(|a| &a.findings).any(|f| f.severity == Severity::Warning);
    let all = |state| mine.iter().all(|a| a.attempt.state == state);
    let failed = mine.iter().any(|a| a.attempt.state == AttemptState::Failed);
    let over = match state {
        PublicState::Ended(Outcome::Scored) => true,
        PublicState::Waiting(at) | PublicState::Working(at) => stage < at,
        PublicState::Ended(_) => !mine.is_empty() && all(AttemptState::Succeeded),
    };
    view.state = match state {
        _ if failed => StageState::Failed,
        PublicState::Working(at) if at == stage => StageState::Working,
        _ if over && warned => StageState::Warned,
        _ if over => StageState::Passed,
        PublicState::Ended(_) => StageState::Skipped,
        _ => StageState::Waiting,
    };
    if matches!(view.state, StageState::Passed | StageState::Warned) {
        view.message = mine.last().map_or_else(String::new, |a| message(&a.detail));
    }
    view
}

/// One sentence about a stage that has passed, where there is more to report.
fn message(detail: &AttemptDetail) -> String {
    match detail {
        AttemptDetail::Build { reused: true, .. } => "Referee reused the image of this push.".into(),
        AttemptDetail::Build { image_bytes, .. } => {
            format!("Image size: {} MiB", image_bytes >> 20)
        }
        AttemptDetail::Smoke { run_ms, .. } => {
            format!("The container ran for {run_ms} on the sample.")
        }
        _ => String::new(),
    }
}

fn findings(attempts: &[AttemptRecord]) -> Vec<FindingView> {
    let mut all: Vec<FindingView> = attempts
        .iter()
        .flat_map(|a| {
            let stage = a.attempt.stage;
            a.findings.iter().map(move |finding: &Finding| FindingView { stage, link: None, finding: finding.clone() })
        })
        .collect();
    all.sort_by_key(|f| f.stage);
    all
}

fn logs(attempts: &[AttemptRecord]) -> Vec<LogView> {
    attempts
        .iter()
        .filter_map(|a| {
            let excerpt = a.log.clone().filter(|log| log.total_bytes > 0)?;
            let stage = a.attempt.stage;
            let title = match (stage, &a.attempt.case) {
                (Stage::Build, _) => "output of the build steps".to_owned(),
                (Stage::Smoke, _) => "output of the container on the sample".to_owned(),
                (_, Some(case)) => format!("output of the container on case {case}"),
                _ => "output of the container".to_owned(),
            };
            Some(LogView { stage, title, excerpt })
        })
        .collect()
}

/// The commands that reproduce a failure locally.
fn reproduce(record: &SubmissionRecord, of: SubmissionContext<'_>, attempts: &[AttemptRecord]) -> Option<String> {
    let outcome = record.submission.outcome()?;
    let failed_at = attempts.iter().find(|a| a.attempt.state == AttemptState::Failed).map(|a| a.attempt.stage)?;
    // A participant cannot reproduce a platform error, an error of the organizers, or a run on hidden data that failed
    // after a smoke run that passed.
    let reproducible = match failed_at {
        Stage::Admission | Stage::Build | Stage::Smoke => outcome != Outcome::Fault,
        Stage::Run => of.phase.show.logs && outcome != Outcome::Fault,
        Stage::Scoring => false,
    };
    if !reproducible {
        return None;
    }
    // Admission can reject a push before it reads the tasks. Such a push is rejected for every task.
    let task = of.task.or(of.challenge.tasks.first())?;
    let case = cases::first_sample_case(task).unwrap_or_default();
    let is_commit = matches!(record.submission.origin, Origin::Commit { .. });
    let commands = participant::Reproduce {
        challenge: of.challenge,
        task,
        case: case.as_ref(),
        dockerfile: is_commit.then_some(match record.dockerfile.as_str() {
            "" => "Dockerfile",
            path => path,
        }),
        image: LOCAL_IMAGE,
    };
    Some(commands.commands(failed_at))
}

fn sample_score(of: SubmissionContext<'_>, attempts: &[AttemptRecord]) -> Option<ScoreView> {
    let metrics = &of.task?.metrics;
    let smoke = attempts.iter().rfind(|a| a.attempt.stage == Stage::Smoke)?;
    let AttemptDetail::Smoke { score: Some(score), .. } = &smoke.detail else {
        return None;
    };
    let mut view = score_view(score, metrics, SAMPLE_DECIMALS);
    view.cases = Some(case_views(score, metrics));
    Some(view)
}

fn score_view(score: &Score, metrics: &[MetricSpec], decimals: u8) -> ScoreView {
    let mut imputed = 0;
    let views = metrics
        .iter()
        .filter_map(|spec| {
            let given: Vec<Option<f64>> =
                score.cases.iter().map(|c| c.values.get(&spec.name).copied().flatten()).collect();
            imputed += given.iter().filter(|v| v.is_none()).count();
            let values: Vec<f64> = given.into_iter().map(|v| spec.counted(v)).collect();
            let aggregate = spec.aggregate.of(&values)?;
            Some(MetricView::new(spec, aggregate, None, decimals))
        })
        .collect();
    ScoreView {
        metrics: views,
        cases: None,
        imputed: u32::try_from(imputed).unwrap_or(u32::MAX),
        rank: None,
        of: 0,
        counting: None,
        counting_reason: None,
    }
}

fn case_views(score: &Score, metrics: &[MetricSpec]) -> Vec<CaseView> {
    score
        .cases
        .iter()
        .map(|case| CaseView {
            case: case.case.clone(),
            values: metrics.iter().map(|m| case.values.get(&m.name).copied().flatten()).collect(),
            reason: case.reason.clone(),
        })
        .collect()
}

async fn score(
    context: &Context,
    record: &SubmissionRecord,
    of: SubmissionContext<'_>,
    overrides: &Overrides,
) -> anyhow::Result<Option<ScoreView>> {
    let submission = &record.submission;
    let (Some(task), Some(Outcome::Scored)) = (of.task, submission.outcome()) else {
        return Ok(None);
    };
    let Some(score) = context.store.score_of(submission.id).await? else {
        return Ok(None);
    };
    let mut view = score_view(&score, &task.metrics, of.phase.show.decimals);
    if of.phase.show.cases {
        view.cases = Some(case_views(&score, &task.metrics));
    }
    if let Some(board) = board::board(BoardReader::of(context), &of.board_of(&task.slug)).await? {
        view.of = board.rows.len();
        if let Some(row) = board.rows.iter().find(|r| r.team == submission.team) {
            view.rank = Some(row.rank);
            view.counting = Some(row.submission);
            let chosen = overrides.chosen(&of.board_of(&task.slug), &submission.team);
            view.counting_reason = counting_reason::sentence(&view, submission.number, chosen, row, task, of.phase);
            if row.submission == submission.number {
                for (metric, cell) in view.metrics.iter_mut().zip(&row.values) {
                    metric.rank = Some(cell.rank);
                }
            }
        }
    }
    Ok(Some(view))
}

/// Commands of organizers that concern a submission, one sentence each.
fn notices(submission: &Submission, overrides: &Overrides) -> Vec<String> {
    let Some(board) = submission.board() else {
        return Vec::new();
    };
    let mut notices = Vec::new();
    if submission.state.public() == PublicState::Waiting(Stage::Run)
        && let Some(pause) = overrides.paused(&board)
    {
        let message = "Evaluations of this leaderboard are paused";
        notices.push(with_reason(message, pause));
    }
    let team = &submission.team;
    if let Some(disqualification) = overrides.disqualified(&board, team) {
        let message = format!("Team {team} is disqualified and not ranked");
        notices.push(with_reason(&message, disqualification));
    }
    if let Some(freeze) = overrides.frozen(&board)
        && submission.outcome() == Some(Outcome::Scored)
    {
        notices.push(format!("The leaderboard is frozen. It shows the ranking of {}.", freeze.at));
    }
    notices
}

fn with_reason(message: &str, set: &Override) -> String {
    match set.reason.trim_end_matches('.') {
        "" => format!("{message}."),
        reason => format!("{message}: {reason}."),
    }
}

async fn queue_position(
    context: &Context,
    record: &SubmissionRecord,
    overrides: &Overrides,
) -> anyhow::Result<Option<QueueView>> {
    if record.submission.state.public() != PublicState::Waiting(Stage::Run) {
        return Ok(None);
    }
    let mut position = wait_time::queue_position(context, record).await?;
    let board = record.submission.board();
    if board.is_some_and(|board| overrides.paused(&board).is_some())
        && let Some(position) = &mut position
    {
        position.paused = true;
        // The end of a pause is not known.
        position.wait = None;
    }
    Ok(position)
}

async fn quota(
    context: &Context,
    record: &SubmissionRecord,
    of: SubmissionContext<'_>,
) -> anyhow::Result<Option<QuotaView>> {
    let Some(task) = of.task else {
        return Ok(None);
    };
    let team = &record.submission.team;
    let now = context.clock.now();
    let used = context.store.usage(&of.board_of(&task.slug), team, 0, now).await?;
    let quota = rules::quota::allowed(policy::counts(used), &of.phase.quota);
    Ok(Some(QuotaView {
        granted: used.granted,
        used_today: used.today,
        per_day: quota.per_day,
        used_total: used.total,
        total: quota.total,
        submissions_today: used.submissions_today,
        submissions_per_day: quota.submissions_per_day,
    }))
}
