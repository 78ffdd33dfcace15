//! The mirrors of one forge's repositories: git over HTTP beside other work, bounded in time and number.
//!
//! Nothing here knows an API; it works for every forge that offers git over HTTP and takes a token as the password.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Semaphore;

use super::locks::RepositoryLocks;
use super::remote::{GitRemote, Mirror};
use super::{CommitMessage, FileSet, GitError};
use crate::config::Secret;
use crate::forge::credentials::Credentials;
use crate::forge::{ForgeError, ForgeRepository, Result};
use crate::model::{CommitSha, Timestamp, limits};

/// The git side of a forge, with a mirror of each repository on this disk.
pub struct Mirrors {
    /// Address without `/` at the end.
    url: String,
    /// Name that goes with the token.
    user: &'static str,
    credentials: Arc<dyn Credentials>,
    /// Where the mirrors are.
    directory: PathBuf,
    conversations: Semaphore,
    /// One writer at a time in each mirror.
    locks: RepositoryLocks,
}

impl Mirrors {
    /// Nothing is created or asked yet.
    pub fn new(url: &str, user: &'static str, credentials: Arc<dyn Credentials>, directory: PathBuf) -> Self {
        Self {
            url: url.to_owned(),
            user,
            credentials,
            directory,
            conversations: Semaphore::new(limits::FORGE_GIT_AT_ONCE),
            locks: RepositoryLocks::default(),
        }
    }

    /// All branches and tags of a repository with their commits.
    pub async fn refs(&self, full_name: &str) -> Result<Vec<(String, CommitSha)>> {
        let name = full_name.to_owned();
        self.talk(move |remote| remote.refs(&name)).await
    }

    /// The path of the mirror, after a commit was fetched into it.
    pub async fn fetch_commit(&self, at: &ForgeRepository, full_ref: &str, sha: &CommitSha) -> Result<PathBuf> {
        let (full_ref, sha) = (full_ref.to_owned(), sha.clone());
        self.write(at, move |remote, mirror| remote.fetch_commit(mirror, &full_ref, &sha)).await?;
        Ok(self.mirror(at).path)
    }

    /// Sets the note of a commit on the forge.
    pub async fn set_note(&self, at: &ForgeRepository, sha: &CommitSha, text: &str, now: Timestamp) -> Result<()> {
        let (sha, text) = (sha.clone(), text.to_owned());
        self.write(at, move |remote, mirror| remote.set_note(mirror, &sha, &text, now)).await
    }

    /// Makes a branch on the forge hold exactly these files, by one commit on top of its history. Returns whether
    /// anything had to be pushed.
    pub async fn push_files(
        &self,
        at: &ForgeRepository,
        branch: &str,
        files: FileSet,
        message: CommitMessage<'_>,
    ) -> Result<bool> {
        let (branch, text, now) = (branch.to_owned(), message.text.to_owned(), message.now);
        self.write(at, move |remote, mirror| {
            let message = CommitMessage { text: &text, now };
            remote.push_files(mirror, &branch, &files, message)
        })
        .await
    }

    fn mirror(&self, at: &ForgeRepository) -> Mirror {
        Mirror { full_name: at.full_name.clone(), path: self.directory.join(format!("{}.git", at.id)) }
    }

    /// Talks to the forge while no other task writes the repository's mirror.
    async fn write<T: Send + 'static>(
        &self,
        at: &ForgeRepository,
        work: impl Fn(&GitRemote, &Mirror) -> Result<T, GitError> + Send + Sync + 'static,
    ) -> Result<T> {
        let _locked = self.locks.lock(&at.id).await;
        let mirror = self.mirror(at);
        self.talk(move |remote| work(remote, &mirror)).await
    }

    /// Talks to the forge; once more with another token where the forge refuses the first one.
    async fn talk<T: Send + 'static>(
        &self,
        work: impl Fn(&GitRemote) -> Result<T, GitError> + Send + Sync + 'static,
    ) -> Result<T> {
        let _permit = self
            .conversations
            .acquire()
            .await
            .map_err(|_| ForgeError::Unreachable("Referee is shutting down".to_owned()))?;
        let work = Arc::new(work);
        let token = self.credentials.token().await?;
        match self.talk_once(token.clone(), Arc::clone(&work)).await {
            Err(ForgeError::Unauthorized) if self.credentials.renew(&token).await? => {
                self.talk_once(self.credentials.token().await?, work).await
            }
            other => other,
        }
    }

    /// Blocks a thread for at most [`limits::FORGE_GIT_TIME`].
    async fn talk_once<T: Send + 'static>(
        &self,
        token: Secret,
        work: Arc<impl Fn(&GitRemote) -> Result<T, GitError> + Send + Sync + 'static>,
    ) -> Result<T> {
        let cancelled = Arc::new(AtomicBool::new(false));
        let remote = GitRemote { url: self.url.clone(), user: self.user, token, cancelled: Arc::clone(&cancelled) };
        let task = tokio::task::spawn_blocking(move || work(&remote));
        match tokio::time::timeout(limits::FORGE_GIT_TIME.std(), task).await {
            Ok(Ok(result)) => result.map_err(meaning),
            Ok(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
            Err(_) => {
                // The thread ends at its next sign of progress.
                cancelled.store(true, Ordering::Relaxed);
                let time = limits::FORGE_GIT_TIME;
                let message = format!("git did not finish within {time}");
                Err(ForgeError::Unreachable(message))
            }
        }
    }
}

/// The meaning of an error of git over HTTP.
fn meaning(error: GitError) -> ForgeError {
    use git2::{ErrorClass, ErrorCode};
    let GitError::Git(error) = error else {
        return ForgeError::Git(error);
    };
    let message = || error.message().to_owned();
    match (error.code(), error.class()) {
        (ErrorCode::Auth, _) => ForgeError::Unauthorized,
        (ErrorCode::NotFound, ErrorClass::Http) => ForgeError::NotFound,
        (_, ErrorClass::Http | ErrorClass::Net | ErrorClass::Ssl) if message().contains("404") => ForgeError::NotFound,
        // The forge answers, and refuses this repository alone.
        (_, ErrorClass::Http) if message().contains("403") => ForgeError::Forbidden(message()),
        (_, ErrorClass::Http | ErrorClass::Net | ErrorClass::Ssl) => ForgeError::Unreachable(message()),
        _ => ForgeError::Git(GitError::Git(error)),
    }
}
