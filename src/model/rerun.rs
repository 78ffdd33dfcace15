//! How an ended submission can be run again, after a platform error or for an organizer.
//!
//! Its earlier attempts are kept. A submission with a score is never run again: rescoring a
//! leaderboard corrects scores.

use super::ids::SubmissionId;
use super::stage::{Outcome, Stage};
use super::submission::Submission;

/// A rerun that is possible. Only [`RerunPlan::new`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RerunPlan {
    submission: SubmissionId,
    from: Outcome,
    ended_at: Stage,
    to: Stage,
}

impl RerunPlan {
    /// A rerun from a stage, or from the stage at which the submission ended.
    ///
    /// # Errors
    /// The reason against it, as the end of a sentence.
    pub fn new(submission: &Submission, from_stage: Option<Stage>) -> Result<Self, &'static str> {
        let ended_at = submission.stage();
        let to = from_stage.unwrap_or(ended_at);
        let from = match submission.outcome() {
            None => return Err("it has not ended"),
            Some(Outcome::Scored) => {
                return Err("it has a score, and a rerun never changes a score; \
                            use `/rescore` to score a whole leaderboard again");
            }
            Some(Outcome::Withdrawn) => {
                return Err("it was withdrawn or cancelled; its team can push again");
            }
            Some(outcome) => outcome,
        };
        if to > ended_at {
            return Err("it did not reach that stage");
        }
        if to == Stage::Admission && ended_at != Stage::Admission {
            // Admission has already made one submission for each task of the push.
            return Err("it passed admission; the earliest stage is `build`");
        }
        if ended_at == Stage::Scoring && to != Stage::Scoring {
            return Err("its predictions are stored, so only scoring can be repeated");
        }
        Ok(Self { submission: submission.id, from, ended_at, to })
    }

    pub fn submission(&self) -> SubmissionId {
        self.submission
    }

    /// How the submission ended.
    pub fn from(&self) -> Outcome {
        self.from
    }

    /// The stage at which it ended.
    pub fn ended_at(&self) -> Stage {
        self.ended_at
    }

    /// The stage that runs next.
    pub fn to(&self) -> Stage {
        self.to
    }
}

#[cfg(test)]
mod tests {
    use super::super::ids::{ChallengeSlug, CommitSha, PageToken, PhaseSlug, TaskSlug, TeamSlug};
    use super::super::origin::Origin;
    use super::super::submission::SubmissionState;
    use super::super::time::Timestamp;
    use super::*;

    fn ended(outcome: Option<Outcome>, stage: Stage) -> Submission {
        Submission {
            id: SubmissionId(1),
            number: 1,
            token: PageToken::from_bytes([7; 16]),
            challenge: ChallengeSlug::new("c").unwrap(),
            phase: PhaseSlug::new("p").unwrap(),
            task: TaskSlug::new("t").ok(),
            team: TeamSlug::new("x").unwrap(),
            origin: Origin::Commit {
                sha: CommitSha::new("0".repeat(39) + "1").unwrap(),
                full_ref: "refs/heads/main".into(),
            },
            observed_at: Timestamp(0),
            state: match outcome {
                None => SubmissionState::Waiting { stage },
                Some(outcome) => SubmissionState::Ended { stage, outcome, at: Timestamp(0), incident: None },
            },
        }
    }

    #[test]
    fn a_platform_error_is_repeated_from_its_stage_or_an_earlier_one() {
        let at_run = ended(Some(Outcome::Fault), Stage::Run);
        assert_eq!(RerunPlan::new(&at_run, None).unwrap().to(), Stage::Run);
        for stage in [Stage::Build, Stage::Smoke] {
            assert_eq!(RerunPlan::new(&at_run, Some(stage)).unwrap().to(), stage);
        }
        assert!(RerunPlan::new(&at_run, Some(Stage::Scoring)).is_err());
        assert!(RerunPlan::new(&at_run, Some(Stage::Admission)).is_err());
    }

    #[test]
    fn a_submission_that_is_scored_or_in_progress_is_not_run_again() {
        for outcome in [None, Some(Outcome::Scored), Some(Outcome::Withdrawn)] {
            assert!(RerunPlan::new(&ended(outcome, Stage::Scoring), None).is_err());
        }
        let rejected = ended(Some(Outcome::Rejected), Stage::Admission);
        assert_eq!(RerunPlan::new(&rejected, None).unwrap().to(), Stage::Admission);
        let unscored = ended(Some(Outcome::Fault), Stage::Scoring);
        assert_eq!(RerunPlan::new(&unscored, None).unwrap().to(), Stage::Scoring);
        assert!(RerunPlan::new(&unscored, Some(Stage::Run)).is_err());
    }
}
