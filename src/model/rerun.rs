//! Going back: an ended submission that is tried again, for a fault or by an organizer's wish.
//!
//! Old attempts stay as they are. What has a score is not run again: scores are corrected by
//! rescoring a board, never by another run.

use super::ids::SubmissionId;
use super::stage::{Outcome, Stage};
use super::submission::Submission;

/// A way back that makes sense. Only [`Rerun::of`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rerun {
    submission: SubmissionId,
    from: Outcome,
    ended_at: Stage,
    to: Stage,
}

impl Rerun {
    /// The way back to a stage, or to that at which the submission ended.
    ///
    /// # Errors
    /// Why there is none, as the end of a sentence.
    pub fn of(submission: &Submission, wanted: Option<Stage>) -> Result<Self, &'static str> {
        let ended_at = submission.stage();
        let to = wanted.unwrap_or(ended_at);
        let from = match submission.outcome() {
            None => return Err("it has not ended"),
            Some(Outcome::Scored) => {
                return Err("it has a score, and a score is never changed; \
                            `rescore` scores a whole board again");
            }
            Some(Outcome::Withdrawn) => {
                return Err("it was withdrawn or cancelled; its team may push again");
            }
            Some(outcome) => outcome,
        };
        if to > ended_at {
            return Err("it has never come so far");
        }
        if to == Stage::Admission && ended_at != Stage::Admission {
            // Its siblings for other tasks were made when the rules let it pass.
            return Err("the rules have let it pass; the earliest stage is `build`");
        }
        if ended_at == Stage::Scoring && to != Stage::Scoring {
            return Err("its predictions are kept, so only its scoring can be repeated");
        }
        Ok(Self {
            submission: submission.id,
            from,
            ended_at,
            to,
        })
    }

    /// Whose way.
    pub fn submission(&self) -> SubmissionId {
        self.submission
    }

    /// How it had ended.
    pub fn from(&self) -> Outcome {
        self.from
    }

    /// At which stage it had ended.
    pub fn ended_at(&self) -> Stage {
        self.ended_at
    }

    /// The stage that is next.
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
                Some(outcome) => SubmissionState::Ended {
                    stage,
                    outcome,
                    at: Timestamp(0),
                    incident: None,
                },
            },
        }
    }

    #[test]
    fn a_fault_goes_back_to_where_it_happened_or_before() {
        let at_run = ended(Some(Outcome::Fault), Stage::Run);
        assert_eq!(Rerun::of(&at_run, None).unwrap().to(), Stage::Run);
        for message in [Stage::Build, Stage::Smoke] {
            assert_eq!(Rerun::of(&at_run, Some(message)).unwrap().to(), message);
        }
        assert!(Rerun::of(&at_run, Some(Stage::Scoring)).is_err());
        assert!(Rerun::of(&at_run, Some(Stage::Admission)).is_err());
    }

    #[test]
    fn what_has_a_score_or_a_future_stays() {
        for outcome in [None, Some(Outcome::Scored), Some(Outcome::Withdrawn)] {
            assert!(Rerun::of(&ended(outcome, Stage::Scoring), None).is_err());
        }
        let rejected = ended(Some(Outcome::Rejected), Stage::Admission);
        assert_eq!(Rerun::of(&rejected, None).unwrap().to(), Stage::Admission);
        let unscored = ended(Some(Outcome::Fault), Stage::Scoring);
        assert_eq!(Rerun::of(&unscored, None).unwrap().to(), Stage::Scoring);
        assert!(Rerun::of(&unscored, Some(Stage::Run)).is_err());
    }
}
