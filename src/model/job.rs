//! Attempts at a stage, and the lease that makes exactly one worker their owner.
//!
//! An attempt never changes once it has ended. A retry is another attempt.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::facts::GpuUuid;
use super::ids::{AttemptId, CaseId, SubmissionId};
use super::score::Score;
use super::stage::Stage;
use super::time::{Duration, Timestamp};

/// The state of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum AttemptState {
    /// A worker holds its lease.
    Running,
    /// The stage succeeded.
    Succeeded,
    /// The stage ended with a result against the submission.
    Failed,
    /// The attempt ended without a result: a platform error, or the lease was lost. Referee retries it.
    Lost,
}

impl AttemptState {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Who is responsible for an end. Decides who is notified, whose quota is spent and whether Referee retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Blame {
    /// Final. Spends the team's quota.
    Participant,
    /// The scorer or the configuration. The quota is refunded.
    Organizer,
    /// The engine, the disk or Referee itself. Retried, and the quota is refunded.
    Infrastructure,
}

impl Blame {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Facts about an ended attempt that pages and reports show. They differ by stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "kebab-case")]
pub enum AttemptDetail {
    /// No facts: the attempt is running, or it ended early.
    #[default]
    None,
    /// A build, or the fetch of an image.
    Build {
        /// The image existed already. Another task of the same push made it.
        reused: bool,
        /// Size of the image in bytes, unpacked.
        image_bytes: u64,
    },
    /// A smoke run.
    Smoke {
        /// How long the containers ran, all cases together.
        run_ms: Duration,
        /// Score on the public sample.
        score: Option<Score>,
        /// Remarks on values that are missing from the score.
        notes: Vec<String>,
    },
    /// A run on the phase's data.
    Run {
        /// How long the container ran.
        run_ms: Duration,
        gpus: Vec<GpuUuid>,
        output_bytes: u64,
    },
    /// A scoring that made a score.
    Scoring {
        /// The scoring revision that the score belongs to.
        scoring_revision: i64,
        /// Remarks on values that are missing from the score.
        notes: Vec<String>,
    },
    /// A scorer that failed, or a leaderboard whose scoring revision cannot be reproduced.
    ScorerFault { incident: String, problems: Vec<String> },
    /// A platform error.
    Fault { incident: String },
    /// The lease was lost, or the result became obsolete.
    Lost { reason: String },
}

/// One execution of one stage for one submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Row number.
    pub id: AttemptId,
    pub submission: SubmissionId,
    pub stage: Stage,
    /// The case, where the contract runs one container per case.
    pub case: Option<CaseId>,
    /// 1 for the first attempt at this stage and case.
    pub number: i64,
    pub state: AttemptState,
    /// When it was claimed.
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// Proof that this worker owns a running attempt. Only the store makes one.
///
/// Every write that ends the attempt is fenced by its owner. A worker that has slept through its lease
/// changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub attempt: Attempt,
    /// The start of the daemon that the worker belongs to.
    pub owner: String,
    /// Seed of the attempt, passed to the container as `REFEREE_SEED`.
    pub seed: u32,
}

impl Lease {
    /// A name unique to this attempt, valid for a container, a volume or a directory.
    pub fn name(&self) -> String {
        let Attempt { id, submission, stage, number, .. } = &self.attempt;
        // The row number keeps names apart where cases or databases would make them collide.
        format!("s{submission}-{stage}{number}-a{id}")
    }
}
