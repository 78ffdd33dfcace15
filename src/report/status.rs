//! One line per gate for commit statuses, and the lamp beside it.
//!
//! Forges cut what is longer than [`SAYS_CHARS_MAX`] in ways of their own; we cut first.

use serde::Serialize;

use crate::model::{Outcome, Stage, SubmissionState};

use super::sanitize;
use super::view::{GateState, GateView, SubmissionView};

/// Characters of a description. GitHub refuses more than 140, Gitea's pages show about 100.
pub const SAYS_CHARS_MAX: usize = 100;

/// The lamp of a commit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Light {
    /// Not over.
    Pending,
    /// Good.
    Success,
    /// The team's to mend.
    Failure,
    /// Ours to mend, or nobody's.
    Error,
}

impl Light {
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
    /// `referee/rules`, or `referee/<phase>/<task>` for the evaluation.
    pub context: String,
    /// The lamp.
    pub light: Light,
    /// One line.
    pub says: String,
}

/// A status for rules, build and smoke run, and one for the evaluation once the task is known.
pub fn statuses(view: &SubmissionView) -> Vec<Status> {
    let before_queuing = |g: &&GateView| !matches!(g.name, Stage::Run | Stage::Score);
    let mut all: Vec<Status> = view
        .gates
        .iter()
        .filter(before_queuing)
        .map(|gate| of_gate(view, gate))
        .collect();
    all.extend(view.task.as_ref().map(|task| Status {
        context: format!("referee/{}/{}", view.phase.slug, task.slug),
        light: overall(view),
        says: short(&format!("#{}: {}", view.number, view.verdict())),
    }));
    all
}

/// The context of the first verdict.
pub const RULES_CONTEXT: &str = "referee/rules";

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
            Some(standing) if weight(status.light) > weight(standing.0.light) => {
                *standing = (status, url);
            }
            Some(_) => {}
        }
    }
    all
}

/// What is wrong outweighs what is not over, and that what is well.
fn weight(light: Light) -> u8 {
    match light {
        Light::Success => 0,
        Light::Pending => 1,
        Light::Error => 2,
        Light::Failure => 3,
    }
}

fn of_gate(view: &SubmissionView, gate: &GateView) -> Status {
    let ours = matches!(
        view.state,
        SubmissionState::Ended(Outcome::Fault | Outcome::Withdrawn)
    );
    let light = match gate.state {
        GateState::Waiting | GateState::Working => Light::Pending,
        GateState::Passed | GateState::Warned => Light::Success,
        GateState::Failed if ours => Light::Error,
        GateState::Failed => Light::Failure,
        GateState::Skipped => Light::Error,
    };
    let state = gate.state.as_str();
    let time = gate.duration.map_or(String::new(), |d| format!(" in {d}"));
    let says = match gate.says.as_str() {
        "" => format!("{state}{time}"),
        says => format!("{state}{time}: {says}"),
    };
    Status {
        context: format!("referee/{}", gate.name),
        light,
        says: short(&says),
    }
}

fn overall(view: &SubmissionView) -> Light {
    match view.state {
        SubmissionState::Ended(Outcome::Scored) => Light::Success,
        SubmissionState::Ended(Outcome::Fault | Outcome::Withdrawn) => Light::Error,
        SubmissionState::Ended(_) => Light::Failure,
        SubmissionState::Waiting(_) | SubmissionState::Working(_) => Light::Pending,
    }
}

/// One line, cut with an ellipsis.
fn short(text: &str) -> String {
    let line = sanitize::line(text);
    if line.chars().count() <= SAYS_CHARS_MAX {
        return line;
    }
    let mut cut: String = line.chars().take(SAYS_CHARS_MAX - 1).collect();
    cut.push('…');
    cut
}
