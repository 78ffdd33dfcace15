//! The digest of a ground truth: one digest over names, sizes and contents of all its files.
//!
//! Files are read again only when a name, a size or a modification time has changed.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sha2::Digest as _;
use tokio::sync::Mutex;

use crate::model::Digest;

/// The digests of this start of the daemon, by directory.
#[derive(Debug, Default)]
pub struct GroundTruthDigests {
    known: Mutex<HashMap<PathBuf, Known>>,
}

#[derive(Debug)]
struct Known {
    /// Digest over names, sizes and modification times, for which `contents` was computed.
    metadata: Digest,
    contents: Digest,
}

/// Which part of each file goes into a digest, beside its name and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Contents,
    ModificationTime,
}

impl GroundTruthDigests {
    /// The digest of all files of a directory.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub async fn of(&self, directory: &Path) -> anyhow::Result<Digest> {
        let mut known = self.known.lock().await;
        let metadata = digest(directory, Part::ModificationTime).await?;
        if let Some(known) = known.get(directory)
            && known.metadata == metadata
        {
            return Ok(known.contents.clone());
        }
        let contents = digest(directory, Part::Contents).await?;
        let entry = Known { metadata, contents: contents.clone() };
        known.insert(directory.to_owned(), entry);
        Ok(contents)
    }
}

async fn digest(directory: &Path, part: Part) -> anyhow::Result<Digest> {
    let directory = directory.to_owned();
    tokio::task::spawn_blocking(move || digest_files(&directory, part)).await?
}

fn digest_files(directory: &Path, part: Part) -> anyhow::Result<Digest> {
    let mut hash = HashWriter(sha2::Sha256::new());
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> = std::fs::read_dir(&folder)
            .with_context(|| format!("reading {}", folder.display()))?
            .collect::<std::io::Result<_>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let metadata = std::fs::metadata(&path)?;
            if metadata.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(directory)?.to_string_lossy().into_owned();
            write!(hash, "{name}\0{}\0", metadata.len())?;
            match part {
                Part::Contents => {
                    std::io::copy(&mut std::fs::File::open(&path)?, &mut hash)?;
                }
                Part::ModificationTime => write!(hash, "{:?}\0", metadata.modified()?)?,
            }
        }
    }
    Ok(Digest::of_hash(hash.0.finalize().into()))
}

struct HashWriter(sha2::Sha256);

impl Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
