//! Repositories with libgit2: refs, commits and what they hold ([`tree`]), notes.
//!
//! There is never a checkout: no hook, filter, submodule, LFS download or symlink of a submission is
//! followed. Every read is bounded while it happens, not afterwards.

pub mod tree;

use std::collections::BTreeMap;
use std::path::Path;

use git2::{ObjectType, Oid, Repository, Signature};

use crate::model::{CommitSha, Timestamp, limits};

pub use tree::{CommitTree, append, read_commit, write_context};

/// Why a repository could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// libgit2 says no.
    #[error("git: {0}")]
    Git(#[from] git2::Error),
    /// The file system says no.
    #[error("git: {0}")]
    Io(#[from] std::io::Error),
    /// The commit breaks a bound; its sentence is for the participant.
    #[error("{0}")]
    TooLarge(TooLarge),
    /// The forge no longer has a commit.
    #[error("commit {0} is no longer there")]
    Gone(CommitSha),
    /// The forge did not take what was pushed to it.
    #[error("the push was refused: {0}")]
    Refused(String),
}

/// The bound that a commit breaks.
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

type Result<T> = std::result::Result<T, GitError>;

/// All branches and tags with the commits that they stand for. Tags of other things are left out.
///
/// # Errors
/// When the repository cannot be read.
pub fn refs(repository: &Path) -> Result<Vec<(String, CommitSha)>> {
    let repository = Repository::open_bare(repository)?;
    let mut found = Vec::new();
    for reference in repository.references()? {
        // A name that is no UTF-8 cannot match any trigger.
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

/// Whether `newer` descends from `older`: if not, a push from one to the other was forced.
///
/// # Errors
/// When one of the commits is not there.
pub fn descends(repository: &Path, newer: &CommitSha, older: &CommitSha) -> Result<bool> {
    let repository = Repository::open_bare(repository)?;
    let (newer, older) = (
        Oid::from_str(newer.as_str())?,
        Oid::from_str(older.as_str())?,
    );
    Ok(newer == older || repository.graph_descendant_of(newer, older)?)
}

/// Sets the note of a commit in `refs/notes/commits`, where `git log` shows it. The same text again
/// changes nothing.
///
/// # Errors
/// When git fails.
pub fn set_note(repository: &Path, sha: &CommitSha, text: &str, now: Timestamp) -> Result<()> {
    const NOTES: &str = "refs/notes/commits";
    let repository = Repository::open_bare(repository)?;
    let commit = Oid::from_str(sha.as_str())?;
    if let Ok(note) = repository.find_note(Some(NOTES), commit)
        && note.message().ok() == Some(text)
    {
        return Ok(());
    }
    let time = git2::Time::new(now.0.div_euclid(1000), 0);
    let author = Signature::new("Referee", "referee@localhost", &time)?;
    repository.note(&author, &author, Some(NOTES), commit, text, true)?;
    Ok(())
}

/// Makes a commit on a branch of a bare repository from files in memory (paths to content and
/// executable bit). Used for the first commit of a team's repository.
///
/// # Errors
/// When git fails.
pub fn commit_files(
    repository: &Path,
    branch: &str,
    files: &BTreeMap<String, (Vec<u8>, bool)>,
    (message, now): (&str, Timestamp),
) -> Result<()> {
    let repository = Repository::open_bare(repository)?;
    let full = format!("refs/heads/{branch}");
    commit_onto(&repository, (&full, None), files, (message, now))?;
    Ok(())
}

/// Makes a commit of exactly these files at a ref, on top of what stands there. None is made, and
/// `false` returned, when the same files stand there already.
///
/// # Errors
/// When git fails.
pub fn commit_onto(
    repository: &Repository,
    (full_ref, standing): (&str, Option<Oid>),
    files: &BTreeMap<String, (Vec<u8>, bool)>,
    (message, now): (&str, Timestamp),
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
    let parent = standing.map(|id| repository.find_commit(id)).transpose()?;
    if parent.as_ref().is_some_and(|p| p.tree_id() == tree.id()) {
        return Ok(false);
    }
    let time = git2::Time::new(now.0.div_euclid(1000), 0);
    let author = Signature::new("Referee", "referee@localhost", &time)?;
    let parents: Vec<_> = parent.iter().collect();
    repository.commit(Some(full_ref), &author, &author, message, &tree, &parents)?;
    Ok(true)
}
