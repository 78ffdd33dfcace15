//! A submission as its team may see it, made of its row and its attempts.

use serde_json::Value;

use super::board;
use crate::model::{
    AttemptState, Board, Duration, Finding, MetricSpec, Origin, Outcome, Override, Overrides,
    Score, Severity, Stage, Submission, SubmissionState, Task,
};
use crate::pipeline::{
    App, Scope, admission, disclosure, expectation, participant, scoring_revision, smoke,
};
use crate::report::{
    self, CaseView, FindingView, LogView, MetricView, QueueView, QuotaView, ScoreView, StageState,
    StageView, SubmissionView, Titled,
};
use crate::rules;
use crate::store::{AttemptRecord, SubmissionRecord};

/// Decimals of scores on the public sample, where nothing can leak.
const SAMPLE_DECIMALS: u8 = 4;
/// What a participant calls the image on the own machine.
const IMAGE_AT_HOME: &str = "my-submission";

/// The view of a submission, redacted by its phase.
///
/// # Errors
/// When the database fails, or the configuration no longer has its phase.
pub async fn submission(app: &App, record: &SubmissionRecord) -> anyhow::Result<SubmissionView> {
    let scope = app.context(record)?;
    let submission = &record.submission;
    let orders = app.store.overrides(&scope.challenge.slug).await?;
    let phase = match submission.board() {
        Some(board) => orders.on_board(&board, scope.phase),
        None => orders.phase(&scope.challenge.slug, scope.phase),
    };
    let task = match (scope.task, submission.board()) {
        (Some(task), Some(board)) => Some(scoring_revision::task(&app.store, &board, task).await?),
        _ => None,
    };
    let scope = Scope {
        phase: &phase,
        task: task.as_ref(),
        ..scope
    };
    let state = submission.state();
    let hidden = disclosure::hides(scope, Stage::Run);
    let attempts = telling(app.store.attempts(record).await?, submission, hidden);
    let view = SubmissionView {
        number: submission.number,
        challenge: Titled::new(scope.challenge.slug.clone(), &scope.challenge.title),
        phase: Titled::new(scope.phase.slug.clone(), &scope.phase.title),
        task: scope.task.map(|t| Titled::new(t.slug.clone(), &t.title)),
        board: scope.task.map(|task| board_of(scope, task)),
        team: submission.team.clone(),
        origin: submission.origin.clone(),
        observed_at: submission.observed_at,
        state,
        stages: Stage::ALL
            .iter()
            .map(|&name| stage_view(name, state, &attempts))
            .collect(),
        logs: logs(&attempts),
        reproduce: reproduce(record, scope, &attempts),
        image: record.image.clone(),
        sample_score: sample_score(scope, &attempts),
        score: score(app, record, scope).await?,
        notices: notices(submission, &orders),
        queue: position(app, record, &orders).await?,
        quota: quota(app, record, scope).await?,
        // Not before the end is told.
        incident: record
            .incident
            .clone()
            .filter(|_| submission.outcome.is_some()),
        url: format!(
            "{}/submissions/{}",
            app.settings.public_url,
            submission.token.as_str()
        ),
        hidden: !scope.phase.show.logs,
        findings: findings(&attempts),
        findings_left_out: 0,
    };
    Ok(report::redact(view, &scope.phase.show))
}

fn board_of(scope: Scope<'_>, task: &Task) -> Board {
    Board {
        challenge: scope.challenge.slug.clone(),
        phase: scope.phase.slug.clone(),
        task: task.slug.clone(),
    }
}

/// Attempts that say something: the newest of each kind and case. Those lost for our reasons were
/// made again, and so are those that failed before a rerun.
///
/// Where the moments of an evaluation are `hidden`, a lost one of it stays as long as it goes on: as one that is under way.
fn telling(
    mut attempts: Vec<AttemptRecord>,
    submission: &Submission,
    hidden: bool,
) -> Vec<AttemptRecord> {
    if submission.undisclosed {
        let evaluation = attempts
            .iter_mut()
            .filter(|a| a.attempt.stage >= Stage::Run);
        evaluation.for_each(keep_open);
    }
    let goes_on_at = match submission.state() {
        SubmissionState::Waiting(stage) | SubmissionState::Working(stage) => Some(stage),
        SubmissionState::Ended(_) => None,
    };
    let mut newest: Vec<AttemptRecord> = Vec::new();
    for mut one in attempts {
        if one.attempt.state == AttemptState::Lost {
            // On hidden data even that tells a moment, and why it is made again may be the container's doing.
            if !hidden || goes_on_at.is_none() || one.attempt.stage < Stage::Run {
                continue;
            }
            one.attempt.state = AttemptState::Running;
            keep_open(&mut one);
        }
        let same = |other: &AttemptRecord| {
            other.attempt.stage == one.attempt.stage
                && other.attempt.case == one.attempt.case
                && other.attempt.submission == one.attempt.submission
        };
        newest.retain(|other| !same(other));
        newest.push(one);
    }
    newest.retain(|one| {
        let again = goes_on_at.is_some_and(|at| one.attempt.stage >= at);
        one.attempt.state != AttemptState::Failed || !again
    });
    newest
}

