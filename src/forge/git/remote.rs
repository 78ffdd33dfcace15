//! Git over HTTP, with a bare mirror of each repository on this disk. Every call blocks its thread.
//!
//! A mirror keeps every commit that was ever submitted (`refs/referee/<sha>`), also after a forced push. It has no
//! working copy and runs no hook. The token is sent to the forge's own host alone and is part of no address.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use git2::{Cred, CredentialType, Direction, FetchOptions, PushOptions, RemoteCallbacks, RemoteRedirect, Repository};

use super::{CommitMessage, FileSet, GitError, NOTES_REF, Result, TooLarge, commit_onto, has_commit, set_note};
use crate::config::Secret;
use crate::model::{CommitSha, Timestamp, limits};

/// The notes as the forge has them. A note that was written here and could not be pushed is in [`NOTES_REF`] alone, and
/// must not be taken for published.
const PUBLISHED_NOTES: &str = "refs/referee/notes";

/// One conversation with the git server of a forge.
pub(super) struct GitRemote {
    /// Address of the forge, without `/` at the end.
    pub(super) url: String,
    /// Name that goes with the token.
    pub(super) user: &'static str,
    pub(super) token: Secret,
    /// Set when the caller has given up waiting for the result.
    pub(super) cancelled: Arc<AtomicBool>,
}

/// A repository on the forge, and its mirror here.
#[derive(Debug, Clone)]
pub(super) struct Mirror {
    /// `owner/name` on the forge.
    pub(super) full_name: String,
    pub(super) path: PathBuf,
}

impl Mirror {
    /// Opens the mirror; creates it where it does not exist.
    fn open(&self) -> Result<Repository> {
        Repository::open_bare(&self.path).or_else(|_| {
            let mut options = git2::RepositoryInitOptions::new();
            options.bare(true).mkpath(true).external_template(false);
            Ok(Repository::init_opts(&self.path, &options)?)
        })
    }
}

impl GitRemote {
    fn address(&self, full_name: &str) -> String {
        format!("{}/{full_name}.git", self.url)
    }

    /// All branches and tags of a repository with their commits, as the forge lists them.
    pub(super) fn refs(&self, full_name: &str) -> Result<Vec<(String, CommitSha)>> {
        let mut remote = git2::Remote::create_detached(self.address(full_name))?;
        let connection = remote.connect_auth(Direction::Fetch, Some(self.callbacks()), None)?;
        let mut found = BTreeMap::new();
        for head in connection.list()? {
            // `refs/tags/x^{}` is the commit of the annotated tag `refs/tags/x`; git lists it after the tag.
            let name = head.name().trim_end_matches("^{}");
            if !name.starts_with("refs/heads/") && !name.starts_with("refs/tags/") {
                continue;
            }
            if let Ok(sha) = CommitSha::new(head.oid().to_string()) {
                found.insert(name.to_owned(), sha);
            }
        }
        Ok(found.into_iter().collect())
    }

    /// Brings a commit into the mirror. Forges usually allow to fetch a commit by its id; otherwise its ref is
    /// fetched.
    ///
    /// # Errors
    /// [`GitError::Gone`] where the ref no longer leads to the commit, [`GitError::TooLarge`] for a huge history.
    pub(super) fn fetch_commit(&self, mirror: &Mirror, full_ref: &str, sha: &CommitSha) -> Result<()> {
        let repository = mirror.open()?;
        let is_here = || has_commit(&mirror.path, sha);
        if is_here() {
            return Ok(());
        }
        let kept = format!("refs/referee/{sha}");
        let by_id = self.fetch(&repository, mirror, sha.as_str(), &kept);
        if is_here() {
            return Ok(());
        }
        if let Err(GitError::TooLarge(_)) = by_id {
            return by_id;
        }
        self.fetch(&repository, mirror, full_ref, &kept)?;
        if is_here() { Ok(()) } else { Err(GitError::Gone(sha.clone())) }
    }

