//! A folder as a source tree: a working copy for `referee check`, a template, an example.
//!
//! Inside a git working copy the files are those that git would commit: ignored files are left out.

use std::io::Write;
use std::path::Path;

use super::git::{self, GitError, TooLarge};
use crate::model::source::{HEAD_BYTES, TEXT_BYTES_MAX};
use crate::model::{Entry, EntryKind, SourceTree, limits};

type Result<T> = std::result::Result<T, GitError>;

/// Lists a folder, within the bounds of a commit.
///
/// # Errors
/// As [`git::read_commit`].
pub fn read(folder: &Path) -> Result<SourceTree> {
    let mut tree = SourceTree::default();
    let repository = git2::Repository::discover(folder).ok();
    walk(folder, "", 0, &mut |path, full, kind| {
        if ignored(repository.as_ref(), full) {
            return Ok(());
        }
        let bytes = match kind {
            EntryKind::File { .. } => std::fs::metadata(full)?.len(),
            _ => 0,
        };
        if bytes > limits::SOURCE_FILE_BYTES_MAX {
            return Err(GitError::TooLarge(TooLarge::File(path.to_owned())));
        }
        let content = match kind {
            EntryKind::File { .. } if bytes <= TEXT_BYTES_MAX => std::fs::read(full)?,
            EntryKind::File { .. } => first_bytes(full)?,
            _ => Vec::new(),
        };
        tree.bytes += bytes;
        let entry = Entry {
            kind,
            bytes,
            head: content[..content.len().min(HEAD_BYTES)].to_vec(),
        };
        if bytes <= TEXT_BYTES_MAX && matches!(entry.kind, EntryKind::File { .. }) {
            tree.texts.insert(path.to_owned(), content);
        }
        tree.entries.insert(path.to_owned(), entry);
        if tree.entries.len() > limits::SOURCE_FILES_MAX {
            return Err(GitError::TooLarge(TooLarge::Files));
        }
        if tree.bytes > limits::SOURCE_BYTES_MAX {
            return Err(GitError::TooLarge(TooLarge::Bytes));
        }
        Ok(())
    })?;
    Ok(tree)
}

/// Writes a folder's files as a build context, in the order and form of [`git::write_context`].
///
/// # Errors
/// When the folder cannot be read or `out` not written.
pub fn write_context(folder: &Path, tree: &SourceTree, out: impl Write) -> Result<()> {
    let mut archive = tar::Builder::new(out);
    for (path, entry) in &tree.entries {
        let content = match entry.kind {
            EntryKind::File { .. } => std::fs::read(folder.join(path))?,
            _ => Vec::new(),
        };
        git::append(&mut archive, path, &content, &entry.kind)?;
    }
    archive.into_inner()?.flush()?;
    Ok(())
}

fn ignored(repository: Option<&git2::Repository>, full: &Path) -> bool {
    let Some(repository) = repository else {
        return false;
    };
    // Only what lies in this working copy is git's to ignore.
    let inside = repository
        .workdir()
        .zip(full.canonicalize().ok())
        .is_some_and(|(root, full)| root.canonicalize().is_ok_and(|root| full.starts_with(root)));
    inside && repository.is_path_ignored(full).unwrap_or(false)
}

fn first_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut head = Vec::new();
    std::fs::File::open(path)?
        .take(HEAD_BYTES as u64)
        .read_to_end(&mut head)?;
    Ok(head)
}

type Visit<'a> = dyn FnMut(&str, &Path, EntryKind) -> Result<()> + 'a;

fn walk(folder: &Path, prefix: &str, depth: usize, visit: &mut Visit<'_>) -> Result<()> {
    if depth > limits::SOURCE_DEPTH_MAX {
        return Err(GitError::TooLarge(TooLarge::Depth));
    }
    let mut names: Vec<_> = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name()))
        .collect::<std::io::Result<_>>()?;
    names.sort();
    for name in names {
        if name == ".git" {
            continue;
        }
        let full = folder.join(&name);
        let path = format!("{prefix}{}", name.to_string_lossy());
        let metadata = std::fs::symlink_metadata(&full)?;
        if metadata.is_symlink() {
            let target = std::fs::read_link(&full)?.to_string_lossy().into_owned();
            visit(&path, &full, EntryKind::Symlink(target))?;
        } else if metadata.is_dir() {
            walk(&full, &format!("{path}/"), depth + 1, visit)?;
        } else if metadata.is_file() {
            let executable = is_executable(&metadata);
            visit(&path, &full, EntryKind::File { executable })?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o100 != 0
}
