//! Artifacts: predictions and other outputs, as tar files named by the digest of their content.
//!
//! Equal outputs are stored once. An artifact holds only regular files and directories, so unpacking it can create
//! nothing else.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::Digest as _;

use crate::model::Digest;

/// The directory of all artifacts.
#[derive(Debug, Clone)]
pub struct Artifacts {
    root: PathBuf,
}

/// Passes bytes on and computes their digest.
struct Hashing<W> {
    inner: W,
    hash: sha2::Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Artifacts {
    /// Opens the artifacts in this directory. Creates it if it does not exist.
    pub fn open(root: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(root.join("fresh"))?;
        Ok(Self { root })
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.root.join(&hex[..2]).join(hex)
    }

    /// Stores the files of a directory. Blocking. `name` must be unique among concurrent calls.
    pub fn keep_directory(&self, directory: &Path, name: &str) -> io::Result<Digest> {
        let fresh = self.root.join("fresh").join(name);
        let mut archive =
            tar::Builder::new(Hashing { inner: BufWriter::new(File::create(&fresh)?), hash: sha2::Sha256::new() });
        append_sorted(&mut archive, directory, Path::new(""))?;
        let Hashing { inner, hash } = archive.into_inner()?;
        inner.into_inner()?.sync_all()?;
        let digest = Digest::of_hash(hash.finalize().into());
        let path = self.path(&digest);
        fs::create_dir_all(path.parent().unwrap_or(&self.root))?;
        fs::rename(&fresh, &path)?;
        Ok(digest)
    }

    /// Unpacks an artifact into a directory, which is created if it does not exist. Blocking.
    pub fn unpack(&self, digest: &Digest, into: &Path) -> io::Result<()> {
        fs::create_dir_all(into)?;
        let mut archive = tar::Archive::new(File::open(self.path(digest))?);
        archive.set_preserve_mtime(false);
        archive.unpack(into)
    }
}

/// Appends the files of a directory in the order of their names, with fixed times and owners, so that equal content has
/// the same digest.
fn append_sorted(archive: &mut tar::Builder<impl Write>, root: &Path, inner: &Path) -> io::Result<()> {
    let mut names: Vec<_> =
        fs::read_dir(root.join(inner))?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    names.sort();
    for name in names {
        let path = inner.join(name);
        let metadata = fs::symlink_metadata(root.join(&path))?;
        let mut header = tar::Header::new_gnu();
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        if metadata.is_dir() {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o755);
            header.set_size(0);
            archive.append_data(&mut header, &path, &[][..])?;
            append_sorted(archive, root, &path)?;
        } else if metadata.is_file() {
            header.set_mode(0o644);
            header.set_size(metadata.len());
            archive.append_data(&mut header, &path, File::open(root.join(&path))?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_content_is_stored_once_and_can_be_unpacked() {
        let dir = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(dir.path().join("artifacts")).unwrap();
        for name in ["a", "b"] {
            let out = dir.path().join(name);
            fs::create_dir_all(out.join("sub")).unwrap();
            fs::write(out.join("sub/x.txt"), "x").unwrap();
            fs::write(out.join("y.txt"), "y").unwrap();
        }
        let a = artifacts.keep_directory(&dir.path().join("a"), "one").unwrap();
        let b = artifacts.keep_directory(&dir.path().join("b"), "two").unwrap();
        assert_eq!(a, b);
        let again = dir.path().join("again");
        artifacts.unpack(&a, &again).unwrap();
        assert_eq!(fs::read_to_string(again.join("sub/x.txt")).unwrap(), "x");
    }
}
