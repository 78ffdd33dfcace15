//! Repositories on this disk, read with libgit2: refs, commits, their files ([`tree`]) and notes. [`mirrors`] brings
//! repositories of a remote forge to this disk.
//!
//! There is never a checkout, so no hook, filter, submodule, LFS download or symlink of a submission is followed.
//! Every read is bounded while it happens, not afterwards.

pub mod locks;
pub mod mirrors;
pub mod tree;

mod remote;

use std::collections::BTreeMap;
use std::path::Path;

use git2::{ObjectType, Oid, Repository, Signature};

use crate::model::{CommitSha, Timestamp, limits};

pub use tree::{CommitTree, append, read_commit, write_context};

/// Files that are committed together: path to content and executable bit.
pub type FileSet = BTreeMap<String, (Vec<u8>, bool)>;

/// The message and the time of a commit that Referee makes.
#[derive(Debug, Clone, Copy)]
pub struct CommitMessage<'a> {
    pub text: &'a str,
    pub now: Timestamp,
}

/// Why a repository could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    #[error("git: {0}")]
    Git(#[from] git2::Error),
    #[error("git: {0}")]
    Io(#[from] std::io::Error),
    /// The commit exceeds a limit; the text is for the participant.
    #[error("{0}")]
    TooLarge(TooLarge),
    #[error("the forge no longer has commit {0}")]
    Gone(CommitSha),
    /// The forge refused a push.
    #[error("the push was refused: {0}")]
    Refused(String),
}

/// The limit that a commit exceeds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// [`limits::SOURCE_FILES_MAX`]
    #[error("more than {} files", limits::SOURCE_FILES_MAX)]
    Files,
    /// [`limits::SOURCE_FOLDERS_MAX`]
    #[error("more than {} folders", limits::SOURCE_FOLDERS_MAX)]
    Folders,
    /// [`limits::SOURCE_BYTES_MAX`]
    #[error("more than {} MiB in all files", limits::SOURCE_BYTES_MAX >> 20)]
    Bytes,
    /// [`limits::SOURCE_FILE_BYTES_MAX`]
    #[error("`{0}` is larger than {limit} MiB", limit = limits::SOURCE_FILE_BYTES_MAX >> 20)]
    File(String),
    /// [`limits::SOURCE_DEPTH_MAX`]
    #[error("folders nested deeper than {}", limits::SOURCE_DEPTH_MAX)]
    Depth,
    /// [`limits::FETCH_BYTES_MAX`]
    #[error("a history of more than {} GiB", limits::FETCH_BYTES_MAX >> 30)]
    Fetch,
    /// [`limits::SOURCE_PATH_CHARS_MAX`]
    #[error("a path longer than {} characters", limits::SOURCE_PATH_CHARS_MAX)]
    Path,
}

pub(super) type Result<T> = std::result::Result<T, GitError>;

/// All branches and tags with their commits. Tags of other objects are left out.
pub fn refs(repository: &Path) -> Result<Vec<(String, CommitSha)>> {
    let repository = Repository::open_bare(repository)?;
    let mut found = Vec::new();
    for reference in repository.references()? {
        // A name that is not UTF-8 cannot match any trigger.
        let Ok(reference) = reference else { continue };
        let Ok(name) = reference.name() else { continue };
        if !name.starts_with("refs/heads/") && !name.starts_with("refs/tags/") {
            continue;
        }
        let Ok(commit) = reference.peel(ObjectType::Commit) else {
            continue;
        };
        if let Ok(sha) = CommitSha::new(commit.id().to_string()) {
            found.push((name.to_owned(), sha));
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a repository holds this commit.
pub fn has_commit(repository: &Path, sha: &CommitSha) -> bool {
    let find = || -> Result<()> {
        let repository = Repository::open_bare(repository)?;
        repository.find_commit(Oid::from_str(sha.as_str())?)?;
        Ok(())
    };
    find().is_ok()
}

/// The ref whose notes `git log` shows.
pub const NOTES_REF: &str = "refs/notes/commits";

/// Sets the note of a commit. The same text again changes nothing.
pub fn set_note(repository: &Path, sha: &CommitSha, text: &str, now: Timestamp) -> Result<()> {
    let repository = Repository::open_bare(repository)?;
    let commit = Oid::from_str(sha.as_str())?;
    if let Ok(note) = repository.find_note(Some(NOTES_REF), commit)
        && note.message().ok() == Some(text)
    {
        return Ok(());
    }
    let author = signature(now)?;
    repository.note(&author, &author, Some(NOTES_REF), commit, text, true)?;
    Ok(())
}

fn signature(now: Timestamp) -> Result<Signature<'static>> {
    let time = git2::Time::new(now.0.div_euclid(1000), 0);
    Ok(Signature::new("Referee", "referee@localhost", &time)?)
}

/// Makes a commit of exactly these files at a ref. Its parent is `parent`, or none. Returns `false` and makes no commit
/// when the parent has the same files already.
pub fn commit_onto(
    repository: &Repository,
    full_ref: &str,
    parent: Option<Oid>,
    files: &FileSet,
    message: CommitMessage<'_>,
) -> Result<bool> {
    let mut index = git2::Index::new()?;
    for (path, (content, executable)) in files {
        let id = repository.blob(content)?;
        index.add(&git2::IndexEntry {
            ctime: git2::IndexTime::new(0, 0),
            mtime: git2::IndexTime::new(0, 0),
            dev: 0,
            ino: 0,
            mode: if *executable { 0o100_755 } else { 0o100_644 },
            uid: 0,
            gid: 0,
            file_size: 0,
            id,
            flags: 0,
            flags_extended: 0,
            path: path.as_bytes().to_vec(),
        })?;
    }
    let tree = repository.find_tree(index.write_tree_to(repository)?)?;
    let parent = parent.map(|id| repository.find_commit(id)).transpose()?;
    if parent.as_ref().is_some_and(|p| p.tree_id() == tree.id()) {
        return Ok(false);
    }
    let author = signature(message.now)?;
    let parents: Vec<_> = parent.iter().collect();
    repository.commit(Some(full_ref), &author, &author, message.text, &tree, &parents)?;
    Ok(true)
}
