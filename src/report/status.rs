//! One line per gate for commit statuses, and the lamp beside it.
//!
//! Forges cut what is longer than [`DESCRIPTION_CHARS_MAX`] in ways of their own; we cut first.

use serde::Serialize;

use crate::model::{Outcome, PublicState, Stage};

use super::sanitize;
use super::view::{StageState, StageView, SubmissionView};

/// Characters of a description. GitHub refuses more than 140, Gitea's pages show about 100.
pub const DESCRIPTION_CHARS_MAX: usize = 100;

/// The lamp of a commit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusState {
    /// Not over.
    Pending,
    /// Good.
    Success,
    /// The team's to mend.
    Failure,
    /// Ours to mend, or nobody's.
    Error,
}

impl StatusState {
    /// As forges call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
        }
    }
}

/// A commit status; it links to [`SubmissionView::url`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// `referee/admission`, or `referee/<phase>/<task>` for the evaluation.
    pub context: String,
    /// The lamp.
    pub state: StatusState,
    /// One line.
    pub message: String,
}

/// A status for rules, build and smoke run, and one for the evaluation once the task is known.
pub fn statuses(view: &SubmissionView) -> Vec<Status> {
    let before_queuing = |g: &&StageView| !matches!(g.name, Stage::Run | Stage::Scoring);
    let mut all: Vec<Status> = view
        .stages
        .iter()
        .filter(before_queuing)
        .map(|stage| of_stage(view, stage))
        .collect();
    all.extend(view.task.as_ref().map(|task| Status {
        context: format!("referee/{}/{}", view.phase.slug, task.slug),
        state: overall(view),
        message: short(&format!("#{}: {}", view.number, view.verdict())),
    }));
    all
}

/// The context of the first verdict.
pub const ADMISSION_CONTEXT: &str = "referee/admission";

/// The statuses of a commit, each with the page that it links to. Where several submissions share a
/// gate, the lamp is the worst of theirs, and it links to the submission that it is the lamp of.
pub fn of_commit(views: &[SubmissionView]) -> Vec<(Status, String)> {
    let mut all: Vec<(Status, String)> = Vec::new();
    let each = views
        .iter()
        .flat_map(|v| statuses(v).into_iter().map(|s| (s, v.url.clone())));
    for (status, url) in each {
        match all.iter_mut().find(|(s, _)| s.context == status.context) {
            None => all.push((status, url)),
            Some(standing) if weight(status.state) > weight(standing.0.state) => {
                *standing = (status, url);
            }
            Some(_) => {}
        }
    }
    all
}

/// What is wrong outweighs what is not over, and that what is well.
fn weight(state: StatusState) -> u8 {
    match state {
        StatusState::Success => 0,
        StatusState::Pending => 1,
        StatusState::Error => 2,
        StatusState::Failure => 3,
    }
}

fn of_stage(view: &SubmissionView, stage: &StageView) -> Status {
    let ours = matches!(
        view.state,
        PublicState::Ended(Outcome::Fault | Outcome::Withdrawn)
    );
    let state = match stage.state {
        StageState::Waiting | StageState::Working => StatusState::Pending,
        StageState::Passed | StageState::Warned => StatusState::Success,
        StageState::Failed if ours => StatusState::Error,
        StageState::Failed => StatusState::Failure,
        StageState::Skipped => StatusState::Error,
    };
    let word = stage.state.as_str();
    let time = stage.duration.map_or(String::new(), |d| format!(" in {d}"));
    let message = match stage.message.as_str() {
        "" => format!("{word}{time}"),
        message => format!("{word}{time}: {message}"),
    };
    Status {
        context: format!("referee/{}", stage.name),
        state,
        message: short(&message),
    }
}

fn overall(view: &SubmissionView) -> StatusState {
    match view.state {
        PublicState::Ended(Outcome::Scored) => StatusState::Success,
        PublicState::Ended(Outcome::Fault | Outcome::Withdrawn) => StatusState::Error,
        PublicState::Ended(_) => StatusState::Failure,
        PublicState::Waiting(_) | PublicState::Working(_) => StatusState::Pending,
    }
}

/// One line, cut with an ellipsis.
fn short(text: &str) -> String {
    let line = sanitize::line(text);
    if line.chars().count() <= DESCRIPTION_CHARS_MAX {
        return line;
    }
    let mut cut: String = line.chars().take(DESCRIPTION_CHARS_MAX - 1).collect();
    cut.push('…');
    cut
}
