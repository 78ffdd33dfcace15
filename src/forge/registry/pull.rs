//! From a pinned digest to a file that an engine loads, or to findings about the image.
//!
//! Faults of the image are findings for its team. A registry that does not answer and a full disk are platform errors.
//! Layers are fetched only of an image that has passed the rules. No partial file is left behind.

use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::archive::Archive;
use super::{Registry, RegistryError, Result};
use crate::model::finding::any_error;
use crate::model::{Digest, Finding, RunLimits, limits};
use crate::rules::Policy;
use crate::rules::catalogue::{IMG011, IMG014, IMG016};
use crate::rules::image_layer::LayerFault;
use crate::rules::image_manifest::{self, Layer, LayerKind, Manifest, ManifestDocument, PushedImage};

/// An image, judged before its layers are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectedImage {
    /// The image. `None` if it must not be fetched.
    pub image: Option<PushedImage>,
    pub findings: Vec<Finding>,
}

impl InspectedImage {
    fn refused(finding: Finding, policy: &Policy) -> Self {
        Self { image: None, findings: vec![policy.apply_severity(finding)] }
    }
}

/// How fetching an image ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullEnd {
    /// The file exists, and every byte of it was compared with its digest.
    Pulled {
        /// Unpacked bytes of all layers.
        bytes: u64,
    },
    /// The image is at fault. There is no file.
    Refused(Finding),
}

/// A failure that is not the image's fault.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The disk of Referee.
    #[error("staging an image failed: {0}")]
    Disk(#[from] io::Error),
}

impl Registry {
    /// Judges the image of a pinned digest by its manifest and configuration.
    ///
    /// # Errors
    /// When the registry does not answer. Faults of the image are findings.
    pub async fn inspect_image(
        &self,
        repository: &str,
        pinned: &Digest,
        bounds: &RunLimits,
        policy: &Policy,
    ) -> Result<InspectedImage> {
        let manifest = match self.image_manifest(repository, pinned, policy).await? {
            Ok(manifest) => manifest,
            Err(finding) => return Ok(InspectedImage::refused(finding, policy)),
        };
        let mut findings = image_manifest::check_manifest(&manifest, bounds, policy);
        let long = limits::IMAGE_CONFIG_BYTES_MAX;
        if manifest.config_bytes > long || findings.iter().any(|f| f.code == IMG011.code) {
            return Ok(InspectedImage { image: None, findings });
        }
        let limit = manifest.config_bytes;
        let config = self.blob_bytes(repository, &manifest.config, limit).await;
        let config = match of_image(config, "The configuration of the image")? {
            Ok(config) if config.len() as u64 == limit => config,
            Ok(_) => {
                findings.push(IMG014.finding("The configuration differs from the manifest"));
                Vec::new()
            }
            Err(finding) => {
                findings.push(policy.apply_severity(finding));
                Vec::new()
            }
        };
        let mut image = None;
        if !config.is_empty() {
            let (found, more) = image_manifest::check_config(&manifest, &config, bounds, policy);
            findings.extend(more);
            image = found.filter(|_| !any_error(&findings));
        }
        Ok(InspectedImage { image, findings })
    }

    /// The manifest of the image for the server's platform.
    async fn image_manifest(
        &self,
        repository: &str,
        pinned: &Digest,
        policy: &Policy,
    ) -> Result<std::result::Result<Manifest, Finding>> {
        let mut digest = pinned.clone();
        // An index must lead directly to a manifest.
        for _ in 0..2 {
            let text = self.manifest(repository, digest.as_str()).await;
            let text = match of_image(text, &format!("The image {digest}"))? {
                Ok(text) => text,
                Err(finding) => return Ok(Err(finding)),
            };
            match image_manifest::read_manifest(&text.media_type, &text.bytes) {
                Ok(ManifestDocument::Image(manifest)) => return Ok(Ok(manifest)),
                Ok(ManifestDocument::Index(entries)) => match image_manifest::choose_image(&entries, policy) {
                    Ok(chosen) => digest = chosen.clone(),
                    Err(finding) => return Ok(Err(finding)),
                },
                Err(finding) => return Ok(Err(finding)),
            }
        }
        Ok(Err(IMG011.finding("The index of the image points to another index, not to an image")))
    }

    /// Fetches an image that has passed the rules into a new file at `into`. Its layers may unpack to `limit` bytes
    /// together.
    ///
    /// # Errors
    /// When the registry or the disk fails. Faults of the image are findings.
    pub async fn pull(
        &self,
        repository: &str,
        image: &PushedImage,
        limit: u64,
        into: &Path,
    ) -> std::result::Result<PullEnd, PullError> {
        let archive = Archive::create(into, limit)?;
        let file = Unfinished(Some(into));
        let fetched = self.fetch(repository, image, archive);
        let late = || RegistryError::Network {
            retryable: true,
            message: format!("the image was not fetched within {}", limits::PULL_TIME),
        };
        let end = tokio::time::timeout(limits::PULL_TIME.std(), fetched).await.map_err(|_| late())??;
        if matches!(end, PullEnd::Pulled { .. }) {
            file.keep();
        }
        Ok(end)
    }

