//! Layers: in what is clean to us, another reader of tar finds nothing that is forbidden.

use referee::forge::registry::scan::{Scan, scan};
use referee::rules::image_layer::{LayerEntryKind, forbidden_entry};
use tar::EntryType;

pub fn keeps(bytes: &[u8]) {
    let mut rest = bytes;
    match scan(&mut rest) {
        Ok(Scan::Clean) => another_finds_nothing(&bytes[..bytes.len() - rest.len()]),
        Ok(Scan::Holds(what)) => assert!(!what.is_empty() && what.len() < 1000, "{what:?}"),
        Ok(Scan::NotTar) => {}
        Err(error) => panic!("memory cannot fail: {error}"),
    }
}

fn another_finds_nothing(bytes: &[u8]) {
    let mut archive = tar::Archive::new(bytes);
    let Ok(entries) = archive.entries() else {
        return;
    };
    // It gives up where it finds a fault that means nothing to us; so much it saw.
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
