//! Long work: attempts, and the lease that makes exactly one worker their owner.
//!
//! An attempt is never changed once it has ended; another try is another attempt.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::ids::{AttemptId, CaseId, SubmissionId};
use super::stage::Stage;
use super::time::Timestamp;

/// How an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum AttemptState {
    /// Somebody holds its lease.
    Running,
    /// It did what it was for.
    Succeeded,
    /// It ended with a verdict against the submission.
    Failed,
    /// It ended without a verdict: our fault, or the lease was lost. Tried again.
    Lost,
}

impl AttemptState {
    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Whose fault an end is. Decides who is told, who pays and whether it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Blame {
    /// Final; spends the team's quota.
    Participant,
    /// The scorer or the configuration; quota refunded, organizers told.
    Organizer,
    /// The engine, the disk, us; tried again, quota refunded.
    Infrastructure,
}

impl Blame {
    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One try of one kind of work for one submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Row.
    pub id: AttemptId,
    /// For this submission.
    pub submission: SubmissionId,
    /// The stage that it executes.
    pub stage: Stage,
    /// For this case alone, where the contract is per case.
    pub case: Option<CaseId>,
    /// 1 for the first try of this kind and case.
    pub number: i64,
    /// How it stands.
    pub state: AttemptState,
    /// When it was claimed.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Proof that this worker owns a running attempt; only the store makes one.
///
/// Every write that ends the attempt is fenced by its owner: a worker that slept through its lease
/// changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The attempt.
    pub attempt: Attempt,
    /// The worker's instance, unique per start of the daemon.
    pub owner: String,
    /// Seed of the attempt, given to the container as `REFEREE_SEED`.
    pub seed: u32,
}

impl Lease {
    /// A name unique to this attempt, fit for a container, a volume or a directory.
    pub fn name(&self) -> String {
        let attempt = &self.attempt;
        let mut name = format!(
            "s{}-{}{}",
            attempt.submission, attempt.stage, attempt.number
        );
        // The row keeps names apart where cases or databases would make them collide.
        name.push_str(&format!("-a{}", attempt.id));
        name
    }
}
