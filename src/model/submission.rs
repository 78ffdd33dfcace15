//! A submission and its way through the pipeline: the states, and which may follow which.
//!
//! A transition consumes the old state and returns the new one, or [`InvalidTransition`]. The store
//! repeats the guard in SQL: it writes a new state only over the state that the transition started from.

use serde::Serialize;

use super::challenge::Board;
use super::ids::{ChallengeSlug, PageToken, PhaseSlug, SubmissionId, TaskSlug, TeamSlug};
use super::origin::Origin;
use super::stage::{Outcome, Stage};
use super::time::Timestamp;

/// The state of a submission in the pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmissionState {
    /// The submission waits for its next stage.
    Waiting {
        /// The stage that is next.
        stage: Stage,
    },
    /// An attempt at the stage is running.
    Working {
        /// The stage.
        stage: Stage,
    },
    /// The evaluation on hidden data has ended, and its outcome is not disclosed yet. Outside the pipeline the run
    /// seems to continue.
    Undisclosed {
        /// The stage at which it ended.
        stage: Stage,
        /// Its outcome.
        outcome: Outcome,
        /// Number of the incident, if a platform error ended it.
        incident: Option<String>,
    },
    /// The submission has ended.
    Ended {
        /// The stage at which it ended.
        stage: Stage,
        /// Its outcome.
        outcome: Outcome,
        /// When it ended, or when its outcome was disclosed.
        at: Timestamp,
        /// Number of the incident, if a platform error ended it.
        incident: Option<String>,
    },
}

/// A transition that the pipeline does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a submission that is {from} cannot {to}")]
pub struct InvalidTransition {
    from: &'static str,
    to: &'static str,
}

type Transition = Result<SubmissionState, InvalidTransition>;

impl SubmissionState {
    /// The stage that is next, that is running, or at which the submission ended.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Waiting { stage }
            | Self::Working { stage }
            | Self::Undisclosed { stage, .. }
            | Self::Ended { stage, .. } => *stage,
        }
    }

    /// The outcome, once it is disclosed.
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Ended { outcome, .. } => Some(*outcome),
            _ => None,
        }
    }

    /// Number of the incident that ended the submission, once the outcome is disclosed.
    pub fn incident(&self) -> Option<&str> {
        match self {
            Self::Ended { incident, .. } => incident.as_deref(),
            _ => None,
        }
    }

    /// When the submission ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match self {
            Self::Ended { at, .. } => Some(*at),
            _ => None,
        }
    }

    /// Whether an attempt is running.
    pub fn is_working(&self) -> bool {
        matches!(self, Self::Working { .. })
    }

    /// The state that everyone outside the pipeline may see.
    pub fn public(&self) -> PublicState {
        match self {
            Self::Waiting { stage } => PublicState::Waiting(*stage),
            Self::Working { stage } => PublicState::Working(*stage),
            Self::Undisclosed { .. } => PublicState::Working(Stage::Run),
            Self::Ended { outcome, .. } => PublicState::Ended(*outcome),
        }
    }

    /// A worker claims the next attempt.
    pub fn claim(self) -> Transition {
        match self {
            Self::Waiting { stage } => Ok(Self::Working { stage }),
            other => other.cannot("be claimed"),
        }
    }

    /// The attempt succeeded; the next stage follows.
    pub fn advance(self, next: Stage) -> Transition {
        match self {
            Self::Working { .. } => Ok(Self::Waiting { stage: next }),
            other => other.cannot("advance"),
        }
    }

    /// The attempt is over and another one of the same stage follows: for the next case, or as a retry.
    pub fn repeat(self) -> Transition {
        let stage = self.stage();
        self.advance(stage)
    }

    /// The attempt ended the submission.
    pub fn end(self, outcome: Outcome, incident: Option<String>, at: Timestamp) -> Transition {
        match self {
            Self::Working { stage } => Ok(Self::Ended { stage, outcome, at, incident }),
            other => other.cannot("end"),
        }
    }

    /// The attempt ended the submission, and the outcome is disclosed later.
    pub fn withhold(self, outcome: Outcome, incident: Option<String>) -> Transition {
        match self {
            Self::Working { stage } => Ok(Self::Undisclosed { stage, outcome, incident }),
            other => other.cannot("be withheld"),
        }
    }

    /// The outcome is disclosed.
    pub fn disclose(self, at: Timestamp) -> Transition {
        match self {
            Self::Undisclosed { stage, outcome, incident } => Ok(Self::Ended { stage, outcome, at, incident }),
            other => other.cannot("be disclosed"),
        }
    }

    /// The leaderboard was rescored before the score was disclosed; the submission is scored again.
    pub fn score_again(self) -> Transition {
        match self {
            Self::Undisclosed { outcome: Outcome::Scored, .. } => Ok(Self::Waiting { stage: Stage::Scoring }),
            other => other.cannot("be scored again"),
        }
    }

    /// The team withdraws the submission, or an organizer cancels it.
    pub fn withdraw(self, at: Timestamp) -> Transition {
        match self {
            Self::Ended { .. } => self.cannot("be withdrawn"),
            _ => Ok(Self::Ended { stage: self.stage(), outcome: Outcome::Withdrawn, at, incident: None }),
        }
    }

    /// An organizer runs the submission again, from this stage. [`super::RerunPlan`] decides which stages
    /// are possible.
    pub fn rerun(self, from: Stage) -> Transition {
        match self {
            Self::Ended { .. } => Ok(Self::Waiting { stage: from }),
            other => other.cannot("be run again"),
        }
    }

    fn cannot(self, to: &'static str) -> Transition {
        let from = match self {
            Self::Waiting { .. } => "waiting",
            Self::Working { .. } => "working",
            Self::Undisclosed { .. } => "undisclosed",
            Self::Ended { .. } => "ended",
        };
        Err(InvalidTransition { from, to })
    }
}