    async fn fetch(
        &self,
        repository: &str,
        image: &PushedImage,
        mut archive: Archive,
    ) -> std::result::Result<PullEnd, PullError> {
        let layers = &image.manifest.layers;
        let wanted: Vec<_> = layers.iter().zip(&image.diff_ids).collect();
        if wanted.len() != layers.len() || wanted.len() != image.diff_ids.len() {
            return Ok(PullEnd::Refused(LayerFault::NotAsConfigured.finding(layers.len())));
        }
        for (n, (layer, diff_id)) in wanted.iter().enumerate() {
            let before = wanted[..n].iter().position(|w| w == &wanted[n]);
            let judged = match before {
                Some(before) => archive.again(before).map_err(|fault| fault.finding(n + 1)),
                None => {
                    let (back, judged) = self.layer(repository, layer, diff_id, n + 1, archive).await?;
                    archive = back;
                    judged
                }
            };
            if let Err(finding) = judged {
                return Ok(PullEnd::Refused(finding));
            }
        }
        let config = image.config.clone();
        let bytes = blocking(move || archive.finish(&config)).await?;
        Ok(PullEnd::Pulled { bytes })
    }

    /// Fetches a layer, the `n`th from 1. The registry's bytes go through a short queue to a thread that may wait for
    /// the disk. A fault of the registry's bytes hides the faults that it causes.
    async fn layer(
        &self,
        repository: &str,
        layer: &Layer,
        diff_id: &Digest,
        n: usize,
        mut archive: Archive,
    ) -> std::result::Result<(Archive, std::result::Result<(), Finding>), PullError> {
        let gzip = match layer.kind {
            LayerKind::Gzip => true,
            LayerKind::Tar => false,
            LayerKind::Foreign | LayerKind::Other(_) => {
                return Ok((archive, Err(LayerFault::NotGzip.finding(n))));
            }
        };
        let (pieces, queue) = mpsc::channel(limits::PULL_PIECES);
        let diff_id = diff_id.clone();
        let unpacked = blocking(move || {
            let judged = archive.layer(gzip, &diff_id, Pieces::new(queue))?;
            Ok((archive, judged))
        });
        let sent = self.send_layer(repository, layer, pieces);
        let (sent, unpacked) = tokio::join!(sent, unpacked);
        let (archive, judged) = unpacked?;
        let judged = match of_image(sent, &format!("Layer {n} of the image"))? {
            Err(finding) => Err(finding),
            Ok(Sent::Wrong) => Err(LayerFault::NotAsNamed.finding(n)),
            Ok(Sent::All | Sent::Stopped) => judged.map_err(|fault| fault.finding(n)),
        };
        Ok((archive, judged))
    }

    async fn send_layer(&self, repository: &str, layer: &Layer, pieces: mpsc::Sender<Bytes>) -> Result<Sent> {
        let sent = async {
            let mut blob = self.blob(repository, &layer.digest, layer.bytes).await?;
            while let Some(piece) = blob.next().await? {
                if pieces.send(piece).await.is_err() {
                    return Ok(Sent::Stopped);
                }
            }
            let is_complete = blob.bytes() == layer.bytes;
            Ok(if is_complete { Sent::All } else { Sent::Wrong })
        };
        match sent.await {
            Err(RegistryError::TooLarge { .. } | RegistryError::DigestMismatch { .. }) => Ok(Sent::Wrong),
            other => other,
        }
    }
}

/// How a layer was received from the registry.
enum Sent {
    /// Completely, as its manifest describes it.
    All,
    /// In part: the reader stopped.
    Stopped,
    /// It differs from its manifest.
    Wrong,
}

/// Separates faults of the image from failures of the registry. A missing or different object is a fault of the image.
fn of_image<T>(answer: Result<T>, what: &str) -> Result<std::result::Result<T, Finding>> {
    match answer {
        Ok(answer) => Ok(Ok(answer)),
        Err(RegistryError::NotFound(_)) => Ok(Err(IMG016.finding(format!("{what} is not in the registry any more")))),
        Err(RegistryError::TooLarge { limit, .. }) => {
            Ok(Err(IMG014.finding(format!("{what} has more than {limit} bytes"))))
        }
        Err(RegistryError::DigestMismatch { .. }) => {
            Ok(Err(IMG014.finding(format!("{what} does not match its digest"))))
        }
        Err(error) => Err(error),
    }
}

/// Does work that may wait for the disk, on a thread for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// The queue as a reader. It ends when the sender is dropped, whether everything was sent or not.
struct Pieces {
    queue: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Pieces {
    fn new(queue: mpsc::Receiver<Bytes>) -> Self {
        Self { queue, piece: Bytes::new() }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.queue.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let part = self.piece.split_to(buffer.len().min(self.piece.len()));
        buffer[..part.len()].copy_from_slice(&part);
        Ok(part.len())
    }
}

/// A file that is removed unless it is kept, also when its future is dropped in between.
struct Unfinished<'a>(Option<&'a Path>);

impl Unfinished<'_> {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.0 {
            // Its folder is removed later in any case. This frees the disk early.
            let _ = std::fs::remove_file(path);
        }
    }
}
