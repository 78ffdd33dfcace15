//! Removes from a view everything that its phase may not show.
//!
//! Admission, build and smoke run use public data only, and are never redacted. The run on the phase's data and its
//! scoring are redacted: an attacker's container could use its output, its kind of failure or its duration to carry
//! hidden data out. Only an outcome from a closed set remains.
//!
//! The pipeline hides the time at which the state changes: it discloses results only at fixed intervals.

use crate::model::{BoardVisibility, Duration, Outcome, PublicState, Show, Stage, Timestamp, limits};

use super::view::{ScoreView, StageState, StageView, SubmissionView};
use crate::model::numbers::rounded;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// The view with only the parts that `show` allows. A second call changes nothing.
#[must_use]
pub fn redact(mut view: SubmissionView, show: &Show) -> SubmissionView {
    view.hidden = !show.logs;
    if view.hidden {
        join_evaluation(&mut view);
        let state = view.state;
        let stages = view.stages.iter_mut().filter(|g| sees_hidden_data(g.name));
        let step = Duration(show.disclosure_interval.0.max(MINUTE));
        stages.for_each(|stage| hide_details(stage, state, step));
        if let Some(queue) = &mut view.queue {
            queue.wait = queue.wait.map(coarse_duration);
        }
        view.findings.retain(|f| !sees_hidden_data(f.stage));
        view.logs.retain(|l| !sees_hidden_data(l.stage));
    }
    view.score = match show.board {
        BoardVisibility::Live => view.score.map(|score| round(score, show)),
        // Two teams that compare their scores would know the order of their ranks.
        BoardVisibility::Hidden => None,
    };
    if show.board == BoardVisibility::Hidden {
        view.board = None;
    }
    // Hidden findings are removed before, so that they are not counted.
    view.findings_left_out += view.findings.len().saturating_sub(limits::FINDINGS_LISTED_MAX);
    view.findings.truncate(limits::FINDINGS_LISTED_MAX);
    view
}

/// Shows the whole evaluation as one run.
///
/// A submission waits briefly between the runs of two cases and between run and scoring, and at its end for the
/// disclosure of the result. The times of these changes would reveal the duration of each step.
fn join_evaluation(view: &mut SubmissionView) {
    let (PublicState::Waiting(stage) | PublicState::Working(stage)) = view.state else {
        return;
    };
    let begun = |stage: &StageView| stage.name == Stage::Run && stage.started.is_some();
    if !sees_hidden_data(stage) || !view.stages.iter().any(begun) {
        return;
    }
    view.state = PublicState::Working(Stage::Run);
    view.queue = None;
    for stage in &mut view.stages {
        match stage.name {
            Stage::Run => stage.state = StageState::Working,
            Stage::Scoring => *stage = StageView::waiting(Stage::Scoring),
            _ => {}
        }
    }
}

/// Whether the stage reads the phase's data.
fn sees_hidden_data(stage: Stage) -> bool {
    matches!(stage, Stage::Run | Stage::Scoring)
}

/// Replaces the message of a stage with the message of the outcome, and rounds its times to multiples of `step`.
fn hide_details(stage: &mut StageView, state: PublicState, step: Duration) {
    if stage.state == StageState::Warned {
        stage.state = StageState::Passed;
    }
    stage.message = match (stage.state, state) {
        (StageState::Failed, PublicState::Ended(outcome)) => outcome.message().to_owned(),
        (StageState::Failed, _) => Outcome::RunFailed.message().to_owned(),
        _ => String::new(),
    };
    if stage.state == StageState::Working {
        (stage.ended, stage.duration) = (None, None);
    }
    let down = |timestamp: Timestamp| Timestamp(timestamp.0.div_euclid(step.0) * step.0);
    let up = |ms: i64| (ms + step.0 - 1).div_euclid(step.0) * step.0;
    stage.started = stage.started.map(down);
    stage.duration = stage.duration.map(|span| Duration(up(span.0)));
    // Computed from the other two, so that the three together reveal no more.
    stage.ended = match (stage.started, stage.duration, stage.ended) {
        (Some(started), Some(duration), Some(_)) => Some(started.plus(duration)),
        (_, _, ended) => ended.map(|timestamp| Timestamp(up(timestamp.0))),
    };
}

/// The duration rounded up to one of a few values. Durations of runs on hidden data are shown only like this.
pub fn coarse_duration(span: Duration) -> Duration {
    const MINUTES: [i64; 8] = [1, 2, 5, 10, 15, 20, 30, 45];
    let size = MINUTES.map(|n| Duration(n * MINUTE));
    let hours = Duration((span.0 + HOUR - 1).div_euclid(HOUR) * HOUR);
    size.into_iter().find(|size| *size >= span).unwrap_or(hours)
}