    /// Sets the note of a commit on the forge. When another writer is faster, its notes are read and ours is set
    /// again.
    ///
    /// # Errors
    /// Also when other writers were faster [`limits::FORGE_WRITE_ATTEMPTS_MAX`] times.
    pub(super) fn set_note(&self, mirror: &Mirror, sha: &CommitSha, text: &str, now: Timestamp) -> Result<()> {
        let repository = mirror.open()?;
        let mut last = None;
        for _ in 0..limits::FORGE_WRITE_ATTEMPTS_MAX {
            let published = self.fetch_notes(&repository, mirror)?;
            set_note(&mirror.path, sha, text, now)?;
            let ours = repository.refname_to_id(NOTES_REF)?;
            if published == Some(ours) {
                return Ok(());
            }
            match self.push(&repository, mirror, NOTES_REF, NOTES_REF) {
                Ok(()) => {
                    repository.reference(PUBLISHED_NOTES, ours, true, "published")?;
                    return Ok(());
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| GitError::Refused("no message".to_owned())))
    }

    /// Makes a branch hold exactly these files. Returns whether anything had to be pushed.
    pub(super) fn push_files(
        &self,
        mirror: &Mirror,
        branch: &str,
        files: &FileSet,
        message: CommitMessage<'_>,
    ) -> Result<bool> {
        let repository = mirror.open()?;
        let (theirs, ours) = (format!("refs/heads/{branch}"), "refs/referee/branch");
        self.fetch(&repository, mirror, &theirs, ours)?;
        let parent = repository.refname_to_id(ours).ok();
        if !commit_onto(&repository, ours, parent, files, message)? {
            return Ok(false);
        }
        self.push(&repository, mirror, ours, &theirs)?;
        Ok(true)
    }

    fn fetch(&self, repository: &Repository, mirror: &Mirror, from: &str, to: &str) -> Result<()> {
        let mut remote = repository.remote_anonymous(&self.address(&mirror.full_name))?;
        let too_large = Arc::new(AtomicBool::new(false));
        let (exceeded, cancelled) = (Arc::clone(&too_large), Arc::clone(&self.cancelled));
        let mut callbacks = self.callbacks();
        callbacks.transfer_progress(move |progress| {
            if progress.received_bytes() > limits::FETCH_BYTES_MAX {
                exceeded.store(true, Ordering::Relaxed);
            }
            !exceeded.load(Ordering::Relaxed) && !cancelled.load(Ordering::Relaxed)
        });
        let mut options = FetchOptions::new();
        options
            .remote_callbacks(callbacks)
            .download_tags(git2::AutotagOption::None)
            .follow_redirects(RemoteRedirect::None);
        let result = remote.fetch(&[format!("+{from}:{to}")], Some(&mut options), None);
        if too_large.load(Ordering::Relaxed) {
            return Err(GitError::TooLarge(TooLarge::Fetch));
        }
        Ok(result?)
    }

    /// Makes our notes equal to the forge's, and returns their commit; `None` where the forge has no notes.
    fn fetch_notes(&self, repository: &Repository, mirror: &Mirror) -> Result<Option<git2::Oid>> {
        // A refspec for a missing ref fetches nothing and is not an error.
        self.fetch(repository, mirror, NOTES_REF, PUBLISHED_NOTES)?;
        let published = repository.refname_to_id(PUBLISHED_NOTES).ok();
        match (published, repository.find_reference(NOTES_REF)) {
            (Some(id), _) => drop(repository.reference(NOTES_REF, id, true, "as published")?),
            (None, Ok(mut unpublished)) => unpublished.delete()?,
            (None, Err(_)) => {}
        }
        Ok(published)
    }

    fn push(&self, repository: &Repository, mirror: &Mirror, from: &str, to: &str) -> Result<()> {
        let mut remote = repository.remote_anonymous(&self.address(&mirror.full_name))?;
        let refusal = Arc::new(std::sync::Mutex::new(None));
        let noted = Arc::clone(&refusal);
        let mut callbacks = self.callbacks();
        callbacks.push_update_reference(move |_, status| {
            if let (Some(message), Ok(mut refusal)) = (status, noted.lock()) {
                *refusal = Some(message.to_owned());
            }
            Ok(())
        });
        let mut options = PushOptions::new();
        options.remote_callbacks(callbacks).follow_redirects(RemoteRedirect::None);
        remote.push(&[format!("{from}:{to}")], Some(&mut options))?;
        let refusal = refusal.lock().ok().and_then(|mut r| r.take());
        refusal.map_or(Ok(()), |message| Err(GitError::Refused(message)))
    }

    /// Sends the token once, and to the forge's own host alone: a second request for it means that the forge did not
    /// accept it.
    fn callbacks(&self) -> RemoteCallbacks<'static> {
        let mut callbacks = RemoteCallbacks::new();
        let (user, token, own) = (self.user, self.token.clone(), format!("{}/", self.url));
        let mut sent = false;
        callbacks.credentials(move |url, _, allowed| {
            let again = std::mem::replace(&mut sent, true);
            if again || !url.starts_with(&own) || !allowed.contains(CredentialType::USER_PASS_PLAINTEXT) {
                return Err(git2::Error::new(
                    git2::ErrorCode::Auth,
                    git2::ErrorClass::Http,
                    "the forge does not accept the token of Referee",
                ));
            }
            Cred::userpass_plaintext(user, token.expose())
        });
        let cancelled = Arc::clone(&self.cancelled);
        callbacks.sideband_progress(move |_| !cancelled.load(Ordering::Relaxed));
        callbacks
    }
}