/// Shows an attempt whose end is not told yet as one that is under way.
fn keep_open(one: &mut AttemptRecord) {
    if one.attempt.state != AttemptState::Lost {
        one.attempt.state = AttemptState::Running;
    }
    one.attempt.ended_at = None;
    one.findings.clear();
    one.log = None;
    one.detail = Value::Null;
}

fn stage_view(name: Stage, state: SubmissionState, attempts: &[AttemptRecord]) -> StageView {
    let mut stage = StageView::waiting(name);
    let mine: Vec<_> = attempts
        .iter()
        .filter(|a| a.attempt.stage == name)
        .collect();
    stage.started = mine.first().map(|a| a.attempt.started_at);
    stage.ended = mine.last().and_then(|a| a.attempt.ended_at);
    stage.duration = stage
        .started
        .zip(stage.ended)
        .map(|(from, to)| to.since(from));
    let warned = mine
        .iter()
        .flat_map(|a| &a.findings)
        .any(|f| f.severity == Severity::Warning);
    let failed = mine.iter().any(|a| a.attempt.state == AttemptState::Failed);
    let over = match state {
        SubmissionState::Ended(Outcome::Scored) => true,
        SubmissionState::Waiting(at) | SubmissionState::Working(at) => name < at,
        SubmissionState::Ended(_) => {
            !mine.is_empty()
                && mine
                    .iter()
                    .all(|a| a.attempt.state == AttemptState::Succeeded)
        }
    };
    stage.state = match state {
        _ if failed => StageState::Failed,
        SubmissionState::Working(at) if at == name => StageState::Working,
        _ if over && warned => StageState::Warned,
        _ if over => StageState::Passed,
        SubmissionState::Ended(_) => StageState::Skipped,
        _ => StageState::Waiting,
    };
    stage.message = message(&stage, &mine);
    stage
}

/// One sentence about a gate, where there is more to say than its mark does.
fn message(stage: &StageView, attempts: &[&AttemptRecord]) -> String {
    let detail = |key: &str| {
        attempts
            .last()
            .map_or(Value::Null, |a| a.detail[key].clone())
    };
    match (stage.name, stage.state) {
        (Stage::Build, StageState::Passed | StageState::Warned) => match detail("reused") {
            Value::Bool(true) => "The image was there already.".into(),
            _ => match detail("bytes").as_u64() {
                Some(bytes) => format!("The image has {} MiB.", bytes >> 20),
                None => String::new(),
            },
        },
        (Stage::Smoke, StageState::Passed | StageState::Warned) => {
            match detail("run_ms").as_i64() {
                Some(ms) => format!("The container took {} on the sample.", Duration(ms)),
                None => String::new(),
            }
        }
        _ => String::new(),
    }
}

fn findings(attempts: &[AttemptRecord]) -> Vec<FindingView> {
    let mut all: Vec<FindingView> = attempts
        .iter()
        .flat_map(|a| {
            let stage = a.attempt.stage;
            a.findings.iter().map(move |finding: &Finding| FindingView {
                stage,
                link: None,
                finding: finding.clone(),
            })
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
                (Stage::Build, _) => "what the steps printed".to_owned(),
                (Stage::Smoke, _) => "what the container printed on the sample".to_owned(),
                (_, Some(case)) => format!("what the container printed on case {case}"),
                _ => "what the container printed".to_owned(),
            };
            Some(LogView {
                stage,
                title,
                excerpt,
            })
        })
        .collect()
}

/// The commands that show a failure at home, once there is one.
fn reproduce(
    record: &SubmissionRecord,
    scope: Scope<'_>,
    attempts: &[AttemptRecord],
) -> Option<String> {
    let outcome = record.submission.outcome?;
    let failed_at = attempts
        .iter()
        .find(|a| a.attempt.state == AttemptState::Failed)
        .map(|a| a.attempt.stage)?;
    // A fault of ours or of the organizers, and a run on hidden data that failed after a smoke run
    // that passed, are not repeated by what a participant has.
    let repeatable = match failed_at {
        Stage::Admission | Stage::Build | Stage::Smoke => outcome != Outcome::Fault,
        Stage::Run => scope.phase.show.logs && outcome != Outcome::Fault,
        Stage::Scoring => false,
    };
    // What the rules refuse before they know the task is refused for every task.
    let task = scope.task.or(scope.challenge.tasks.first())?;
    if !repeatable {
        return None;
    }
    let case = smoke::first_case(task).unwrap_or_default();
    let commit = matches!(record.submission.origin, Origin::Commit { .. });
    let commands = participant::Reproduce {
        challenge: scope.challenge,
        task,
        case: case.as_ref(),
        dockerfile: commit.then_some(match record.dockerfile.as_str() {
            "" => "Dockerfile",
            path => path,
        }),
        image: IMAGE_AT_HOME,
    };
    Some(commands.commands(failed_at))
}

fn sample_score(scope: Scope<'_>, attempts: &[AttemptRecord]) -> Option<ScoreView> {
    let task = scope.task?;
    let smoke = attempts.iter().rfind_kind(Stage::Smoke)?;
    let score: Score = serde_json::from_value(smoke.detail["score"].clone()).ok()?;
    let mut view = score_view(&score, &task.metrics, SAMPLE_DECIMALS);
    view.cases = Some(cases(&score, &task.metrics));
    Some(view)
}

