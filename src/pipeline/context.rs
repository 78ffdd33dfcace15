//! The values that all stages share: settings, challenges, database, artifacts, time.
//!
//! Nothing here knows a forge or an engine.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::ground_truth::GroundTruthDigests;
use crate::clock::Clock;
use crate::config::Settings;
use crate::model::{Board, Challenge, ChallengeSlug, Lease, Phase, Task, TaskSlug};
use crate::store::{Artifacts, Store, SubmissionRecord};

/// The values that all stages share.
pub struct Context {
    /// The settings of `referee.toml`.
    pub settings: Settings,
    /// All challenges of this installation.
    pub challenges: Vec<Challenge>,
    pub store: Store,
    /// Stored predictions.
    pub artifacts: Artifacts,
    pub clock: Clock,
    /// The owner of all leases of this start of the daemon.
    pub owner: String,
    /// Directory for running work. It is emptied at each start.
    pub work: PathBuf,
    /// Digests of the ground truth of each leaderboard.
    pub ground_truths: GroundTruthDigests,
    /// The slots of the runner.
    pub capacity: Capacity,
}

/// The number of slots of the runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Slots for jobs without GPU.
    pub cpu: usize,
    pub gpus: usize,
}

/// Whether a step found work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It did some. There may be more.
    Worked,
    /// There was nothing to do.
    Idle,
}

impl Progress {
    /// `Worked` if something was done.
    pub fn from_worked(worked: bool) -> Self {
        if worked { Self::Worked } else { Self::Idle }
    }
}

impl Context {
    /// The challenge with this slug.
    pub fn challenge(&self, slug: &ChallengeSlug) -> Option<&Challenge> {
        self.challenges.iter().find(|c| &c.slug == slug)
    }

    /// Challenge, phase and task of a submission.
    ///
    /// # Errors
    /// When `challenge.toml` no longer has the phase or the task, or the challenge is no longer configured.
    pub fn of(&self, record: &SubmissionRecord) -> anyhow::Result<SubmissionContext<'_>> {
        let submission = &record.submission;
        let challenge = self
            .challenge(&submission.challenge)
            .with_context(|| format!("challenge {} is not configured", submission.challenge))?;
        let phase = challenge
            .phase(&submission.phase)
            .with_context(|| format!("challenge.toml has no phase {}", submission.phase))?;
        let task = match &submission.task {
            None => None,
            Some(slug) => Some(challenge.task(slug).with_context(|| format!("challenge.toml has no task {slug}"))?),
        };
        Ok(SubmissionContext { challenge, phase, task })
    }

    /// A new empty directory for an attempt.
    pub fn work_directory(&self, lease: &Lease) -> std::io::Result<WorkDirectory> {
        WorkDirectory::create(&self.work, &lease.name())
    }
}

/// The challenge, the phase and the task of a submission.
#[derive(Debug, Clone, Copy)]
pub struct SubmissionContext<'a> {
    pub challenge: &'a Challenge,
    pub phase: &'a Phase,
    /// `None` until admission has read `submission.toml`.
    pub task: Option<&'a Task>,
}

impl<'a> SubmissionContext<'a> {
    /// The leaderboard of the submission.
    ///
    /// # Errors
    /// When the task is not known yet.
    pub fn board(&self) -> anyhow::Result<Board> {
        Ok(self.board_of(&self.task()?.slug))
    }

    /// The leaderboard of a task in this phase.
    pub fn board_of(&self, task: &TaskSlug) -> Board {
        Board { challenge: self.challenge.slug.clone(), phase: self.phase.slug.clone(), task: task.clone() }
    }

    /// The task.
    ///
    /// # Errors
    /// When the task is not known yet. After admission it is.
    pub fn task(&self) -> anyhow::Result<&'a Task> {
        self.task.context("the submission has no task yet")
    }
}

/// A directory that is removed when it is dropped.
#[derive(Debug)]
pub struct WorkDirectory {
    path: PathBuf,
}

impl WorkDirectory {
    /// Creates an empty directory. `name` is unique to the work.
    pub fn create(parent: &Path, name: &str) -> std::io::Result<Self> {
        let path = parent.join(name);
        if path.exists() {
            std::fs::remove_dir_all(&path)?;
        }
        std::fs::create_dir_all(&path)?;
        Ok(Self { path })
    }

    /// Creates a directory inside.
    pub fn make(&self, name: &str) -> std::io::Result<PathBuf> {
        let path = self.path.join(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// The path of a file inside.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for WorkDirectory {
    fn drop(&mut self) {
        // The next start of the daemon empties the parent directory.
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "work directory not removed");
        }
    }
}
