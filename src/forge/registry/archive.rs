//! The file that an engine loads: the configuration, the unpacked layers, and a list of both.
//!
//! Layers are decompressed, scanned, counted and compared with their digests on the way to the disk. No byte beyond the
//! limit is written, and nothing stays in the file that was not compared. The file contains no name: the engine that
//! loads it names the image.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use tar::Header;

use super::scan::{Scan, scan};
use crate::model::Digest;
use crate::rules::image_layer::LayerFault;

const PIECE: usize = 64 * 1024;

/// An archive that is being written.
pub(super) struct Archive {
    tar: tar::Builder<File>,
    /// Name in the archive and bytes of each layer of the image.
    layers: Vec<(String, u64)>,
    total: u64,
    limit: u64,
}

impl Archive {
    /// Begins a new file. All layers together may have `limit` bytes. A layer counts as often as the image contains it.
    pub(super) fn create(path: &Path, limit: u64) -> io::Result<Self> {
        Ok(Self { tar: tar::Builder::new(File::create_new(path)?), layers: Vec::new(), total: 0, limit })
    }

    /// Adds a layer from the bytes that the registry sends. After a fault that the registry's bytes may have caused,
    /// the rest of them is still read.
    ///
    /// # Errors
    /// Those of the disk. Faults of the layer are the inner error.
    pub(super) fn layer(
        &mut self,
        gzip: bool,
        diff_id: &Digest,
        mut source: impl Read,
    ) -> io::Result<Result<(), LayerFault>> {
        let name = format!("{}.tar", self.layers.len());
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_mtime(0);
        let mut entry = self.tar.append_writer(&mut header, &name)?;
        let mut copy = Copying {
            source: if gzip {
                Unpacked::Gzip(Box::new(MultiGzDecoder::new(&mut source)))
            } else {
                Unpacked::Plain(&mut source)
            },
            target: &mut entry,
            hasher: Sha256::new(),
            bytes: 0,
            left: self.limit - self.total,
            stopped: None,
        };
        let scanned = scan(&mut copy).and_then(|scanned| {
            match scanned {
                // The bytes behind the end of the tar archive count for the digest.
                Scan::Clean => io::copy(&mut copy, &mut io::sink()).map(|_| Ok(())),
                Scan::Holds(what) => Ok(Err(LayerFault::Holds(what))),
                Scan::NotTar => Ok(Err(LayerFault::NotTar)),
            }
        });
        let Copying { hasher, bytes, stopped, .. } = copy;
        entry.finish()?;
        let judged = match (stopped, scanned) {
            (Some(Stop::Disk(error)), _) => return Err(error),
            (Some(Stop::Limit), _) => Err(LayerFault::TooLarge(self.limit)),
            (Some(Stop::Gzip), _) => Err(LayerFault::NotGzip),
            (None, Ok(Ok(()))) if digest_of(hasher) != *diff_id => Err(LayerFault::NotAsConfigured),
            (None, Ok(judged)) => judged,
            (None, Err(error)) => return Err(error),
        };
        if matches!(judged, Err(LayerFault::NotGzip | LayerFault::NotTar)) {
            io::copy(&mut source, &mut io::sink())?;
        }
        self.total += bytes;
        self.layers.push((name, bytes));
        Ok(judged)
    }

    /// The image contains the layer of this number (from 0) once more.
    pub(super) fn again(&mut self, layer: usize) -> Result<(), LayerFault> {
        let Some((name, bytes)) = self.layers.get(layer).cloned() else {
            return Err(LayerFault::NotAsNamed);
        };
        if bytes > self.limit - self.total {
            return Err(LayerFault::TooLarge(self.limit));
        }
        self.total += bytes;
        self.layers.push((name, bytes));
        Ok(())
    }

    /// Adds the configuration and the list, closes the file, and returns the unpacked bytes of all layers.
    pub(super) fn finish(mut self, config: &[u8]) -> io::Result<u64> {
        let name = format!("{}.json", Digest::of(config).hex());
        let layers: Vec<&str> = self.layers.iter().map(|(name, _)| name.as_str()).collect();
        let list = serde_json::json!([{ "Config": name, "RepoTags": null, "Layers": layers }]);
        for (name, text) in [(name.as_str(), config), ("manifest.json", list.to_string().as_bytes())] {
            let mut header = Header::new_gnu();
            header.set_mode(0o644);
            header.set_mtime(0);
            header.set_size(text.len() as u64);
            self.tar.append_data(&mut header, name, text)?;
        }
        self.tar.into_inner()?.flush()?;
        Ok(self.total)
    }
}

/// The digest `sha256:…` of the hashed bytes.
pub(super) fn digest_of(hasher: Sha256) -> Digest {
    Digest::of_hash(hasher.finalize().into())
}

enum Unpacked<'a, R: Read> {
    Plain(&'a mut R),
    Gzip(Box<MultiGzDecoder<&'a mut R>>),
}

/// Why copying ended early.
enum Stop {
    Limit,
    Gzip,
    Disk(io::Error),
}

/// Writes, hashes and counts all bytes before it returns them to its reader.
struct Copying<'a, R: Read, W: Write> {
    source: Unpacked<'a, R>,
    target: &'a mut W,
    hasher: Sha256,
    bytes: u64,
    left: u64,
    stopped: Option<Stop>,
}

impl<R: Read, W: Write> Copying<'_, R, W> {
    fn stop(&mut self, why: Stop) -> io::Error {
        self.stopped = Some(why);
        io::Error::other("stopped")
    }
}

impl<R: Read, W: Write> Read for Copying<'_, R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(PIECE);
        let read = match &mut self.source {
            Unpacked::Plain(source) => source.read(&mut buffer[..most])?,
            Unpacked::Gzip(source) => match source.read(&mut buffer[..most]) {
                Ok(read) => read,
                Err(_) => return Err(self.stop(Stop::Gzip)),
            },
        };
        if read as u64 > self.left {
            return Err(self.stop(Stop::Limit));
        }
        if let Err(error) = self.target.write_all(&buffer[..read]) {
            return Err(self.stop(Stop::Disk(error)));
        }
        self.hasher.update(&buffer[..read]);
        self.left -= read as u64;
        self.bytes += read as u64;
        Ok(read)
    }
}
