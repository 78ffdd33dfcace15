//! The files of a submission as a listing: what the rules look at.
//!
//! Made from a commit (`forge`) or from a working copy (`cli`), already bounded in size. Holds the
//! content of small text files only; nothing here reads a disk.

use std::collections::BTreeMap;

/// One path of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What is there.
    pub kind: EntryKind,
    /// Bytes of a file; 0 for everything else.
    pub bytes: u64,
    /// The first bytes of a file of at most [`TEXT_BYTES_MAX`], enough to recognise an LFS pointer or
    /// a script's interpreter.
    pub head: Vec<u8>,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File {
        /// Whether its executable bit is set.
        executable: bool,
    },
    /// A symbolic link with its target, as stored.
    Symlink(String),
    /// A submodule: a commit of another repository, never fetched.
    Submodule,
}

/// A whole tree, and the full content of the few files that rules read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceTree {
    /// Every path from the root, `/`-separated, sorted.
    pub entries: BTreeMap<String, Entry>,
    /// The full content of small files that rules ask for by name (Dockerfiles, `submission.toml`,
    /// and files that are compared with the template).
    pub texts: BTreeMap<String, Vec<u8>>,
    /// Bytes of all files.
    pub bytes: u64,
}

/// Bytes of a file kept as [`Entry::head`].
pub const HEAD_BYTES: usize = 256;
/// Files up to this size are kept whole in [`SourceTree::texts`].
pub const TEXT_BYTES_MAX: u64 = 64 * 1024 + 1;
/// Bytes of all files that are kept whole. Where they are more, those that rules ask for by name are
/// kept before others.
pub const TEXTS_BYTES_MAX: u64 = 32 * 1024 * 1024;

impl SourceTree {
    /// The content of a file that was kept whole.
    pub fn text(&self, path: &str) -> Option<&[u8]> {
        self.texts.get(path).map(Vec::as_slice)
    }
}
