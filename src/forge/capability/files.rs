//! Files that Referee publishes in a repository on the forge.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::forge::Result;

/// Commits to repositories on the forge.
#[async_trait]
pub trait FileCommits: Send + Sync {
    /// Makes these files of the default branch hold these bytes, in one commit. No commit is made when they do
    /// already. All other files of the branch stay.
    async fn put_files(&self, full_name: &str, files: &BTreeMap<String, Vec<u8>>, message: &str) -> Result<()>;
}
