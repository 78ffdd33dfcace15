//! The entries of a layer that are refused (IMG015), and the problems found while fetching it (IMG003, IMG013, IMG014).
//!
//! Checks the headers of a layer's tar file. The engine itself handles names that lead out of the image. This module
//! refuses the entries that the engine would accept.

use super::catalogue::{IMG003, IMG013, IMG014, IMG015};
use super::exit::bytes;
use super::image::printable;
use crate::model::Finding;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerEntryKind {
    /// A sparse file. It is small in the layer and large on the disk.
    Sparse,
    /// A block or character device.
    Device,
    Symlink,
    /// A file, a directory, a pipe or a hard link.
    Other,
}

/// The engine mounts these directories or writes to them. A link instead of one would redirect the engine.
const SYSTEM_DIRECTORIES: [&str; 4] = ["dev", "proc", "sys", "etc"];

/// The reason why an entry is refused, as the end of a sentence. Devices within `/dev` are accepted: a mount hides
/// them, and old base images have them.
pub fn forbidden_entry(kind: LayerEntryKind, path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let entry = match (kind, parts.as_slice()) {
        (LayerEntryKind::Sparse, _) => "a sparse file",
        (LayerEntryKind::Device, ["dev", _, ..]) if !parts.contains(&"..") => return None,
        (LayerEntryKind::Device, _) => "a device file",
        (LayerEntryKind::Symlink, [only]) if SYSTEM_DIRECTORIES.contains(only) => {
            "a link instead of a system directory"
        }
        (LayerEntryKind::Symlink | LayerEntryKind::Other, _) => return None,
    };
    Some(format!("{entry}: `{}`", printable(path)))
}

/// A problem of a layer that was found while it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerFault {
    /// All layers so far unpack to more than this number of bytes.
    TooLarge(u64),
    /// The bytes do not match the digest, or their number does not match the manifest.
    NotAsNamed,
    /// The unpacked layer does not match the digest of the configuration.
    NotAsConfigured,
    /// The layer is not complete gzip data, although the manifest declares gzip.
    NotGzip,
    NotTar,
    /// The layer has an entry that [`forbidden_entry`] refuses, with its reason.
    Holds(String),
}

impl LayerFault {
    /// The finding for the participant. Layers are counted from 1.
    pub fn finding(&self, layer: usize) -> Finding {
        match self {
            Self::TooLarge(bytes_max) => {
                IMG003.finding(format!("The image unpacks to more than {} with its layer {layer}", bytes(*bytes_max)))
            }
            Self::NotAsNamed => IMG014.finding(format!("Layer {layer} in the registry does not match the manifest")),
            Self::NotAsConfigured => IMG014.finding(format!("Layer {layer} does not match the configuration")),
            Self::NotGzip => IMG013.finding(format!("Layer {layer} cannot be unpacked with gzip")),
            Self::NotTar => IMG014.finding(format!("Layer {layer} is not a tar file")),
            Self::Holds(entry) => IMG015.finding(format!("Layer {layer} contains {entry}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dangerous_entries_are_refused() {
        use LayerEntryKind::*;
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
            assert!(forbidden_entry(kind, path).is_some(), "{kind:?} {path}");
        }
        for (kind, path) in [
            (Device, "dev/null"),
            (Device, "./dev/null"),
            (Symlink, "bin"),
            (Symlink, "etc/mtab"),
            (Other, "dev"),
            (Other, "../x"),
        ] {
            assert_eq!(forbidden_entry(kind, path), None, "{kind:?} {path}");
        }
        let message = forbidden_entry(Sparse, "a\u{1b}[2J").unwrap();
        assert_eq!(message, "a sparse file: `a[2J`");
    }

    #[test]
    fn each_fault_has_its_rule() {
        let findings = [
            LayerFault::TooLarge(1 << 20),
            LayerFault::NotGzip,
            LayerFault::NotAsNamed,
            LayerFault::NotAsConfigured,
            LayerFault::NotTar,
            LayerFault::Holds("a device file: `x`".into()),
            LayerFault::Holds("a sparse file: `x`".into()),
            LayerFault::Holds("a link instead of a system directory: `dev`".into()),
        ]
        .map(|fault| fault.finding(2));
        assert_eq!(
            findings.each_ref().map(|f| f.code.as_str()),
            ["IMG003", "IMG013", "IMG014", "IMG014", "IMG014", "IMG015", "IMG015", "IMG015"]
        );
        insta::assert_snapshot!("layers", crate::rules::samples::block("layers", &findings));
    }
}
