//! Git over HTTP: refs, commits and notes of repositories on the forge, by way of a bare mirror of
//! each on this disk.
//!
//! A mirror keeps every commit that was ever submitted (`refs/referee/<sha>`), also after a forced
//! push. It has no working copy and runs no hook. The token goes to the forge's own host alone, and
//! stands in no address.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use git2::{
    Cred, CredentialType, Direction, FetchOptions, PushOptions, RemoteCallbacks, RemoteRedirect,
    Repository,
};

use crate::config::Secret;
use crate::forge::git::{self, GitError, TooLarge};
use crate::model::{CommitSha, Timestamp, limits};

type Result<T> = std::result::Result<T, GitError>;

const NOTES: &str = "refs/notes/commits";
/// The same as the forge has them. What we made and could not push is in `NOTES` alone, and must not be
/// taken for shown.
const SHOWN_NOTES: &str = "refs/referee/notes";

/// Where a forge's repositories are, and who asks.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Address without `/` at the end.
    pub url: String,
    /// Password of any user name.
    pub token: Secret,
    /// Directory of the mirrors.
    pub mirrors: PathBuf,
}

impl Remote {
    /// Where the mirror of a repository is.
    pub fn mirror(&self, id: &str) -> PathBuf {
        self.mirrors.join(format!("{id}.git"))
    }

    fn address(&self, full_name: &str) -> String {
        format!("{}/{full_name}.git", self.url)
    }

