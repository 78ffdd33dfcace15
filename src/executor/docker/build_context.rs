//! The context of a build as one tar stream, with the emitted Dockerfile at its end.
//!
//! Of two entries with the same name the engine keeps the later one, so no file of a repository can replace the
//! Dockerfile. The last entry is a `.dockerignore` that names itself and the Dockerfile. The engine removes both from
//! the context after it has read them (moby `builder/remotecontext`), so `COPY . .` does not copy them into the image.
//! Engines leave the repository's own `.dockerignore` to their clients: the author of the context has applied it. A
//! context is never held in memory as a whole.

use std::io;
use std::path::Path;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::io::AsyncReadExt;

const PIECE: usize = 128 * 1024;

/// The path of the Dockerfile in the context.
pub(super) fn dockerfile_name(build: &str) -> String {
    format!(".referee-{build}.Dockerfile")
}

/// The end of the last entry of a tar file. Only the zeros that close the archive follow.
pub(super) fn end_of_tar(path: &Path) -> io::Result<u64> {
    let file = std::fs::File::open(path)?;
    let mut archive = tar::Archive::new(io::BufReader::new(file));
    let mut end = 0;
    for entry in archive.entries_with_seek()? {
        let entry = entry?;
        let size = entry.header().entry_size()?;
        end = entry.raw_file_position() + size.div_ceil(512) * 512;
    }
    Ok(end)
}

/// The last entries, and the zeros that close the archive.
pub(super) fn last_entries(dockerfile: &str, text: &str) -> io::Result<Bytes> {
    let ignored = format!(".dockerignore\n{dockerfile}\n");
    let mut tar = tar::Builder::new(Vec::new());
    for (name, text) in [(dockerfile, text), (".dockerignore", &ignored)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        tar.append_data(&mut header, name, text.as_bytes())?;
    }
    tar.into_inner().map(Bytes::from)
}

/// The first `length` bytes of the file, then `tail`.
pub(super) fn stream(file: tokio::fs::File, length: u64, tail: Bytes) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let pieces = futures_util::stream::try_unfold(file.take(length), |mut file| async move {
        let mut piece = Vec::with_capacity(PIECE);
        let mut part = (&mut file).take(PIECE as u64);
        part.read_to_end(&mut piece).await?;
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
    });
    pieces.chain(futures_util::stream::once(async move { Ok(tail) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[tokio::test]
    async fn the_dockerfile_comes_after_all_files_of_the_repository() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut tar = tar::Builder::new(file.reopen().unwrap());
        let name = dockerfile_name("b1");
        for (path, size) in [(name.as_str(), 3), ("zeros", 2048), ("empty", 0)] {
            let mut header = tar::Header::new_gnu();
            header.set_size(size);
            tar.append_data(&mut header, path, io::repeat(0).take(size)).unwrap();
        }
        tar.finish().unwrap();
        let end = end_of_tar(file.path()).unwrap();
        let tail = last_entries(&name, "FROM x\n").unwrap();
        let opened = tokio::fs::File::open(file.path()).await.unwrap();
        let pieces: Vec<_> = stream(opened, end, tail).collect().await;
        let whole: Vec<u8> = pieces.into_iter().flat_map(Result::unwrap).collect();
        let mut archive = tar::Archive::new(&whole[..]);
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            seen.push((path, text));
        }
        assert_eq!(seen.len(), 5);
        assert_eq!(seen[1].1.len(), 2048);
        assert_eq!(seen[3], (name.clone(), "FROM x\n".to_owned()));
        assert_eq!(seen[4].0, ".dockerignore");
        assert!(seen[4].1.contains(&name));
    }

    #[test]
    fn an_empty_context_is_valid() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(end_of_tar(file.path()).unwrap(), 0);
    }
}
