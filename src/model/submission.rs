//! A submission and its way through the pipeline: the states, and which may follow which.
//!
//! The state is derived: the stage that is next, whether an attempt at it is under way, and the
//! outcome once there is one.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::challenge::Board;
use super::ids::{ChallengeSlug, PageToken, PhaseSlug, SubmissionId, TaskSlug, TeamSlug};
use super::job::AttemptKind;
use super::origin::Origin;
use super::time::Timestamp;

/// The work that is next for a submission without an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Read the commit, or what the registry says of the image, and check it against the rules.
    Rules,
    /// Build the image, or fetch it, and look at it.
    Build,
    /// Run on the public sample.
    Smoke,
    /// Run on the phase's data. Only here does a submission wait in the queue.
    Run,
    /// Score the predictions.
    Score,
}

impl Stage {
    /// In the order of the pipeline.
    pub const ALL: [Self; 5] = [
        Self::Rules,
        Self::Build,
        Self::Smoke,
        Self::Run,
        Self::Score,
    ];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Build => "build",
            Self::Smoke => "smoke",
            Self::Run => "run",
            Self::Score => "score",
        }
    }

    /// Reads what [`Stage::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }

    /// What follows when this stage succeeds; `None` after the last.
    pub fn next(self) -> Option<Self> {
        match self {
            Self::Rules => Some(Self::Build),
            Self::Build => Some(Self::Smoke),
            Self::Smoke => Some(Self::Run),
            Self::Run => Some(Self::Score),
            Self::Score => None,
        }
    }

    /// The kind of attempt that does this stage's work.
    pub fn attempt(self) -> AttemptKind {
        match self {
            Self::Rules => AttemptKind::Fetch,
            Self::Build => AttemptKind::Build,
            Self::Smoke => AttemptKind::Smoke,
            Self::Run => AttemptKind::Run,
            Self::Score => AttemptKind::Score,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a submission ended: a closed set, so that a hidden phase tells nothing more than one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It has a score.
    Scored,
    /// The rules refuse it.
    Rejected,
    /// A build step failed.
    BuildFailed,
    /// The build broke a limit of time, memory, processes, disk or log.
    BuildLimit,
    /// The image cannot be accepted.
    ImageRejected,
    /// The container ran too long.
    TimeLimit,
    /// The container wanted too much memory.
    MemoryLimit,
    /// The container ended with an error.
    RunFailed,
    /// Outputs are missing or not what was agreed.
    OutputInvalid,
    /// Outputs are too large or too many.
    OutputLimit,
    /// Withdrawn by the team, or cancelled by an organizer.
    Withdrawn,
    /// Given up for reasons that are not the participant's; an incident number says more.
    Fault,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Scored,
        Self::Rejected,
        Self::BuildFailed,
        Self::BuildLimit,
        Self::ImageRejected,
        Self::TimeLimit,
        Self::MemoryLimit,
        Self::RunFailed,
        Self::OutputInvalid,
        Self::OutputLimit,
        Self::Withdrawn,
        Self::Fault,
    ];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scored => "scored",
            Self::Rejected => "rejected",
            Self::BuildFailed => "build-failed",
            Self::BuildLimit => "build-limit",
            Self::ImageRejected => "image-rejected",
            Self::TimeLimit => "time-limit",
            Self::MemoryLimit => "memory-limit",
            Self::RunFailed => "run-failed",
            Self::OutputInvalid => "output-invalid",
            Self::OutputLimit => "output-limit",
            Self::Withdrawn => "withdrawn",
            Self::Fault => "fault",
        }
    }

    /// Reads what [`Outcome::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|o| o.as_str() == text)
    }

    /// The sentence that a participant reads first.
    pub fn says(self) -> &'static str {
        match self {
            Self::Scored => "Scored.",
            Self::Rejected => "Rejected by the rules.",
            Self::BuildFailed => "The image could not be built.",
            Self::BuildLimit => "The build exceeded a limit.",
            Self::ImageRejected => "The image cannot be accepted.",
            Self::TimeLimit => "The container exceeded its time limit.",
            Self::MemoryLimit => "The container exceeded its memory limit.",
            Self::RunFailed => "The container ended with an error.",
            Self::OutputInvalid => "The output is not what the task asks for.",
            Self::OutputLimit => "The output exceeded a limit.",
            Self::Withdrawn => "Withdrawn.",
            Self::Fault => "Not evaluated, for a reason that is not yours.",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

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
            Self::Waiting(Stage::Score) | Self::Working(Stage::Score) => Self::Working(Stage::Run),
            other => other,
        }
    }

    /// As pages and `remote:` lines show it.
    pub fn label(self) -> String {
        match self {
            Self::Waiting(Stage::Rules) => "received".into(),
            Self::Waiting(Stage::Run) => "queued".into(),
            Self::Waiting(stage) => format!("waiting for {stage}"),
            Self::Working(Stage::Rules) => "checking rules".into(),
            Self::Working(Stage::Build) => "building".into(),
            Self::Working(Stage::Smoke) => "smoke run".into(),
            Self::Working(Stage::Run) => "running".into(),
            Self::Working(Stage::Score) => "scoring".into(),
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
    pub sealed: bool,
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
            (None, _) if self.sealed => SubmissionState::Working(Stage::Run),
            (None, true) => SubmissionState::Working(self.stage),
            (None, false) => SubmissionState::Waiting(self.stage),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_and_outcome_reads_back_what_it_writes() {
        for stage in Stage::ALL {
            assert_eq!(Stage::parse(stage.as_str()), Some(stage));
        }
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::parse(outcome.as_str()), Some(outcome));
            let json = serde_json::to_string(&outcome).unwrap();
            assert_eq!(json, format!("\"{outcome}\""));
        }
        assert_eq!(Stage::Score.next(), None);
    }
}
