//! Reads the tar of a layer from header to header, and stops at the first entry that an image must not have.
//!
//! Engines unpack layers with Go's `archive/tar`, and so does the reader here. The layer is refused where two readers
//! could disagree about the position of the next header. The scan keeps no entry in memory.

use std::io::{self, Read};

use tar::EntryType;

use crate::model::limits;
use crate::model::tar_reader::{TarEntry, TarError, TarReader};
use crate::rules::image_layer::{LayerEntryKind, forbidden_entry};

/// The result of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scan {
    /// All headers were read, and every entry is allowed.
    Clean,
    /// The layer contains this forbidden entry.
    Holds(String),
    /// The layer is not a tar archive, or it ends in the middle of an entry.
    NotTar,
}

/// Reads to the end of the archive or to the first forbidden entry.
///
/// # Errors
/// Those of the reader.
pub fn scan(reader: &mut impl Read) -> io::Result<Scan> {
    let mut tar = TarReader::new(reader, limits::LAYER_HEADER_BYTES_MAX);
    loop {
        let refused = match tar.next_entry() {
            Ok(Some(entry)) => refused(&entry),
            Ok(None) => return Ok(Scan::Clean),
            Err(TarError::HeaderTooLong) => Some("a header that is too long".to_owned()),
            Err(TarError::Broken) => return Ok(Scan::NotTar),
            Err(TarError::Io(error)) => return Err(error),
        };
        if let Some(description) = refused {
            return Ok(Scan::Holds(description));
        }
    }
}

/// The description of an entry that an image must not have.
fn refused(entry: &TarEntry) -> Option<String> {
    let path = String::from_utf8_lossy(&entry.path);
    let kind = match entry.kind() {
        _ if entry.sparse => LayerEntryKind::Sparse,
        EntryType::Char | EntryType::Block => LayerEntryKind::Device,
        EntryType::Symlink => LayerEntryKind::Symlink,
        _ => LayerEntryKind::Other,
    };
    // In the oldest format a file whose name ends in `/` is a directory, and has no content.
    let old_format = entry.header.as_old().linkflag == [0];
    let old_directory = old_format && (path.ends_with('/') || path.is_empty());
    let has_no_content = matches!(
        entry.kind(),
        EntryType::Link
            | EntryType::Symlink
            | EntryType::Char
            | EntryType::Block
            | EntryType::Directory
            | EntryType::Fifo
    );
    let ambiguous = entry.size > 0 && (has_no_content || old_directory);
    forbidden_entry(kind, &path).or_else(|| ambiguous.then(|| "an entry that can be read in two ways".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tar::Header;

    fn add(tar: &mut tar::Builder<Vec<u8>>, kind: EntryType, path: &str, content: &[u8]) {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        if kind.is_symlink() {
            tar.append_link(&mut header, path, "target").unwrap();
        } else {
            tar.append_data(&mut header, path, content).unwrap();
        }
    }

    fn tar_of(entries: &[(EntryType, &str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (kind, path, content) in entries {
            add(&mut tar, *kind, path, content);
        }
        tar.into_inner().unwrap()
    }

    fn scanned(mut bytes: &[u8]) -> Scan {
        scan(&mut bytes).unwrap()
    }

    fn holds(bytes: &[u8]) -> String {
        match scanned(bytes) {
            Scan::Holds(message) => message,
            other => panic!("{other:?}"),
        }
    }

    /// An extended header with these records, and a file after it.
    fn extended(records: &[(&str, &[u8])], content: &[u8]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_pax_extensions(records.iter().copied()).unwrap();
        add(&mut tar, EntryType::Regular, "file", content);
        tar.into_inner().unwrap()
    }

    #[test]
    fn plain_layers_are_clean() {
        let long = "a/".repeat(150) + "file";
        let entries = [
            (EntryType::Directory, "dev/", &b""[..]),
            (EntryType::Char, "dev/null", b""),
            (EntryType::Regular, long.as_str(), &[7; 1500]),
            (EntryType::Symlink, "bin", b""),
            (EntryType::Fifo, "pipe", b""),
            (EntryType::Regular, "last", b"x"),
        ];
        assert_eq!(scanned(&tar_of(&entries)), Scan::Clean);
        assert_eq!(scanned(&tar_of(&[])), Scan::Clean);
        assert_eq!(scanned(b""), Scan::Clean);
        let xattr: &[(&str, &[u8])] = &[("SCHILY.xattr.user.x", b"a\n9 size=9\n")];
        assert_eq!(scanned(&extended(xattr, b"content")), Scan::Clean);
    }

    #[test]
    fn forbidden_entries_are_found_wherever_they_are() {
        let behind = |kind: EntryType, path: &str| {
            holds(&tar_of(&[(EntryType::Regular, "first", &[1; 700]), (kind, path, b"")]))
        };
        assert!(behind(EntryType::Block, "app/sda").starts_with("a device file"));
        assert!(behind(EntryType::Symlink, "proc").starts_with("a link"));
        assert!(behind(EntryType::GNUSparse, "x").starts_with("a sparse file"));
        let sparse: &[(&str, &[u8])] = &[("GNU.sparse.major", b"1")];
        assert!(holds(&extended(sparse, b"x")).starts_with("a sparse file"));
        // The name in the extended header counts, not the short one.
        let renamed: &[(&str, &[u8])] = &[("path", b"dev/../sda")];
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_pax_extensions(renamed.iter().copied()).unwrap();
        add(&mut tar, EntryType::Char, "dev/null", b"");
        assert!(holds(&tar.into_inner().unwrap()).starts_with("a device file"));
    }

    #[test]
    fn an_extended_size_decides_where_the_next_header_is() {
        let mut tar = tar::Builder::new(Vec::new());
        let size: &[(&str, &[u8])] = &[("size", b"1024")];
        tar.append_pax_extensions(size.iter().copied()).unwrap();
        add(&mut tar, EntryType::Regular, "file", b"");
        let mut bytes = tar.into_inner().unwrap();
        bytes.truncate(bytes.len() - 1024); // the empty blocks at the end
        bytes.extend([1; 1024]);
        bytes.extend(tar_of(&[(EntryType::Char, "sda", b"")]));
        assert!(holds(&bytes).starts_with("a device file"));
    }

    #[test]
    fn ambiguous_entries_are_refused() {
        for kind in [EntryType::Directory, EntryType::Link, EntryType::Fifo] {
            let bytes = tar_of(&[(kind, "x", &[0; 512])]);
            assert!(holds(&bytes).contains("two ways"), "{kind:?}");
        }
        let mut header = Header::new_old();
        header.as_mut_bytes()[..2].copy_from_slice(b"x/");
        header.as_mut_bytes()[156] = 0;
        header.set_size(512);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend([0; 1536]);
        assert!(holds(&bytes).contains("two ways"));
    }

    #[test]
    fn broken_archives_are_recognised() {
        let good = tar_of(&[(EntryType::Regular, "a", &[1; 700])]);
        assert_eq!(scanned(&good[..1000]), Scan::NotTar);
        assert_eq!(scanned(&good[..100]), Scan::NotTar);
        assert_eq!(scanned(&[1; 4096]), Scan::NotTar);
        let mut changed = good.clone();
        changed[0] ^= 1;
        assert_eq!(scanned(&changed), Scan::NotTar);
        let long: &[(&str, &[u8])] = &[("comment", &[b'x'; 1 << 20])];
        assert!(holds(&extended(long, b"")).contains("too long"));
    }
}
