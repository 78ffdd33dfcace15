//! The files of a commit: listed for the rules, and written as a build context.
//!
//! A push of a few kilobytes can contain huge trees: the same object under a million names, folders within folders
//! without a file, a gigabyte of zeros. So sizes and numbers are checked by the headers of objects first. Only small
//! objects are read after that, and the memory for them is limited.

use std::io::Write;
use std::path::Path;

use git2::{Blob, ObjectType, Odb, Oid, Repository, Tree};

use super::{GitError, Result, TooLarge};
use crate::model::source::{HEAD_BYTES, TEXT_BYTES_MAX, TEXTS_BYTES_MAX};
use crate::model::{CommitSha, Entry, EntryKind, SourceTree, limits};
use crate::rules::layout::DockerIgnore;

/// The files of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitTree {
    /// Id of the git tree: equal ids mean equal content.
    pub tree: String,
    pub source: SourceTree,
}

/// A file, a link or a submodule, with the id of its content.
struct Found {
    path: String,
    id: Oid,
    kind: EntryKind,
    bytes: u64,
}

/// Lists the files of a commit.
///
/// # Errors
/// [`GitError::TooLarge`] at the first limit that the commit exceeds.
pub fn read_commit(repository: &Path, sha: &CommitSha) -> Result<CommitTree> {
    let repository = Repository::open_bare(repository)?;
    let commit = repository.find_commit(Oid::from_str(sha.as_str())?)?;
    let tree = commit.tree()?;
    let mut found = find(&repository, &tree)?;
    let mut source = SourceTree { bytes: found.iter().map(|f| f.bytes).sum(), ..SourceTree::default() };
    // The memory may not suffice for all texts: files that rules look for by name come first, then files near the root.
    found.sort_by_cached_key(|f| (!is_read_by_rules(&f.path), f.path.matches('/').count()));
    let mut room = TEXTS_BYTES_MAX;
    for Found { path, id, kind, bytes } in found {
        let mut head = Vec::new();
        if bytes <= TEXT_BYTES_MAX && matches!(kind, EntryKind::File { .. }) {
            let blob = repository.find_blob(id)?;
            head.extend_from_slice(&blob.content()[..blob.size().min(HEAD_BYTES)]);
            if bytes <= room {
                room -= bytes;
                source.texts.insert(path.clone(), blob.content().to_vec());
            }
        }
        source.entries.insert(path, Entry { kind, bytes, head });
    }
    Ok(CommitTree { tree: tree.id().to_string(), source })
}

/// Whether rules look for a file of this name.
fn is_read_by_rules(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    name.contains("dockerfile") || name.ends_with(".dockerignore") || name == "submission.toml"
}

/// Writes the files of a commit as a tar, the build context. Times and owners are fixed, so equal trees make equal
/// contexts. Submodules become empty directories, symlinks stay symlinks, and ignored files are left out.
///
/// # Errors
/// As [`read_commit`], or when `out` cannot be written.
pub fn write_context(repository: &Path, sha: &CommitSha, ignore: &DockerIgnore, out: impl Write) -> Result<()> {
    let repository = Repository::open_bare(repository)?;
    let commit = repository.find_commit(Oid::from_str(sha.as_str())?)?;
    let mut archive = tar::Builder::new(out);
    for found in find(&repository, &commit.tree()?)? {
        if ignore.ignored_by(&found.path).is_some() {
            continue;
        }
        let blob = match found.kind {
            EntryKind::File { .. } => Some(repository.find_blob(found.id)?),
            EntryKind::Symlink(_) | EntryKind::Submodule => None,
        };
        let content = blob.as_ref().map_or(&[][..], Blob::content);
        append(&mut archive, &found.path, content, &found.kind)?;
    }
    archive.into_inner()?.flush()?;
    Ok(())
}

/// Appends one entry to a build context.
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

/// Everything in a tree, in git's order. No contents are read but the targets of links.
fn find(repository: &Repository, tree: &Tree<'_>) -> Result<Vec<Found>> {
    let mut walk = Walk { repository, odb: repository.odb()?, found: Vec::new(), bytes: 0, folders: 0 };
    walk.enter(tree, "", 0)?;
    Ok(walk.found)
}

struct Walk<'a> {
    repository: &'a Repository,
    odb: Odb<'a>,
    found: Vec<Found>,
    bytes: u64,
    folders: usize,
}

