//! The template of a challenge: the files that a team's repository starts with.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;

use crate::forge::folder;
use crate::model::{EntryKind, limits};

/// Reads the files of a template: each path with its content and executable bit.
///
/// # Errors
/// The folder cannot be read, or a file is too large.
pub fn read_template(path: &Path) -> anyhow::Result<BTreeMap<String, (Vec<u8>, bool)>> {
    let tree =
        folder::read(path).with_context(|| format!("reading the template {}", path.display()))?;
    let mut files = BTreeMap::new();
    for (name, entry) in tree.entries {
        anyhow::ensure!(
            entry.bytes <= limits::SOURCE_FILE_BYTES_MAX,
            "{name} of the template is too large"
        );
        if let EntryKind::File { executable } = entry.kind {
            let content = std::fs::read(path.join(&name))?;
            files.insert(name, (content, executable));
        }
    }
    Ok(files)
}
