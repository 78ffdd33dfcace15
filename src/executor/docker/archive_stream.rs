//! The engine's archive of a path in a container, read on a thread that may block.
//!
//! Holds a few pieces of the archive in memory, never all of it.

use std::io::{self, Read};

use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::connection::{DockerEngine, Refusal, refusal};
use crate::executor::{ExecutorError, Result};
use crate::model::limits;

/// Pieces between the engine and the reader.
const PIECES: usize = 16;
/// Bytes of a name and its attributes in an archive. The kernel allows 4 KiB and 64 KiB of them.
pub(super) const EXTENDED_BYTES_MAX: u64 = 256 * 1024;

impl DockerEngine {
    /// Gives the archive of a path to `read`, which may stop early. The inner error is the engine's refusal.
    pub(super) async fn read_archive<T: Send + 'static>(
        &self,
        container: &str,
        path: &str,
        read: impl FnOnce(ArchiveStream) -> T + Send + 'static,
    ) -> Result<std::result::Result<T, Refusal>> {
        let (sender, receiver) = mpsc::channel(PIECES);
        let stream = ArchiveStream { receiver, piece: Bytes::new() };
        let reading = tokio::task::spawn_blocking(move || read(stream));
        if let Err(refusal) = self.send_archive(container, path, sender).await? {
            return Ok(Err(refusal));
        }
        let read = reading.await;
        Ok(Ok(read.map_err(|panic| ExecutorError::Staging(io::Error::other(panic)))?))
    }

    /// Sends pieces until the archive ends or the reader has stopped.
    async fn send_archive(
        &self,
        container: &str,
        path: &str,
        sender: mpsc::Sender<io::Result<Bytes>>,
    ) -> Result<std::result::Result<(), Refusal>> {
        let client = self.client()?;
        let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
        let mut stream = std::pin::pin!(client.download_from_container(container, Some(options)));
        loop {
            let limit = limits::ENGINE_CALL_TIME.std();
            let next = tokio::select! {
                () = sender.closed() => return Ok(Ok(())),
                next = tokio::time::timeout(limit, stream.next()) => next,
            };
            let failure = match next {
                Ok(None) => return Ok(Ok(())),
                Ok(Some(Ok(piece))) => match sender.send(Ok(piece)).await {
                    Ok(()) => continue,
                    Err(_) => return Ok(Ok(())),
                },
                Ok(Some(Err(error))) => refusal(error),
                Err(_) => Err(format!("no data within {}", limits::ENGINE_CALL_TIME)),
            };
            // Or the reader would mistake the interruption for the end.
            let _ = sender.send(Err(io::Error::other("interrupted"))).await;
            return match failure {
                Ok(refusal) => Ok(Err(refusal)),
                Err(why) => Err(ExecutorError::Unreachable(format!("archive: {why}"))),
            };
        }
    }
}

/// The pieces of an archive as one reader.
pub(super) struct ArchiveStream {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Read for ArchiveStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.piece.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}
