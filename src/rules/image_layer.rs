//! What a layer holds, entry by entry: IMG015; and what fetching it may find out: IMG003, IMG013,
//! IMG014.
//!
//! Judges the headers of a layer's tar. Names that lead out of the image are the engine's to
//! handle, and it does; refused here is what it would obey.

use super::catalogue::{IMG003, IMG013, IMG014, IMG015};
use super::exit::bytes;
use super::image::word;
use crate::model::Finding;

/// What kind of thing an entry of a layer is, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// Small in the layer, large on the disk.
    Sparse,
    /// A block or character device.
    Device,
    /// A symbolic link.
    Symlink,
    /// A file, a directory, a pipe, a hard link.
    Other,
}

/// Directories that the engine mounts over or writes to: a link in their place leads it elsewhere.
const FIXED: [&str; 4] = ["dev", "proc", "sys", "etc"];

/// What is wrong with an entry, as the end of a sentence. Devices within `/dev` are hidden by what
/// is mounted there, and old base images have them.
pub fn forbidden(kind: EntryKind, path: &str) -> Option<String> {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let message = |what: &str| Some(format!("{what}: `{}`", word(path)));
    match kind {
        EntryKind::Sparse => message("a sparse file"),
        EntryKind::Device if parts.len() < 2 || parts[0] != "dev" || parts.contains(&"..") => {
            message("a device file")
        }
        EntryKind::Symlink => match parts.as_slice() {
            [only] if FIXED.contains(only) => message("a link in the place of a system directory"),
            _ => None,
        },
        EntryKind::Device | EntryKind::Other => None,
    }
}

/// What is wrong with a layer, found out while it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// All layers so far unpack to more than so many bytes.
    TooLarge(u64),
    /// It has other bytes than its digest says, or more or fewer than the manifest says.
    NotAsNamed,
    /// Unpacked, it has another digest than the configuration says.
    NotAsConfigured,
    /// It is not compressed with gzip, though the manifest says so, or it breaks off.
    NotGzip,
    /// It is not a tar file.
    NotTar,
    /// It holds what [`forbidden`] says.
    Holds(String),
}

impl Fault {
    /// For the participant. `n` is the layer, counted from 1.
    pub fn finding(&self, n: usize) -> Finding {
        match self {
            Self::TooLarge(most) => IMG003.finding(format!(
                "The image unpacks to more than {}, with its layer {n}",
                bytes(*most)
            )),
            Self::NotAsNamed => IMG014.finding(format!(
                "Layer {n} in the registry is not what the manifest says"
            )),
            Self::NotAsConfigured => {
                IMG014.finding(format!("Layer {n} is not what the configuration says"))
            }
            Self::NotGzip => IMG013.finding(format!("Layer {n} cannot be unpacked with gzip")),
            Self::NotTar => IMG014.finding(format!("Layer {n} is no tar file")),
            Self::Holds(what) => IMG015.finding(format!("Layer {n} holds {what}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_engine_would_obey_is_forbidden() {
        use EntryKind::*;
        for (kind, path) in [
            (Sparse, "app/weights"),
            (Device, "sda"),
            (Device, "app/sda"),
            (Device, "dev"),
            (Device, "dev/../sda"),
            (Symlink, "dev"),
            (Symlink, "./proc"),
            (Symlink, "/sys/"),
            (Symlink, "etc"),
        ] {
            assert!(forbidden(kind, path).is_some(), "{kind:?} {path}");
        }
        for (kind, path) in [
            (Device, "dev/null"),
            (Device, "./dev/null"),
            (Symlink, "bin"),
            (Symlink, "etc/mtab"),
            (Other, "dev"),
            (Other, "../x"),
        ] {
            assert_eq!(forbidden(kind, path), None, "{kind:?} {path}");
        }
        let message = forbidden(Sparse, "a\u{1b}[2J").unwrap();
        assert_eq!(message, "a sparse file: `a[2J`");
    }

    #[test]
    fn each_fault_has_its_rule() {
        let codes = [
            Fault::TooLarge(1 << 20),
            Fault::NotGzip,
            Fault::NotAsNamed,
            Fault::NotAsConfigured,
            Fault::NotTar,
            Fault::Holds("a device file: `x`".into()),
        ]
        .map(|fault| fault.finding(2).code);
        assert_eq!(
            codes,
            ["IMG003", "IMG013", "IMG014", "IMG014", "IMG014", "IMG015"]
        );
    }
}
