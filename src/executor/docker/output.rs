//! Reading what a job wrote, after its end.
//!
//! The engine sends the output directory as a tar stream, through the holder: its file system
//! was made by us, so no path of a participant's image is resolved. Nothing is followed, nothing
//! but regular files is created, and every count has a cap: a sparse file of 100 GB is refused
//! by its header, before its zeros are sent. Sockets do not appear: the engine's archive leaves
//! them out.
//!
//! Names are the participant's. One that is not ASCII stands in an extended header, whose records are told apart by
//! their lengths alone: a line end within a name must not make a second record of the rest. And whatever a name does to
//! the file system here is counted as a bad name, not as a fault of ours.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path};

use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use bytes::Bytes;
use futures_util::StreamExt;
use tar::{Entry, EntryType};
use tokio::sync::mpsc;

use super::{DockerEngine, programs, refusal, sandbox};
use crate::executor::{ExecutorError, OutputSpec, Result};
use crate::model::{OutputLimitHit, OutputListing, limits};

/// A name and its attributes; the kernel allows 4 KiB and 64 KiB of them.
const EXTENDED_BYTES_MAX: u64 = 256 * 1024;

impl DockerEngine {
    /// Streams the output from the holder into the directory `into`.
    pub(super) async fn download(
        &self,
        holder: &str,
        output: &OutputSpec,
        into: &Path,
    ) -> Result<OutputListing> {
        let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(16);
        let (output, into) = (output.clone(), into.to_owned());
        let reading = tokio::task::spawn_blocking(move || {
            fs::create_dir_all(&into)?;
            read_output(Pieces::new(receiver), &output, &into)
        });
        self.send_archive((holder, programs::OUTPUT), sender)
            .await?;
        reading
            .await
            .map_err(|panic| ExecutorError::Staging(io::Error::other(panic)))?
            .map_err(ExecutorError::Staging)
    }

    /// Passes the archive on until it ends or the reader has seen enough.
    pub(super) async fn send_archive(
        &self,
        (container, path): (&str, &str),
        sender: mpsc::Sender<io::Result<Bytes>>,
    ) -> Result<()> {
        let unreachable = |why: String| ExecutorError::Unreachable(format!("archive: {why}"));
        let client = self.client().map_err(|e| unreachable(e.to_string()))?;
        let options = DownloadFromContainerOptionsBuilder::default()
            .path(path)
            .build();
        let mut stream = std::pin::pin!(client.download_from_container(container, Some(options)));
        loop {
            let limit = limits::ENGINE_CALL_TIME.std();
            let failure = match tokio::time::timeout(limit, stream.next()).await {
                Ok(None) => return Ok(()),
                Ok(Some(Ok(piece))) => match sender.send(Ok(piece)).await {
                    Ok(()) => continue,
                    Err(_) => return Ok(()), // the reader has stopped on purpose
                },
                Ok(Some(Err(error))) => match refusal(error) {
                    Ok(refusal) => refusal.into(),
                    Err(why) => unreachable(why),
                },
                Err(_) => unreachable("it stalls".to_owned()),
            };
            // Or the reader would take the break for the end.
            let _ = sender.send(Err(io::Error::other("broken off"))).await;
            return Err(failure);
        }
    }
}

