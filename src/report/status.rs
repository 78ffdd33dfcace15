//! The commit statuses of a submission: one per stage, and one for the evaluation.
//!
//! Forges shorten long descriptions in different ways, so Referee shortens them first.

use serde::Serialize;
use strum::{Display, IntoStaticStr};

use crate::model::{Outcome, PublicState};

use super::sanitize;
use super::view::{StageState, StageView, SubmissionView};

/// Characters of a description. GitHub refuses more than 140, and Gitea's pages show about 100.
pub const DESCRIPTION_CHARS_MAX: usize = 100;

/// The state of a commit status, in the words of the forges.
///
/// The order of the variants is the order of precedence: if several submissions share a context, the greatest state is
/// shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Display, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum StatusState {
    Success,
    /// The stage has not ended.
    Pending,
    /// The team does not have to fix anything: a platform error, or a withdrawn submission.
    Error,
    /// The team has to fix something.
    Failure,
}

impl StatusState {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A commit status. It links to [`SubmissionView::url`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// `referee/admission`, or `referee/<phase>/<task>` for the evaluation.
    pub context: String,
    pub state: StatusState,
    /// One line.
    pub message: String,
}

/// A status for admission, build and smoke run each, and one for the evaluation once admission has read the task.
pub fn submission_statuses(view: &SubmissionView) -> Vec<Status> {
    let before_evaluation = |stage: &&StageView| !stage.name.is_evaluation();
    let mut all: Vec<Status> =
        view.stages.iter().filter(before_evaluation).map(|stage| stage_status(view, stage)).collect();
    all.extend(view.task.as_ref().map(|task| Status {
        context: format!("referee/{}/{}", view.phase.slug, task.slug),
        state: evaluation_state(view),
        message: shortened(&format!("#{}: {}", view.number, view.headline())),
    }));
    all
}

/// The context of the admission status.
pub const ADMISSION_CONTEXT: &str = "referee/admission";

/// The statuses of a commit, each with the address of its submission page. If several submissions share a context, the
/// submission with the greatest [`StatusState`] decides.
pub fn commit_statuses(views: &[SubmissionView]) -> Vec<(Status, String)> {
    let mut all: Vec<(Status, String)> = Vec::new();
    let each = views.iter().flat_map(|view| {
        let statuses = submission_statuses(view).into_iter();
        statuses.map(|status| (status, view.url.clone()))
    });
    for (status, url) in each {
        match all.iter_mut().find(|(s, _)| s.context == status.context) {
            None => all.push((status, url)),
            Some(known) if status.state > known.0.state => *known = (status, url),
            Some(_) => {}
        }
    }
    all
}

fn stage_status(view: &SubmissionView, stage: &StageView) -> Status {
    let not_the_teams_fault = matches!(view.state, PublicState::Ended(Outcome::Fault | Outcome::Withdrawn));
    let state = match stage.state {
        StageState::Waiting | StageState::Working => StatusState::Pending,
        StageState::Passed | StageState::Warned => StatusState::Success,
        StageState::Failed if not_the_teams_fault => StatusState::Error,
        StageState::Failed => StatusState::Failure,
        StageState::Skipped => StatusState::Error,
    };
    let label = stage.state.label();
    let time = stage.duration.map_or(String::new(), |d| format!(" in {d}"));
    let message = match stage.message.as_str() {
        "" => format!("{label}{time}"),
        message => format!("{label}{time}: {message}"),
    };
    Status { context: format!("referee/{}", stage.name), state, message: shortened(&message) }
}

fn evaluation_state(view: &SubmissionView) -> StatusState {
    match view.state {
        PublicState::Ended(Outcome::Scored) => StatusState::Success,
        PublicState::Ended(Outcome::Fault | Outcome::Withdrawn) => StatusState::Error,
        PublicState::Ended(_) => StatusState::Failure,
        PublicState::Waiting(_) | PublicState::Working(_) => StatusState::Pending,
    }
}

/// One line, shortened with an ellipsis.
fn shortened(text: &str) -> String {
    let line = sanitize::line(text);
    if line.chars().count() <= DESCRIPTION_CHARS_MAX {
        return line;
    }
    let start: String = line.chars().take(DESCRIPTION_CHARS_MAX - 1).collect();
    start + "…"
}
