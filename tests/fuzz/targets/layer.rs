//! Layers: if our scan accepts an archive, another tar reader finds no forbidden entry in it.

use referee::forge::registry::scan::{Scan, scan};
use referee::rules::image_layer::{LayerEntryKind, forbidden_entry};
use tar::EntryType;

pub(super) fn keeps(bytes: &[u8]) {
    let mut rest = bytes;
    match scan(&mut rest) {
        Ok(Scan::Clean) => assert_no_forbidden_entry(&bytes[..bytes.len() - rest.len()]),
        Ok(Scan::Holds(what)) => assert!(!what.is_empty() && what.len() < 1000, "{what:?}"),
        Ok(Scan::NotTar) => {}
        Err(error) => panic!("memory cannot fail: {error}"),
    }
}

fn assert_no_forbidden_entry(bytes: &[u8]) {
    let mut archive = tar::Archive::new(bytes);
    let Ok(entries) = archive.entries() else {
        return;
    };
    // The other reader stops at faults that our scan ignores. The entries before them are compared.
    for entry in entries.map_while(Result::ok) {
        let kind = match entry.header().entry_type() {
            EntryType::GNUSparse => LayerEntryKind::Sparse,
            EntryType::Char | EntryType::Block => LayerEntryKind::Device,
            EntryType::Symlink => LayerEntryKind::Symlink,
            _ => LayerEntryKind::Other,
        };
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        assert_eq!(forbidden_entry(kind, &path), None, "{path:?}");
    }
}
