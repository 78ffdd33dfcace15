//! The local forge: bare repositories under one root, one for each team, reached by file path or ssh.
//!
//! It has no issues, no accounts and no commit statuses; reports are git notes and the output of `git push`. A
//! `post-receive` hook notifies the daemon of a push at once. The hook has no authority: the daemon reads the refs
//! itself, and the sweep finds a push whose hook did not reach the daemon.

mod hosting;
mod kind;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

pub use hosting::hook_address;

use super::git::locks::RepositoryLocks;
use super::git::{self, GitError};
use super::{CommitNotes, Forge, ForgeRepository, Hosting, Repositories, Result};
use crate::model::{CommitSha, TeamPattern, Timestamp};

/// The local forge.
#[derive(Debug, Clone)]
pub struct LocalForge {
    root: PathBuf,
    /// The daemon's address for the hook.
    url: String,
    /// The program that the hook starts.
    program: PathBuf,
    /// libgit2 replaces the ref of notes without comparing it (`git_note_create`). Of two notes that are written into a
    /// repository at the same time, one would be lost.
    notes: Arc<RepositoryLocks>,
}

impl LocalForge {
    /// A forge under this root. Nothing is created yet.
    pub fn new(root: PathBuf, url: String, program: PathBuf) -> Self {
        Self { root, url, program, notes: Arc::default() }
    }

    /// Runs `work` on a thread that may wait for the disk.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(Self) -> Result<T, GitError> + Send + 'static,
    ) -> Result<T> {
        let forge = self.clone();
        match tokio::task::spawn_blocking(move || work(forge)).await {
            Ok(result) => Ok(result?),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    async fn find(&self, wanted: impl Fn(&ForgeRepository) -> bool) -> Result<Option<ForgeRepository>> {
        let all = self.blocking(|forge| forge.list()).await?;
        Ok(all.into_iter().find(wanted))
    }
}

impl Forge for LocalForge {
    fn commit_notes(&self) -> Result<&dyn CommitNotes> {
        Ok(self)
    }

    fn hosting(&self) -> Result<&dyn Hosting> {
        Ok(self)
    }
}

#[async_trait]
impl Repositories for LocalForge {
    /// Empty: only `referee team add` makes teams, and other repositories under the root belong to no team.
    async fn team_repositories(&self, _teams: &TeamPattern) -> Result<Vec<ForgeRepository>> {
        Ok(Vec::new())
    }

    async fn repository(&self, id: &str) -> Result<Option<ForgeRepository>> {
        self.find(|r| r.id == id).await
    }

    async fn repository_named(&self, full_name: &str) -> Result<Option<ForgeRepository>> {
        self.find(|r| r.full_name == full_name).await
    }

    async fn refs(&self, full_name: &str) -> Result<Vec<(String, CommitSha)>> {
        let path = self.path(full_name);
        self.blocking(move |_| git::refs(&path)).await
    }

    async fn fetch_commit(&self, at: &ForgeRepository, _full_ref: &str, _sha: &CommitSha) -> Result<PathBuf> {
        Ok(self.path(&at.full_name))
    }

    async fn has_commit(&self, at: &ForgeRepository, sha: &CommitSha) -> Result<bool> {
        let (path, sha) = (self.path(&at.full_name), sha.clone());
        self.blocking(move |_| Ok(git::has_commit(&path, &sha))).await
    }
}

#[async_trait]
impl CommitNotes for LocalForge {
    async fn set_note(&self, at: &ForgeRepository, sha: &CommitSha, text: &str, now: Timestamp) -> Result<()> {
        let _locked = self.notes.lock(&at.id).await;
        let (path, sha, text) = (self.path(&at.full_name), sha.clone(), text.to_owned());
        self.blocking(move |_| git::set_note(&path, &sha, &text, now)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::git::FileSet;

    #[tokio::test(flavor = "multi_thread", worker_threads = 8)]
    async fn notes_that_are_written_at_once_all_stay() {
        const COMMITS: usize = 32;
        let root = tempfile::tempdir().unwrap();
        let forge = LocalForge::new(root.path().into(), "http://127.0.0.1:8030".into(), "/bin/x".into());
        let at = forge.create("nuclei/team-a", "id-1", &FileSet::new(), Timestamp(1)).unwrap();
        let notes = (0..COMMITS).map(|n| {
            let sha = CommitSha::new(format!("{:040x}", n + 1)).unwrap();
            let (forge, at) = (forge.clone(), at.clone());
            tokio::spawn(async move { forge.set_note(&at, &sha, "Scored", Timestamp(2)).await })
        });
        for note in notes.collect::<Vec<_>>() {
            note.await.unwrap().unwrap();
        }
        let repository = git2::Repository::open_bare(forge.path("nuclei/team-a")).unwrap();
        assert_eq!(repository.notes(Some(git::NOTES_REF)).unwrap().count(), COMMITS);
    }
}
