//! Reading commits with libgit2: refs, trees, build contexts, notes.
//!
//! There is never a checkout: no hook, filter, submodule, LFS download or symlink of a submission is
//! followed. Every read is bounded while it happens, not afterwards.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use git2::{ObjectType, Oid, Repository, Signature, Tree};

use crate::model::source::{HEAD_BYTES, TEXT_BYTES_MAX};
use crate::model::{CommitSha, Entry, EntryKind, SourceTree, Timestamp, limits};
use crate::rules::layout::Ignore;

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

/// A commit's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitTree {
    /// Id of the git tree: equal ids are equal content.
    pub tree: String,
    /// The listing.
    pub source: SourceTree,
}

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

/// Lists a commit's files, within the bounds of [`limits`].
///
/// # Errors
/// [`GitError::TooLarge`] at the first bound that is broken; otherwise when git fails.
pub fn read_commit(repository: &Path, sha: &CommitSha) -> Result<CommitTree> {
    let repository = Repository::open_bare(repository)?;
    let commit = repository.find_commit(Oid::from_str(sha.as_str())?)?;
    let tree = commit.tree()?;
    let mut source = SourceTree::default();
    walk(&repository, &tree, ("", 0), &mut |path, blob, kind| {
        let bytes = blob.map_or(0, |b| b.size() as u64);
        let content = blob.map_or(&[][..], |b| b.content());
        source.bytes += bytes;
        if bytes <= TEXT_BYTES_MAX && matches!(kind, EntryKind::File { .. }) {
            source.texts.insert(path.to_owned(), content.to_vec());
        }
        let entry = Entry {
            kind,
            bytes,
            head: content[..content.len().min(HEAD_BYTES)].to_vec(),
        };
        source.entries.insert(path.to_owned(), entry);
        if source.entries.len() > limits::SOURCE_FILES_MAX {
            return Err(GitError::TooLarge(TooLarge::Files));
        }
        if source.bytes > limits::SOURCE_BYTES_MAX {
            return Err(GitError::TooLarge(TooLarge::Bytes));
        }
        Ok(())
    })?;
    Ok(CommitTree {
        tree: tree.id().to_string(),
        source,
    })
}

/// Writes a commit's files as a tar, the build context: fixed times and owners, so that equal trees
/// make equal contexts. Submodules become empty directories; symlinks stay symlinks; what is to be
/// ignored is left out.
///
/// # Errors
/// As [`read_commit`], or when `out` cannot be written.
pub fn write_context(
    repository: &Path,
    sha: &CommitSha,
    ignore: &Ignore,
    out: impl Write,
) -> Result<()> {
    let repository = Repository::open_bare(repository)?;
    let commit = repository.find_commit(Oid::from_str(sha.as_str())?)?;
    let mut archive = tar::Builder::new(out);
    walk(
        &repository,
        &commit.tree()?,
        ("", 0),
        &mut |path, blob, kind| {
            if ignore.why(path).is_some() {
                return Ok(());
            }
            let content = blob.map_or(&[][..], |b| b.content());
            append(&mut archive, path, content, &kind)?;
            Ok(())
        },
    )?;
    archive.into_inner()?.flush()?;
    Ok(())
}

/// Appends one entry to a build context.
///
/// # Errors
/// When the archive cannot be written.
pub fn append(
    archive: &mut tar::Builder<impl Write>,
    path: &str,
    content: &[u8],
    kind: &EntryKind,
) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    match kind {
        EntryKind::File { executable } => {
            header.set_entry_type(tar::EntryType::Regular);
            header.set_mode(if *executable { 0o755 } else { 0o644 });
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, path, content)
        }
        EntryKind::Symlink(target) => {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_mode(0o777);
            header.set_size(0);
            archive.append_link(&mut header, path, target)
        }
        EntryKind::Submodule => {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o755);
            header.set_size(0);
            archive.append_data(&mut header, path, &[][..])
        }
    }
}

type Visit<'a> = dyn FnMut(&str, Option<&git2::Blob<'_>>, EntryKind) -> Result<()> + 'a;

fn walk(
    repository: &Repository,
    tree: &Tree<'_>,
    (prefix, depth): (&str, usize),
    visit: &mut Visit<'_>,
) -> Result<()> {
    if depth > limits::SOURCE_DEPTH_MAX {
        return Err(GitError::TooLarge(TooLarge::Depth));
    }
    let odb = repository.odb()?;
    for entry in tree {
        // Lossy on purpose: the layout rules refuse names with the replacement character.
        let path = format!("{prefix}{}", String::from_utf8_lossy(entry.name_bytes()));
        if path.chars().count() > limits::SOURCE_PATH_CHARS_MAX {
            return Err(GitError::TooLarge(TooLarge::Path));
        }
        match (entry.kind(), entry.filemode()) {
            (Some(ObjectType::Tree), _) => {
                let inner = repository.find_tree(entry.id())?;
                walk(repository, &inner, (&format!("{path}/"), depth + 1), visit)?;
            }
            (Some(ObjectType::Blob), mode) => {
                // The header tells the size before anything is unpacked into memory.
                let (size, _) = odb.read_header(entry.id())?;
                if size as u64 > limits::SOURCE_FILE_BYTES_MAX {
                    return Err(GitError::TooLarge(TooLarge::File(path)));
                }
                let blob = repository.find_blob(entry.id())?;
                let kind = match mode {
                    0o120_000 => {
                        EntryKind::Symlink(String::from_utf8_lossy(blob.content()).into_owned())
                    }
                    mode => EntryKind::File {
                        executable: mode & 0o111 != 0,
                    },
                };
                visit(&path, Some(&blob), kind)?;
            }
            _ => visit(&path, None, EntryKind::Submodule)?,
        }
    }
    Ok(())
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