/// Pieces that arrive from an async stream, read as one from a blocking thread.
pub(super) struct Pieces {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Pieces {
    pub(super) fn new(receiver: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        let piece = Bytes::new();
        Self { receiver, piece }
    }
}

impl Read for Pieces {
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

/// Reads a tar of one directory: its regular files go into `into`, everything is listed.
fn read_output(tar: impl Read, output: &OutputSpec, into: &Path) -> io::Result<OutputListing> {
    let mut listing = OutputListing::default();
    let mut archive = tar::Archive::new(tar);
    let (mut entries, mut pages) = (0, 0);
    let mut said = Extended::default();
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        if kind.is_pax_local_extensions() {
            said = extended(&mut entry)?;
            continue;
        }
        // The engine writes no other headers that stand for themselves.
        if kind.is_pax_global_extensions() || kind.is_gnu_longname() || kind.is_gnu_longlink() {
            return Err(io::Error::other(
                "the engine writes its archive in an unknown way",
            ));
        }
        let Extended { path, size, .. } = std::mem::take(&mut said);
        // Only of files that do not fit into a plain header, 8 GiB; where the next one begins is then unknown.
        if size.is_some_and(|size| size != entry.size()) {
            listing.truncated = Some(OutputLimitHit::Bytes);
            return Ok(listing);
        }
        let path = path.unwrap_or_else(|| entry.path_bytes().into_owned());
        let path = match name_of(&path) {
            Name::Root => continue,
            Name::Bad => None,
            Name::TooDeep => {
                listing.truncated = Some(OutputLimitHit::Depth);
                return Ok(listing);
            }
            Name::Good(path) => Some(path),
        };
        entries += 1;
        if entries > output.files {
            listing.truncated = Some(OutputLimitHit::Files);
            return Ok(listing);
        }
        let Some(path) = path else {
            listing.bad_names += 1;
            continue;
        };
        if let Some(other) = other_than_file(kind) {
            listing
                .others
                .extend(other.map(|what| (path, what.to_owned())));
            continue;
        }
        let length = entry.size();
        pages += sandbox::pages(length);
        if listing.bytes.saturating_add(length) > output.bytes
            || pages > sandbox::pages(output.bytes)
        {
            listing.truncated = Some(OutputLimitHit::Bytes);
            return Ok(listing);
        }
        match store(&mut entry, &into.join(&path)) {
            Ok(()) => {
                listing.bytes += length;
                listing.files.insert(path, length);
            }
            Err(e) if is_of_the_name(&e) => listing.bad_names += 1,
            Err(e) => return Err(e),
        }
    }
    Ok(listing)
}

/// `None` for a regular file, `Some(None)` for a directory, else what it is.
fn other_than_file(kind: EntryType) -> Option<Option<&'static str>> {
    match kind {
        EntryType::Regular | EntryType::Continuous => None,
        EntryType::Directory => Some(None),
        EntryType::Symlink => Some(Some("symlink")),
        EntryType::Link => Some(Some("hard link")),
        EntryType::Fifo => Some(Some("fifo")),
        EntryType::Char | EntryType::Block => Some(Some("device")),
        _ => Some(Some("unknown")),
    }
}

/// What an extended header says of the entry after it, as far as it matters here.
#[derive(Debug, Default)]
pub(super) struct Extended {
    path: Option<Vec<u8>>,
    /// Where a link leads.
    pub link: Option<Vec<u8>>,
    size: Option<u64>,
}

/// Reads an extended header: records `length key=value\n`, where the length counts all of it.
pub(super) fn extended(entry: &mut Entry<impl Read>) -> io::Result<Extended> {
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "a broken extended header");
    let mut text = Vec::new();
    entry.take(EXTENDED_BYTES_MAX + 1).read_to_end(&mut text)?;
    if text.len() as u64 > EXTENDED_BYTES_MAX {
        return Err(broken());
    }
    let mut said = Extended::default();
    let mut rest = &text[..];
    while !rest.is_empty() {
        let space = rest.iter().position(|b| *b == b' ').ok_or_else(broken)?;
        let length = str::from_utf8(&rest[..space])
            .ok()
            .and_then(|t| t.parse().ok());
        let length: usize = length.ok_or_else(broken)?;
        let record = rest.get(space + 1..length).ok_or_else(broken)?;
        if let Some(path) = record.strip_prefix(b"path=") {
            said.path = Some(path.strip_suffix(b"\n").unwrap_or(path).to_vec());
        } else if let Some(link) = record.strip_prefix(b"linkpath=") {
            said.link = Some(link.strip_suffix(b"\n").unwrap_or(link).to_vec());
        } else if let Some(size) = record.strip_prefix(b"size=") {
            let size = str::from_utf8(size)
                .ok()
                .and_then(|t| t.trim_end().parse().ok());
            said.size = Some(size.ok_or_else(broken)?);
        }
        rest = &rest[length..];
    }
    Ok(said)
}

