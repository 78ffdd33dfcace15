//! A submission and its way through the pipeline: the states, and which may follow which.
//!
//! The state is derived: the stage that is next, whether an attempt at it is under way, and the
//! outcome once there is one.

use serde::Serialize;

use super::challenge::Board;
use super::ids::{ChallengeSlug, PageToken, PhaseSlug, SubmissionId, TaskSlug, TeamSlug};
use super::origin::Origin;
use super::stage::{Outcome, Stage};
use super::time::Timestamp;

/// Where a submission stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "state", content = "at")]
pub enum SubmissionState {
    /// The stage is next and nobody works on it.
    Waiting(Stage),
    /// An attempt at the stage is under way.
    Working(Stage),
    /// It ended.
    Ended(Outcome),
}

impl SubmissionState {
    /// The state without the step from run to score, whose moment tells how long the run took.
    #[must_use]
    pub fn evaluation_as_one(self) -> Self {
        match self {
            Self::Waiting(Stage::Scoring) | Self::Working(Stage::Scoring) => {
                Self::Working(Stage::Run)
            }
            other => other,
        }
    }

    /// As pages and `remote:` lines show it.
    pub fn label(self) -> String {
        match self {
            Self::Waiting(Stage::Admission) => "received".into(),
            Self::Waiting(Stage::Run) => "queued".into(),
            Self::Waiting(stage) => format!("waiting for {stage}"),
            Self::Working(Stage::Admission) => "checking rules".into(),
            Self::Working(Stage::Build) => "building".into(),
            Self::Working(Stage::Smoke) => "smoke run".into(),
            Self::Working(Stage::Run) => "running".into(),
            Self::Working(Stage::Scoring) => "scoring".into(),
            Self::Ended(outcome) => outcome.as_str().replace('-', " "),
        }
    }
}

/// One team's commit or image, entered for one phase and (once the rules have read it) one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Row.
    pub id: SubmissionId,
    /// Number within the challenge, counted from 1: `#12`.
    pub number: i64,
    /// Address of its page.
    pub token: PageToken,
    /// Of this challenge.
    pub challenge: ChallengeSlug,
    /// To this phase.
    pub phase: PhaseSlug,
    /// For this task; none while the rules have not read `submission.toml`.
    pub task: Option<TaskSlug>,
    /// By this team.
    pub team: TeamSlug,
    /// What it was made from.
    pub origin: Origin,
    /// When the push was first observed: the time that deadlines are compared with.
    pub observed_at: Timestamp,
    /// The stage that is next, or at which it ended.
    pub stage: Stage,
    /// Whether an attempt is under way.
    pub working: bool,
    /// Whether its outcome is known and not told yet. For everybody outside its run goes on.
    pub undisclosed: bool,
    /// How it ended, once that is told.
    pub outcome: Option<Outcome>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl Submission {
    /// The board that it is for; none while the rules have not read `submission.toml`.
    pub fn board(&self) -> Option<Board> {
        Some(Board {
            challenge: self.challenge.clone(),
            phase: self.phase.clone(),
            task: self.task.clone()?,
        })
    }

    /// Where it stands.
    pub fn state(&self) -> SubmissionState {
        match (self.outcome, self.working) {
            (Some(outcome), _) => SubmissionState::Ended(outcome),
            (None, _) if self.undisclosed => SubmissionState::Working(Stage::Run),
            (None, true) => SubmissionState::Working(self.stage),
            (None, false) => SubmissionState::Waiting(self.stage),
        }
    }
}