impl Walk<'_> {
    fn enter(&mut self, tree: &Tree<'_>, prefix: &str, depth: usize) -> Result<()> {
        self.folders += 1;
        if depth > limits::SOURCE_DEPTH_MAX {
            return Err(GitError::TooLarge(TooLarge::Depth));
        }
        // Folders without a file count as no file, and their number can be endless.
        if self.folders > limits::SOURCE_FOLDERS_MAX {
            return Err(GitError::TooLarge(TooLarge::Folders));
        }
        for entry in tree {
            // Lossy on purpose: the layout rules refuse names with the replacement character.
            let path = format!("{prefix}{}", String::from_utf8_lossy(entry.name_bytes()));
            if path.chars().count() > limits::SOURCE_PATH_CHARS_MAX {
                return Err(GitError::TooLarge(TooLarge::Path));
            }
            match entry.kind() {
                Some(ObjectType::Tree) => {
                    let inner = self.repository.find_tree(entry.id())?;
                    self.enter(&inner, &format!("{path}/"), depth + 1)?;
                }
                Some(ObjectType::Blob) => self.blob(path, entry.id(), entry.filemode())?,
                _ => self.push(path, entry.id(), EntryKind::Submodule, 0)?,
            }
        }
        Ok(())
    }

    fn blob(&mut self, path: String, id: Oid, mode: i32) -> Result<()> {
        // The header has the size, so nothing is unpacked into memory before the check.
        let bytes = self.odb.read_header(id)?.0 as u64;
        if bytes > limits::SOURCE_FILE_BYTES_MAX {
            return Err(GitError::TooLarge(TooLarge::File(path)));
        }
        let kind = match mode {
            0o120_000 if bytes > limits::SOURCE_LINK_BYTES_MAX => {
                return Err(GitError::TooLarge(TooLarge::Path));
            }
            0o120_000 => {
                let blob = self.repository.find_blob(id)?;
                EntryKind::Symlink(String::from_utf8_lossy(blob.content()).into_owned())
            }
            mode => EntryKind::File { executable: mode & 0o111 != 0 },
        };
        self.push(path, id, kind, bytes)
    }

    fn push(&mut self, path: String, id: Oid, kind: EntryKind, bytes: u64) -> Result<()> {
        self.bytes += bytes;
        self.found.push(Found { path, id, kind, bytes });
        if self.found.len() > limits::SOURCE_FILES_MAX {
            return Err(GitError::TooLarge(TooLarge::Files));
        }
        if self.bytes > limits::SOURCE_BYTES_MAX {
            return Err(GitError::TooLarge(TooLarge::Bytes));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository, and a commit of the tree that is made in it.
    fn commit(make: impl Fn(&Repository) -> Oid) -> (tempfile::TempDir, CommitSha) {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(folder.path()).unwrap();
        let tree = repository.find_tree(make(&repository)).unwrap();
        let author = git2::Signature::now("Team", "team@localhost").unwrap();
        let id = repository.commit(None, &author, &author, "x", &tree, &[]);
        let sha = CommitSha::new(id.unwrap().to_string()).unwrap();
        drop(tree);
        (folder, sha)
    }

    /// A tree of entries of one kind, all the same object.
    fn tree(repository: &Repository, names: &[String], id: Oid, mode: i32) -> Oid {
        let mut builder = repository.treebuilder(None).unwrap();
        for name in names {
            builder.insert(name, id, mode).unwrap();
        }
        builder.write().unwrap()
    }

    fn names(most: usize) -> Vec<String> {
        (0..most).map(|n| format!("{n:05}")).collect()
    }

    fn refused(make: impl Fn(&Repository) -> Oid) -> TooLarge {
        let (folder, sha) = commit(make);
        match read_commit(folder.path(), &sha) {
            Err(GitError::TooLarge(limit)) => limit,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn folders_without_files_are_limited_like_files() {
        let bomb = |repository: &Repository| {
            let mut tree_id = tree(repository, &[], Oid::ZERO_SHA1, 0);
            for _ in 0..20 {
                tree_id = tree(repository, &names(10), tree_id, 0o040_000);
            }
            tree_id
        };
        assert_eq!(refused(bomb), TooLarge::Folders);
    }

    #[test]
    fn the_target_of_a_link_is_limited() {
        let long = |repository: &Repository| {
            let bytes = vec![b'x'; limits::SOURCE_LINK_BYTES_MAX as usize + 1];
            let blob = repository.blob(&bytes).unwrap();
            tree(repository, &names(1), blob, 0o120_000)
        };
        assert_eq!(refused(long), TooLarge::Path);
    }

    #[test]
    fn many_bytes_are_counted_without_reading_them() {
        let many = |repository: &Repository| {
            let blob = repository.blob(&vec![0; 1 << 20]).unwrap();
            tree(repository, &names(2049), blob, 0o100_644)
        };
        assert_eq!(refused(many), TooLarge::Bytes);
    }

    #[test]
    fn texts_that_rules_look_for_are_kept_first() {
        let (folder, sha) = commit(|repository| {
            let text = repository.blob(&[b'x'; 64 << 10]).unwrap();
            let mut builder = repository.treebuilder(None).unwrap();
            for name in names(1000) {
                builder.insert(name, text, 0o100_644).unwrap();
            }
            let docker = tree(repository, &["z.Dockerfile".to_owned()], text, 0o100_644);
            builder.insert("z", docker, 0o040_000).unwrap();
            builder.write().unwrap()
        });
        let source = read_commit(folder.path(), &sha).unwrap().source;
        assert_eq!(source.entries.len(), 1001);
        assert_eq!(source.entries["00999"].head.len(), HEAD_BYTES);
        let kept: u64 = source.texts.values().map(|text| text.len() as u64).sum();
        assert!(kept <= TEXTS_BYTES_MAX, "{kept}");
        assert!(source.text("z/z.Dockerfile").is_some());
    }
}