/// The state of a submission as pages, reports and the JSON API show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "state", content = "at")]
pub enum PublicState {
    /// The stage is next and no worker has claimed it.
    Waiting(Stage),
    /// An attempt at the stage is running.
    Working(Stage),
    /// The submission has ended.
    Ended(Outcome),
}

impl PublicState {
    /// The state without the step from run to scoring. The time of that step discloses how long the run
    /// took.
    #[must_use]
    pub fn evaluation_as_one(self) -> Self {
        match self {
            Self::Waiting(Stage::Scoring) | Self::Working(Stage::Scoring) => Self::Working(Stage::Run),
            other => other,
        }
    }

    /// The words for pages and `remote:` lines.
    pub fn label(self) -> String {
        match self {
            Self::Waiting(Stage::Admission) => "received".into(),
            Self::Waiting(Stage::Run) => "queued".into(),
            Self::Waiting(Stage::Build) => "waiting for the build".into(),
            Self::Waiting(Stage::Smoke) => "waiting for the smoke run".into(),
            Self::Waiting(Stage::Scoring) => "waiting for scoring".into(),
            Self::Working(Stage::Admission) => "checking rules".into(),
            Self::Working(Stage::Build) => "building".into(),
            Self::Working(Stage::Smoke) => "smoke run".into(),
            Self::Working(Stage::Run) => "running".into(),
            Self::Working(Stage::Scoring) => "scoring".into(),
            Self::Ended(outcome) => outcome.as_str().replace('-', " "),
        }
    }
}

/// One team's commit or image, entered for one phase and one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Row number.
    pub id: SubmissionId,
    /// Number within the challenge, counted from 1: `#12`.
    pub number: i64,
    /// The unguessable part of the address of its page.
    pub token: PageToken,
    pub challenge: ChallengeSlug,
    pub phase: PhaseSlug,
    /// `None` until admission has read `submission.toml`.
    pub task: Option<TaskSlug>,
    pub team: TeamSlug,
    /// The commit or image that was pushed.
    pub origin: Origin,
    /// When the push was first observed. Deadlines are compared with this time.
    pub observed_at: Timestamp,
    pub state: SubmissionState,
}

impl Submission {
    /// The leaderboard that it is for. `None` until admission has read `submission.toml`.
    pub fn board(&self) -> Option<Board> {
        Some(Board { challenge: self.challenge.clone(), phase: self.phase.clone(), task: self.task.clone()? })
    }

    /// [`SubmissionState::stage`]
    pub fn stage(&self) -> Stage {
        self.state.stage()
    }

    /// [`SubmissionState::outcome`]
    pub fn outcome(&self) -> Option<Outcome> {
        self.state.outcome()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(7);

    fn waiting(stage: Stage) -> SubmissionState {
        SubmissionState::Waiting { stage }
    }

    #[test]
    fn a_submission_goes_from_admission_to_its_score() {
        let mut state = waiting(Stage::Admission);
        for &next in &Stage::ALL[1..] {
            state = state.claim().unwrap().advance(next).unwrap();
        }
        let state = state.claim().unwrap().end(Outcome::Scored, None, NOW).unwrap();
        assert_eq!(state.outcome(), Some(Outcome::Scored));
        assert_eq!(state.stage(), Stage::Scoring);
        assert_eq!(state.public(), PublicState::Ended(Outcome::Scored));
    }

    #[test]
    fn an_undisclosed_outcome_looks_like_a_run() {
        let run = waiting(Stage::Run).claim().unwrap();
        let state = run.withhold(Outcome::TimeLimit, None).unwrap();
        assert_eq!(state.public(), PublicState::Working(Stage::Run));
        assert_eq!(state.outcome(), None);
        let state = state.disclose(NOW).unwrap();
        assert_eq!((state.outcome(), state.ended_at()), (Some(Outcome::TimeLimit), Some(NOW)));
    }

    #[test]
    fn transitions_that_do_not_exist_are_refused() {
        let refused = waiting(Stage::Run).end(Outcome::Scored, None, NOW);
        assert_eq!(refused.unwrap_err().to_string(), "a submission that is waiting cannot end");
        let ended = waiting(Stage::Run).withdraw(NOW).unwrap();
        assert!(ended.clone().claim().is_err() && ended.clone().withdraw(NOW).is_err());
        assert_eq!(ended.rerun(Stage::Build).unwrap(), waiting(Stage::Build));
        assert!(waiting(Stage::Run).rerun(Stage::Run).is_err());
        assert!(waiting(Stage::Run).disclose(NOW).is_err());
        assert!(waiting(Stage::Run).score_again().is_err());
        assert!(waiting(Stage::Run).claim().unwrap().claim().is_err());
    }
}
