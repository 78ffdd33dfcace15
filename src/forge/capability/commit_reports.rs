//! Reports on a commit: statuses and git notes.

use async_trait::async_trait;

use super::repositories::ForgeRepository;
use crate::forge::Result;
use crate::model::{CommitSha, Timestamp};
use crate::report::status::StatusState;

/// A commit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitStatus {
    /// Its name on the commit: `referee/admission`.
    pub context: String,
    pub state: StatusState,
    /// One line.
    pub message: String,
    /// The page with the details.
    pub url: String,
}

/// Statuses of commits.
#[async_trait]
pub trait CommitStatuses: Send + Sync {
    /// Sets the status of its context on a commit.
    async fn set_status(&self, full_name: &str, sha: &CommitSha, status: &CommitStatus) -> Result<()>;
}

/// Git notes, which `git log` shows below the commit.
#[async_trait]
pub trait CommitNotes: Send + Sync {
    /// Makes this text the note of a commit.
    async fn set_note(&self, at: &ForgeRepository, sha: &CommitSha, text: &str, now: Timestamp) -> Result<()>;
}