/// The last attempt of a kind.
trait LastOfKind<'a> {
    fn rfind_kind(self, kind: Stage) -> Option<&'a AttemptRecord>;
}

impl<'a, I: Iterator<Item = &'a AttemptRecord>> LastOfKind<'a> for I {
    fn rfind_kind(self, kind: Stage) -> Option<&'a AttemptRecord> {
        self.filter(|a| a.attempt.stage == kind).last()
    }
}

fn score_view(score: &Score, metrics: &[MetricSpec], decimals: u8) -> ScoreView {
    let mut imputed = 0;
    let shown = metrics
        .iter()
        .filter_map(|spec| {
            let given: Vec<Option<f64>> = score
                .cases
                .iter()
                .map(|c| c.values.get(&spec.name).copied().flatten())
                .collect();
            imputed += given.iter().filter(|v| v.is_none()).count();
            let values: Vec<f64> = given.into_iter().map(|v| spec.counted(v)).collect();
            let aggregate = spec.aggregate.of(&values)?;
            Some(MetricView::new(spec, aggregate, None, decimals))
        })
        .collect();
    ScoreView {
        metrics: shown,
        cases: None,
        imputed: u32::try_from(imputed).unwrap_or(u32::MAX),
        rank: None,
        of: 0,
        counting: None,
    }
}

fn cases(score: &Score, metrics: &[MetricSpec]) -> Vec<CaseView> {
    score
        .cases
        .iter()
        .map(|case| CaseView {
            case: case.case.clone(),
            values: metrics
                .iter()
                .map(|m| case.values.get(&m.name).copied().flatten())
                .collect(),
            reason: case.reason.clone(),
        })
        .collect()
}

async fn score(
    app: &App,
    record: &SubmissionRecord,
    scope: Scope<'_>,
) -> anyhow::Result<Option<ScoreView>> {
    let submission = &record.submission;
    let (Some(task), Some(Outcome::Scored)) = (scope.task, submission.outcome) else {
        return Ok(None);
    };
    let Some(score) = app.store.score_of(submission.id).await? else {
        return Ok(None);
    };
    let mut view = score_view(&score, &task.metrics, scope.phase.show.decimals);
    if scope.phase.show.cases {
        view.cases = Some(cases(&score, &task.metrics));
    }
    let name = board_of(scope, task);
    if let Some(board) = board(app.rows(), &name).await? {
        view.of = board.rows.len();
        if let Some(row) = board.rows.iter().find(|r| r.team == submission.team) {
            view.rank = Some(row.rank);
            view.counting = Some(row.submission);
            if row.submission == submission.number {
                for (metric, cell) in view.metrics.iter_mut().zip(&row.values) {
                    metric.rank = Some(cell.rank);
                }
            }
        }
    }
    Ok(Some(view))
}

/// What organizers have ordered that concerns a submission, a sentence each.
fn notices(submission: &Submission, orders: &Overrides) -> Vec<String> {
    let Some(board) = submission.board() else {
        return Vec::new();
    };
    let mut message = Vec::new();
    if submission.state() == SubmissionState::Waiting(Stage::Run)
        && let Some(order) = orders.paused(&board)
    {
        message.push(because("Evaluations of this board are paused", order));
    }
    if let Some(order) = orders.disqualified(&board, &submission.team) {
        let team = &submission.team;
        message.push(because(
            &format!("Team {team} is disqualified and not ranked"),
            order,
        ));
    }
    if let Some(freeze) = orders.frozen(&board)
        && submission.outcome == Some(Outcome::Scored)
    {
        let at = freeze.at;
        message.push(format!(
            "The board is frozen and shows the standings of {at}."
        ));
    }
    message
}

fn because(message: &str, order: &Override) -> String {
    match order.reason.trim_end_matches('.') {
        "" => format!("{message}."),
        reason => format!("{message}: {reason}."),
    }
}

async fn position(
    app: &App,
    record: &SubmissionRecord,
    orders: &Overrides,
) -> anyhow::Result<Option<QueueView>> {
    if record.submission.state() != SubmissionState::Waiting(Stage::Run) {
        return Ok(None);
    }
    let position = expectation::of(app, record).await?;
    let board = record.submission.board();
    let paused = board.is_some_and(|board| orders.paused(&board).is_some());
    Ok(position.map(|position| match paused {
        // Nobody knows for how long.
        true => QueueView {
            wait: None,
            paused,
            ..position
        },
        false => position,
    }))
}

async fn quota(
    app: &App,
    record: &SubmissionRecord,
    scope: Scope<'_>,
) -> anyhow::Result<Option<QuotaView>> {
    let Some(task) = scope.task else {
        return Ok(None);
    };
    let board = board_of(scope, task);
    let now = app.clock.now();
    let team = &record.submission.team;
    let used = app.store.usage(&board, team, 0, now).await?;
    let quota = rules::quota::allowed(admission::counts(used), &scope.phase.quota);
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
