//! Repositories that Referee keeps on its own disk, where teams push to.

use std::path::PathBuf;

use super::repositories::ForgeRepository;
use crate::forge::git::{FileSet, GitError};
use crate::model::{PageToken, Timestamp};

/// Repositories on this disk.
pub trait Hosting: Send + Sync {
    /// The path of the bare repository with this name.
    fn path(&self, full_name: &str) -> PathBuf;

    /// Makes a bare repository with this id and a first commit of these files. One that exists already keeps its
    /// id and its content.
    ///
    /// # Errors
    /// The disk cannot be written, or git fails.
    fn create(
        &self,
        full_name: &str,
        new_id: &str,
        files: &FileSet,
        now: Timestamp,
    ) -> Result<ForgeRepository, GitError>;

    /// Installs or renews the hook that notifies the daemon of pushes. The token authorizes these notices.
    ///
    /// # Errors
    /// The repository does not exist, or the disk cannot be written.
    fn install_hook(&self, full_name: &str, token: &PageToken) -> Result<(), GitError>;
}