/// Whether an error is one that another name would not have had.
fn is_of_the_name(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AlreadyExists
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::InvalidFilename
    )
}

/// Directories come into being here, from names that were checked; links never do.
fn store(entry: &mut Entry<impl Read>, path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = fs::File::create(path)?;
    let copied = io::copy(entry, &mut file)?;
    if copied != entry.size() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// What becomes of a path in the archive.
#[derive(Debug, PartialEq, Eq)]
enum Name {
    /// The output directory itself.
    Root,
    Good(String),
    Bad,
    TooDeep,
}

/// The first part is the directory that was asked for. Every other part must be
/// `[A-Za-z0-9._-]{1,128}`: names go into pages, paths and reports.
fn name_of(path: &[u8]) -> Name {
    let Ok(text) = std::str::from_utf8(path) else {
        return Name::Bad;
    };
    let mut parts = Vec::new();
    for component in Path::new(text).components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str().unwrap_or_default()),
            Component::CurDir => {}
            _ => return Name::Bad,
        }
    }
    if parts.is_empty() {
        return Name::Root;
    }
    parts.remove(0);
    if parts.is_empty() {
        return Name::Root;
    }
    if parts.len() > limits::OUTPUT_DEPTH_MAX {
        return Name::TooDeep;
    }
    let good = |part: &&str| {
        part.len() <= limits::OUTPUT_NAME_CHARS_MAX
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    match parts.iter().all(good) {
        true => Name::Good(parts.join("/")),
        false => Name::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: OutputSpec = OutputSpec {
        target: String::new(),
        bytes: 10_000,
        files: 8,
    };

    struct Made(tar::Builder<Vec<u8>>);

    impl Made {
        fn new() -> Self {
            let mut made = Self(tar::Builder::new(Vec::new()));
            made.add("output/", EntryType::Directory, b"");
            made
        }

        fn add(&mut self, path: &str, kind: EntryType, content: &[u8]) -> &mut Self {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(0o644);
            header.set_size(content.len() as u64);
            if matches!(kind, EntryType::Symlink | EntryType::Link) {
                header.set_link_name("/etc/shadow").unwrap();
            }
            let name = &mut header.as_old_mut().name;
            name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            self.0.append(&header, content).unwrap();
            self
        }

        fn read(&mut self) -> (OutputListing, tempfile::TempDir) {
            let into = tempfile::tempdir().unwrap();
            let tar = self.0.get_ref().clone();
            (read_output(&tar[..], &CAP, into.path()).unwrap(), into)
        }
    }

    #[test]
    fn regular_files_are_copied_and_the_rest_is_named() {
        let (listing, into) = Made::new()
            .add("output/a", EntryType::Directory, b"")
            .add("output/a/mask.png", EntryType::Regular, b"mask")
            .add("output/link", EntryType::Symlink, b"")
            .add("output/hard", EntryType::Link, b"")
            .add("output/pipe", EntryType::Fifo, b"")
            .add("output/null", EntryType::Char, b"")
            .read();
        assert_eq!(listing.files.keys().collect::<Vec<_>>(), ["a/mask.png"]);
        let others: Vec<_> = listing
            .others
            .iter()
            .map(|(n, w)| format!("{n}: {w}"))
            .collect();
        assert_eq!(
            others,
            [
                "hard: hard link",
                "link: symlink",
                "null: device",
                "pipe: fifo"
            ]
        );
        assert_eq!(fs::read(into.path().join("a/mask.png")).unwrap(), b"mask");
        assert_eq!(fs::read_dir(into.path()).unwrap().count(), 1);
        assert_eq!(listing.truncated, None);
    }

    #[test]
    fn names_that_a_page_would_have_to_escape_are_counted_and_not_kept() {
        let long = format!("output/{}", "x".repeat(90));
        let (listing, into) = Made::new()
            .add("output/new\nline", EntryType::Regular, b"1")
            .add("output/<img>", EntryType::Regular, b"1")
            .add("output/../up", EntryType::Regular, b"1")
            .add("/output/abs", EntryType::Regular, b"1")
            .add("output/sp ace/in", EntryType::Regular, b"1")
            .add(&long, EntryType::Regular, b"1")
            .read();
        assert_eq!(listing.bad_names, 5);
        assert_eq!(listing.files.len(), 1);
        assert_eq!(fs::read_dir(into.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_name_with_line_ends_does_not_become_two_records() {
        let mut made = Made::new();
        made.add("output/a", EntryType::Regular, b"1");
        for forged in ["path=output/a/b", "size=4096", "path=output/forged"] {
            let record = format!("{} {forged}\n", forged.len() + 4);
            let name = format!("output/\u{e9}\n{record}x");
            made.0
                .append_pax_extensions([("path", name.as_bytes())])
                .unwrap();
            made.add("output/short", EntryType::Regular, b"1");
        }
        let (listing, into) = made.add("output/z", EntryType::Regular, b"1").read();
        assert_eq!(listing.bad_names, 3);
        assert_eq!(listing.files.keys().collect::<Vec<_>>(), ["a", "z"]);
        assert_eq!(fs::read_dir(into.path()).unwrap().count(), 2);
    }

    #[test]
    fn extended_headers_name_what_follows() {
        let long = format!("output/{}", "x".repeat(120));
        let mut made = Made::new();
        made.0
            .append_pax_extensions([("path", long.as_bytes())])
            .unwrap();
        let (listing, _) = made
            .add("output/short", EntryType::Regular, b"1")
            .add("output/y", EntryType::Regular, b"1")
            .read();
        let names: Vec<_> = listing.files.keys().map(String::len).collect();
        assert_eq!(names, [120, 1]);
    }

    #[test]
    fn names_that_are_in_each_others_way_are_bad_names() {
        for (first, second) in [("output/a", "output/a/b"), ("output/c/d", "output/c")] {
            let (listing, _) = Made::new()
                .add(first, EntryType::Regular, b"1")
                .add(second, EntryType::Regular, b"1")
                .read();
            assert_eq!((listing.bad_names, listing.files.len()), (1, 1), "{second}");
        }
    }

    #[test]
    fn reading_stops_at_the_first_limit() {
        let (bytes, _) = Made::new()
            .add("output/a", EntryType::Regular, &[0; 6_000])
            .add("output/b", EntryType::Regular, &[0; 6_000])
            .read();
        assert_eq!(bytes.truncated, Some(OutputLimitHit::Bytes));
        assert_eq!(bytes.files.len(), 1);

        let mut many = Made::new();
        for n in 0..9 {
            many.add(&format!("output/{n}"), EntryType::Regular, b"");
        }
        assert_eq!(many.read().0.truncated, Some(OutputLimitHit::Files));

        let deep = format!("output{}", "/d".repeat(17));
        let (deep, _) = Made::new().add(&deep, EntryType::Directory, b"").read();
        assert_eq!(deep.truncated, Some(OutputLimitHit::Depth));
    }

    #[test]
    fn an_archive_that_breaks_off_is_an_error_and_not_a_short_output() {
        let mut made = Made::new();
        made.add("output/a", EntryType::Regular, &[1; 6_000]);
        let tar = made.0.get_ref()[..4_000].to_vec();
        let into = tempfile::tempdir().unwrap();
        assert!(read_output(&tar[..], &CAP, into.path()).is_err());
    }
}
