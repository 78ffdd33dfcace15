//! A folder as a source tree: a working copy for `referee check`, a template or an example.
//!
//! Inside a git working copy it has the files that git would commit, without ignored ones.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::git::{self, FileSet, GitError, TooLarge};
use crate::model::source::{HEAD_BYTES, TEXT_BYTES_MAX};
use crate::model::{Entry, EntryKind, SourceTree, limits};
use crate::rules::layout::DockerIgnore;

type Result<T> = std::result::Result<T, GitError>;

/// Lists a folder, within the limits of a commit.
///
/// # Errors
/// As [`git::read_commit`].
pub fn read(folder: &Path) -> Result<SourceTree> {
    let mut tree = SourceTree::default();
    // Links inside are not followed, but the folder itself may be a link.
    let folder = &folder.canonicalize()?;
    let copy = WorkingCopy::around(folder);
    walk(folder, copy.as_ref(), "", 0, &mut |path, full, kind| {
        if copy.as_ref().is_some_and(|c| c.ignores(full)) {
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
            _ => Vec::new(),
        };
        tree.bytes += bytes;
        let entry = Entry { kind, bytes, head: content[..content.len().min(HEAD_BYTES)].to_vec() };
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

/// The files of a folder with their whole content, to be committed elsewhere. Links are left out.
///
/// # Errors
/// As [`read`].
pub fn read_files(folder: &Path) -> Result<FileSet> {
    let mut files = FileSet::new();
    for (path, entry) in read(folder)?.entries {
        if let EntryKind::File { executable } = entry.kind {
            let content = std::fs::read(folder.join(&path))?;
            files.insert(path, (content, executable));
        }
    }
    Ok(files)
}

/// Writes a folder's files as a build context, in the order and form of [`git::write_context`].
pub fn write_context(folder: &Path, tree: &SourceTree, ignore: &DockerIgnore, out: impl Write) -> Result<()> {
    let mut archive = tar::Builder::new(out);
    let files = tree.entries.iter();
    for (path, entry) in files.filter(|(path, _)| ignore.ignored_by(path).is_none()) {
        let content = match entry.kind {
            EntryKind::File { .. } => std::fs::read(folder.join(path))?,
            _ => Vec::new(),
        };
        git::append(&mut archive, path, &content, &entry.kind)?;
    }
    archive.into_inner()?.flush()?;
    Ok(())
}

/// The files of a folder that were changed or added since the last commit, so that a push would not send them as they
/// are. Empty outside of a working copy.
pub fn uncommitted(folder: &Path) -> Vec<String> {
    let Some(copy) = folder.canonicalize().ok().and_then(|f| WorkingCopy::around(&f)) else {
        return Vec::new();
    };
    let mut options = git2::StatusOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true);
    let Ok(statuses) = copy.repository.statuses(Some(&mut options)) else {
        return Vec::new();
    };
    let all = statuses.iter();
    all.filter_map(|entry| entry.path().ok().map(str::to_owned)).collect()
}

/// The git working copy around a folder, and its root.
struct WorkingCopy {
    repository: git2::Repository,
    root: PathBuf,
}

impl WorkingCopy {
    fn around(folder: &Path) -> Option<Self> {
        let repository = git2::Repository::discover(folder).ok()?;
        let root = repository.workdir()?.canonicalize().ok()?;
        Some(Self { repository, root })
    }

    /// Whether git commits this folder as a submodule. It does for a known submodule and for a clone inside.
    fn is_submodule(&self, full: &Path) -> bool {
        const GITLINK: u32 = 0o160_000;
        let inside = full.strip_prefix(&self.root).ok();
        let index = self.repository.index().ok();
        let known = inside.zip(index).and_then(|(path, index)| index.get_path(path, 0));
        known.map_or_else(|| full.join(".git").exists(), |entry| entry.mode == GITLINK)
    }

    /// Whether git would leave this file out of a commit.
    fn ignores(&self, full: &Path) -> bool {
        full.strip_prefix(&self.root).is_ok_and(|inside| self.repository.is_path_ignored(inside).unwrap_or(false))
    }
}

type Visit<'a> = dyn FnMut(&str, &Path, EntryKind) -> Result<()> + 'a;

fn walk(folder: &Path, copy: Option<&WorkingCopy>, prefix: &str, depth: usize, visit: &mut Visit<'_>) -> Result<()> {
    if depth > limits::SOURCE_DEPTH_MAX {
        return Err(GitError::TooLarge(TooLarge::Depth));
    }
    let mut names: Vec<_> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<_>>()?;
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
        } else if metadata.is_dir() && copy.is_some_and(|copy| copy.is_submodule(&full)) {
            visit(&path, &full, EntryKind::Submodule)?;
        } else if metadata.is_dir() {
            walk(&full, copy, &format!("{path}/"), depth + 1, visit)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_working_copy_has_the_files_that_git_would_commit() {
        let dir = tempfile::tempdir().unwrap();
        git2::Repository::init(dir.path()).unwrap();
        for (path, content) in [
            (".gitignore", "*.bin\n"),
            ("Dockerfile", "FROM scratch\n"),
            ("sub/main.py", "pass\n"),
            ("weights.bin", "x"),
        ] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let tree = read(dir.path()).unwrap();
        let paths: Vec<_> = tree.entries.keys().map(String::as_str).collect();
        assert_eq!(paths, [".gitignore", "Dockerfile", "sub/main.py"]);
        // A folder inside: a submission in a larger repository.
        let inner = read(&dir.path().join("sub")).unwrap();
        assert!(inner.entries.contains_key("main.py"));

        let mut context = Vec::new();
        write_context(dir.path(), &tree, &DockerIgnore::default(), &mut context).unwrap();
        assert!(!context.is_empty());
    }
}
