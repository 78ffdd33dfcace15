//! The files of a submission as a listing, which the rules check.
//!
//! `forge` makes it from a commit or from a working copy, within the limits of a submission. It holds the content of
//! small text files only, and reads no disk.

use std::collections::BTreeMap;

/// The entry at one path of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub kind: EntryKind,
    /// Bytes of a file; 0 for everything else.
    pub bytes: u64,
    /// The first bytes of a file of at most [`TEXT_BYTES_MAX`]: enough to recognize an LFS pointer or a script's
    /// interpreter.
    pub head: Vec<u8>,
}

/// The kind of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File { executable: bool },
    /// A symbolic link, with its target as stored.
    Symlink(String),
    /// A submodule: a commit of another repository, never fetched.
    Submodule,
}

/// A whole tree, with the full content of the files that rules read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceTree {
    /// Every path from the root, `/`-separated, sorted.
    pub entries: BTreeMap<String, Entry>,
    /// The full content of small files: Dockerfiles, `submission.toml`, and files that are compared with the template.
    pub texts: BTreeMap<String, Vec<u8>>,
    /// Bytes of all files.
    pub bytes: u64,
}

/// Bytes of a file kept as [`Entry::head`].
pub const HEAD_BYTES: usize = 256;
/// Files up to this size are kept completely in [`SourceTree::texts`].
pub const TEXT_BYTES_MAX: u64 = 64 * 1024 + 1;
/// Bytes of all files in [`SourceTree::texts`]. Where there are more, the files that rules look for by name are kept
/// first.
pub const TEXTS_BYTES_MAX: u64 = 32 * 1024 * 1024;

impl SourceTree {
    /// The content of a file in [`SourceTree::texts`].
    pub fn text(&self, path: &str) -> Option<&[u8]> {
        self.texts.get(path).map(Vec::as_slice)
    }
}
