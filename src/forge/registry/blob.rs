//! A blob, read piece by piece and compared with its digest.

use bytes::Bytes;
use reqwest::Response;
use sha2::{Digest as _, Sha256};

use super::requests::network_error;
use super::{RegistryError, Result};
use crate::model::Digest;

/// A blob that is being read. Its bytes are proven only when [`BlobReader::next`] has returned `None`.
pub struct BlobReader {
    answer: Response,
    hasher: Sha256,
    wanted: Digest,
    bytes: u64,
    limit: u64,
}

impl BlobReader {
    /// Reads the body of an answer, up to `limit` bytes.
    pub(super) fn new(answer: Response, wanted: &Digest, limit: u64) -> Self {
        Self { answer, hasher: Sha256::new(), wanted: wanted.clone(), bytes: 0, limit }
    }

    /// The next piece; `None` after the last one, when all of them together have the digest.
    ///
    /// # Errors
    /// The connection fails, there are more bytes than the limit, or they have another digest.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(piece) = self.answer.chunk().await.map_err(network_error)? {
            self.bytes += piece.len() as u64;
            if self.bytes > self.limit {
                return Err(RegistryError::TooLarge {
                    subject: format!("the blob {}", self.wanted),
                    limit: self.limit,
                });
            }
            self.hasher.update(&piece);
            return Ok(Some(piece));
        }
        let found = Digest::of_hash(std::mem::take(&mut self.hasher).finalize().into());
        if found != self.wanted {
            return Err(RegistryError::DigestMismatch { wanted: self.wanted.clone(), found });
        }
        Ok(None)
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}
