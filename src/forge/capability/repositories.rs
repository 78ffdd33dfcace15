//! Repositories and refs, which every forge has.

use std::path::PathBuf;

use async_trait::async_trait;

use crate::forge::Result;
use crate::model::{CommitSha, TeamPattern};

/// A repository as the forge knows it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgeRepository {
    /// The forge's own identifier, which survives renames.
    pub id: String,
    /// `owner/name`.
    pub full_name: String,
    /// Whether only accounts with explicit access can see it.
    pub private: bool,
    /// Whether the forge refuses all writes to it.
    pub archived: bool,
}

/// The repositories of a forge.
#[async_trait]
pub trait Repositories: Send + Sync {
    /// All repositories whose names fit the pattern of a challenge's teams.
    async fn team_repositories(&self, teams: &TeamPattern) -> Result<Vec<ForgeRepository>>;

    /// The repository with this id, also under a new name. `None` when it no longer exists.
    async fn repository(&self, id: &str) -> Result<Option<ForgeRepository>>;

    /// The repository with this name. `None` when it does not exist or is hidden from our account.
    async fn repository_named(&self, full_name: &str) -> Result<Option<ForgeRepository>>;

    /// All branches and tags with their commits. An annotated tag gives its commit, not the tag object.
    async fn refs(&self, full_name: &str) -> Result<Vec<(String, CommitSha)>>;

    /// The path of a bare repository on this disk that holds a commit, which was seen at `full_ref`.
    async fn fetch_commit(&self, at: &ForgeRepository, full_ref: &str, sha: &CommitSha) -> Result<PathBuf>;

    /// Whether the forge still has a commit. A forge may delete one that a later push has replaced.
    async fn has_commit(&self, at: &ForgeRepository, sha: &CommitSha) -> Result<bool>;

    /// The page that shows a line of a file in a commit; line 0 is the whole file. `None` without such pages.
    fn line_url(&self, _full_name: &str, _sha: &CommitSha, _path: &str, _line: u32) -> Option<String> {
        None
    }
}