    /// All branches and tags of a repository with their commits, as the forge tells them.
    ///
    /// # Errors
    /// When the forge says no.
    pub fn refs(
        &self,
        full_name: &str,
        ended: &Arc<AtomicBool>,
    ) -> Result<Vec<(String, CommitSha)>> {
        let mut remote = git2::Remote::create_detached(self.address(full_name))?;
        let connection =
            remote.connect_auth(Direction::Fetch, Some(self.callbacks(ended)), None)?;
        let mut found = BTreeMap::new();
        for head in connection.list()? {
            // `refs/tags/x^{}` is the commit that an annotated tag stands for; it comes after the tag.
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

    /// Brings a commit into the mirror. By its id, which forges allow as they come; where one does
    /// not, by the ref that it was seen at.
    ///
    /// # Errors
    /// When the forge no longer has it, or it is too large.
    pub fn fetch(
        &self,
        (id, full_name): (&str, &str),
        (full_ref, sha): (&str, &CommitSha),
        ended: &Arc<AtomicBool>,
    ) -> Result<PathBuf> {
        let path = self.mirror(id);
        let repository = open(&path)?;
        if git::has_commit(&path, sha) {
            return Ok(path);
        }
        let keep = format!("refs/referee/{sha}");
        let by_id = self.pull(&repository, full_name, (sha.as_str(), &keep), ended);
        if !git::has_commit(&path, sha) {
            if let Err(GitError::TooLarge(_)) = by_id {
                by_id?;
            }
            self.pull(&repository, full_name, (full_ref, &keep), ended)?;
        }
        match git::has_commit(&path, sha) {
            true => Ok(path),
            false => Err(GitError::Gone(sha.clone())),
        }
    }

    /// Sets the note of a commit on the forge. Others may write notes at the same time; then the
    /// newest are read and ours is set again.
    ///
    /// # Errors
    /// When the forge says no, or others are faster each time.
    pub fn set_note(
        &self,
        (id, full_name): (&str, &str),
        (sha, text): (&CommitSha, &str),
        now: Timestamp,
        ended: &Arc<AtomicBool>,
    ) -> Result<()> {
        let path = self.mirror(id);
        let repository = open(&path)?;
        let mut last = None;
        for _ in 0..limits::FORGE_WRITE_ATTEMPTS_MAX {
            let before = self.pull_notes(&repository, full_name, ended)?;
            git::set_note(&path, sha, text, now)?;
            let ours = repository.refname_to_id(NOTES)?;
            if before == Some(ours) {
                return Ok(());
            }
            match self.push(&repository, full_name, (NOTES, NOTES), ended) {
                Ok(()) => {
                    repository.reference(SHOWN_NOTES, ours, true, "shown")?;
                    return Ok(());
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| GitError::Refused("without a word".to_owned())))
    }

    /// Makes a branch hold these files and no others. Whether there was anything to push.
    ///
    /// # Errors
    /// When the forge says no.
    pub fn push_files(
        &self,
        (id, full_name): (&str, &str),
        (branch, files): (&str, &BTreeMap<String, (Vec<u8>, bool)>),
        (message, now): (&str, Timestamp),
        ended: &Arc<AtomicBool>,
    ) -> Result<bool> {
        let path = self.mirror(id);
        let repository = open(&path)?;
        let (there, here) = (format!("refs/heads/{branch}"), "refs/referee/branch");
        self.pull(&repository, full_name, (&there, here), ended)?;
        let standing = repository.refname_to_id(here).ok();
        if !git::commit_onto(&repository, (here, standing), files, (message, now))? {
            return Ok(false);
        }
        self.push(&repository, full_name, (here, &there), ended)?;
        Ok(true)
    }

    fn pull(
        &self,
        repository: &Repository,
        full_name: &str,
        (from, to): (&str, &str),
        ended: &Arc<AtomicBool>,
    ) -> Result<()> {
        let mut remote = repository.remote_anonymous(&self.address(full_name))?;
        let too_large = Arc::new(AtomicBool::new(false));
        let (over, end) = (Arc::clone(&too_large), Arc::clone(ended));
        let mut callbacks = self.callbacks(ended);
        callbacks.transfer_progress(move |progress| {
            if progress.received_bytes() > limits::FETCH_BYTES_MAX {
                over.store(true, Ordering::Relaxed);
            }
            !over.load(Ordering::Relaxed) && !end.load(Ordering::Relaxed)
        });
        let mut options = FetchOptions::new();
        options
            .remote_callbacks(callbacks)
            .download_tags(git2::AutotagOption::None)
            .follow_redirects(RemoteRedirect::None);
        let result = remote.fetch(&[format!("+{from}:{to}")], Some(&mut options), None);
        match too_large.load(Ordering::Relaxed) {
            true => Err(GitError::TooLarge(TooLarge::Fetch)),
            false => Ok(result?),
        }
    }

    /// Makes our notes those of the forge, and returns what they stand at; none where it has none.
    fn pull_notes(
        &self,
        repository: &Repository,
        full_name: &str,
        ended: &Arc<AtomicBool>,
    ) -> Result<Option<git2::Oid>> {
        // A refspec for a ref that is not there fetches nothing and is no error.
        self.pull(repository, full_name, (NOTES, SHOWN_NOTES), ended)?;
        let shown = repository.refname_to_id(SHOWN_NOTES).ok();
        match (shown, repository.find_reference(NOTES)) {
            (Some(shown), _) => drop(repository.reference(NOTES, shown, true, "as shown")?),
            (None, Ok(mut unshown)) => unshown.delete()?,
            (None, Err(_)) => {}
        }
        Ok(shown)
    }

    fn push(
        &self,
        repository: &Repository,
        full_name: &str,
        (from, to): (&str, &str),
        ended: &Arc<AtomicBool>,
    ) -> Result<()> {
        let mut remote = repository.remote_anonymous(&self.address(full_name))?;
        let refused = Arc::new(std::sync::Mutex::new(None));
        let note = Arc::clone(&refused);
        let mut callbacks = self.callbacks(ended);
        callbacks.push_update_reference(move |_, status| {
            if let (Some(message), Ok(mut refused)) = (status, note.lock()) {
                *refused = Some(message.to_owned());
            }
            Ok(())
        });
        let mut options = PushOptions::new();
        options
            .remote_callbacks(callbacks)
            .follow_redirects(RemoteRedirect::None);
        remote.push(&[format!("{from}:{to}")], Some(&mut options))?;
        let refused = refused.lock().ok().and_then(|mut r| r.take());
        match refused {
            Some(message) => Err(GitError::Refused(message)),
            None => Ok(()),
        }
    }

    /// Shows the token once, and to the forge's own host alone: a second question means that the first
    /// answer was not good enough.
    fn callbacks(&self, ended: &Arc<AtomicBool>) -> RemoteCallbacks<'static> {
        let mut callbacks = RemoteCallbacks::new();
        let (token, own) = (self.token.clone(), format!("{}/", self.url));
        let mut asked = false;
        callbacks.credentials(move |url, _, allowed| {
            let again = std::mem::replace(&mut asked, true);
            if again
                || !url.starts_with(&own)
                || !allowed.contains(CredentialType::USER_PASS_PLAINTEXT)
            {
                return Err(git2::Error::new(
                    git2::ErrorCode::Auth,
                    git2::ErrorClass::Http,
                    "the forge does not accept our token",
                ));
            }
            Cred::userpass_plaintext("referee", token.expose())
        });
        let end = Arc::clone(ended);
        callbacks.sideband_progress(move |_| !end.load(Ordering::Relaxed));
        callbacks
    }
}

/// Opens a mirror, made when it is not there.
fn open(path: &Path) -> Result<Repository> {
    match Repository::open_bare(path) {
        Ok(repository) => Ok(repository),
        Err(_) => {
            let mut options = git2::RepositoryInitOptions::new();
            options.bare(true).mkpath(true).external_template(false);
            Ok(Repository::init_opts(path, &options)?)
        }
    }
}