/// Rounds all values of a score. The number of missing values is kept, because a team must know that its container
/// skipped cases, and the number reveals less than the score.
fn round(mut score: ScoreView, show: &Show) -> ScoreView {
    for metric in &mut score.metrics {
        (metric.value, metric.formatted) = rounded(metric.value, show.decimals);
    }
    if !show.cases {
        score.cases = None;
    }
    let values = score.cases.iter_mut().flatten().flat_map(|c| &mut c.values);
    values.flatten().for_each(|v| *v = rounded(*v, show.decimals).0);
    score
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::style::Style;
    use super::super::text;
    use super::super::view::{CaseView, FindingView, LogView};
    use super::*;
    use crate::model::{CaseId, Finding, Location, LogExcerpt};

    const SECRET: &str = "hidden_case_0042";

    fn show(logs: bool, cases: bool) -> Show {
        Show {
            board: BoardVisibility::Live,
            logs,
            cases,
            decimals: 2,
            disclosure_interval: Duration(if logs { 0 } else { MINUTE }),
        }
    }

    /// A view with the secret in every field where a careless builder could put it.
    fn view_with_secrets(state: PublicState, stage_state: StageState) -> SubmissionView {
        let mut view = SubmissionView::sample();
        view.state = state;
        for stage in view.stages.iter_mut().filter(|g| sees_hidden_data(g.name)) {
            stage.state = stage_state;
            stage.message = format!("exit code 3 while reading {SECRET}");
            stage.duration = Some(Duration(61_234));
        }
        for stage in [Stage::Run, Stage::Scoring] {
            view.findings.push(FindingView {
                stage,
                link: Some(format!("https://forge.example/{SECRET}")),
                finding: Finding::error("OU001", SECRET, SECRET).at(Location::file(SECRET)),
            });
            view.logs.push(LogView {
                stage,
                title: SECRET.into(),
                excerpt: LogExcerpt { head: SECRET.into(), ..LogExcerpt::default() },
            });
        }
        if let Some(score) = &mut view.score {
            score.cases = Some(vec![CaseView {
                case: CaseId::new(SECRET).unwrap(),
                values: vec![Some(0.123_456)],
                reason: Some(SECRET.into()),
            }]);
        }
        view
    }

    fn json(view: &SubmissionView) -> String {
        serde_json::to_string(view).unwrap()
    }

    #[test]
    fn a_hidden_phase_shows_only_the_message_of_the_outcome() {
        let view = view_with_secrets(PublicState::Ended(Outcome::RunFailed), StageState::Failed);
        let redacted = redact(view, &show(false, false));
        assert!(redacted.hidden);
        let mut stages = redacted.stages.iter();
        let run = stages.find(|g| g.name == Stage::Run).unwrap();
        assert_eq!(run.message, "The container ended with an error.");
        assert_eq!(run.duration, Some(Duration(2 * MINUTE)));
        assert_eq!(run.started.unwrap().0 % MINUTE, 0);
        assert_eq!(run.ended, Some(run.started.unwrap().plus(Duration(2 * MINUTE))));
        assert!(!json(&redacted).contains(SECRET));
        assert!(!json(&redacted).contains("exit code"));
    }

    #[test]
    fn public_stages_keep_their_findings_and_logs() {
        let mut view = SubmissionView::sample_smoke_failed();
        view.hidden = false;
        let redacted = redact(view.clone(), &show(false, false));
        assert_eq!(redacted.logs, view.logs);
        assert_eq!(redacted.stages[..3], view.stages[..3]);
    }

    #[test]
    fn scores_are_rounded_and_cases_are_shown_only_where_allowed() {
        let view = view_with_secrets(PublicState::Ended(Outcome::Scored), StageState::Passed);
        let redacted = redact(view.clone(), &show(true, true));
        let score = redacted.score.unwrap();
        assert_eq!(score.cases.unwrap()[0].values, [Some(0.12)]);
        assert!(score.metrics.iter().all(|m| m.formatted.split('.').nth(1).unwrap().len() == 2));
        assert_eq!(redact(view, &show(true, false)).score.unwrap().cases, None);
    }

    #[test]
    fn waiting_times_are_coarse_where_runs_are_hidden() {
        for (ms, expected) in [
            (1, "1 min"),
            (60_000, "1 min"),
            (60_001, "2 min"),
            (12 * 60_000, "15 min"),
            (46 * 60_000, "1 h"),
            (61 * 60_000, "2 h"),
        ] {
            let once = coarse_duration(Duration(ms));
            assert_eq!(once.to_string(), expected);
            assert_eq!(coarse_duration(once), once);
        }
        let wait = |logs| {
            let mut view = SubmissionView::sample_queued();
            view.queue.as_mut().unwrap().wait = Some(Duration(12 * MINUTE));
            let redacted = redact(view, &show(logs, false));
            redacted.queue.and_then(|q| q.wait).unwrap().to_string()
        };
        assert_eq!(wait(true), "12 min");
        assert_eq!(wait(false), "15 min");
    }

    #[test]
    fn a_hidden_board_hides_the_score_of_the_team_too() {
        let show = Show { board: BoardVisibility::Hidden, ..show(false, false) };
        let redacted = redact(SubmissionView::sample(), &show);
        assert_eq!(redacted.score, None);
        assert_eq!(redacted.headline(), "Scored. The results are not public yet.");
        assert!(redacted.sample_score.is_some(), "the sample is public");
    }

    proptest! {
        #[test]
        fn no_state_reveals_the_secret_and_a_second_call_changes_nothing(
            outcome in proptest::sample::select(Outcome::ALL),
            stage in proptest::sample::select(Stage::ALL),
            way in 0..3,
            stage_state in proptest::sample::select(&[
                StageState::Waiting, StageState::Working, StageState::Passed,
                StageState::Warned, StageState::Failed, StageState::Skipped,
            ][..]),
        ) {
            let state = match way {
                0 => PublicState::Waiting(stage),
                1 => PublicState::Working(stage),
                _ => PublicState::Ended(outcome),
            };
            let redacted = redact(view_with_secrets(state, stage_state), &show(false, false));
            prop_assert!(!json(&redacted).contains(SECRET));
            prop_assert!(!text::submission(&redacted, Style::Plain).contains(SECRET));
            prop_assert_eq!(redact(redacted.clone(), &show(false, false)), redacted);
        }
    }
}
