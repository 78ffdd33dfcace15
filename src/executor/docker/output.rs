//! The files that a job wrote, read after its end.
//!
//! The engine sends the output directory as a tar archive through the output volume keeper. Referee made the file
//! system of that container, so no path of a participant's image is resolved. The reader follows no link, creates only
//! regular files, and limits every count. A sparse file of 100 GB is refused by its header, before its zeros are sent.
//! The engine's archive contains no sockets.
//!
//! Participants choose the names. A name that Referee cannot store counts as a bad name, not as a platform error.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path};

use tar::EntryType;

use super::archive_stream::EXTENDED_BYTES_MAX;
use super::connection::DockerEngine;
use super::{own_programs, sandbox};
use crate::executor::{ExecutorError, OutputSpec, Result};
use crate::model::tar_reader::{TarEntry, TarReader};
use crate::model::{OutputLimitHit, OutputListing, limits};

impl DockerEngine {
    /// Copies the output from the keeper into the directory `into`.
    pub(super) async fn download(&self, keeper: &str, output: &OutputSpec, into: &Path) -> Result<OutputListing> {
        let (output, into) = (output.clone(), into.to_owned());
        let read = self.read_archive(keeper, own_programs::OUTPUT, move |archive| {
            fs::create_dir_all(&into)?;
            read_output(archive, &output, &into)
        });
        read.await??.map_err(ExecutorError::Staging)
    }
}

/// Reads an archive of one directory. Its regular files go into `into`; everything is listed.
fn read_output(archive: impl Read, output: &OutputSpec, into: &Path) -> io::Result<OutputListing> {
    let mut listing = OutputListing::default();
    let mut tar = TarReader::new(archive, EXTENDED_BYTES_MAX);
    let (mut entries, mut pages) = (0, 0);
    while let Some(entry) = tar.next_entry()? {
        // The engine writes only local extended headers.
        if entry.has_foreign_headers {
            return Err(io::Error::other("the engine's archive has unknown headers"));
        }
        let path = name_of(&entry.path);
        if path == Name::Root {
            continue;
        }
        if let Some(limit) = limit_before_content(&entry, &path, entries, output) {
            listing.truncated = Some(limit);
            return Ok(listing);
        }
        entries += 1;
        let Name::Good(path) = path else {
            listing.refused_names += 1;
            continue;
        };
        if !is_file(entry.kind()) {
            let other = kind_name(entry.kind());
            listing.others.extend(other.map(|kind| (path, kind.to_owned())));
            continue;
        }
        pages += sandbox::pages(entry.size);
        if listing.bytes.saturating_add(entry.size) > output.bytes || pages > sandbox::pages(output.bytes) {
            listing.truncated = Some(OutputLimitHit::Bytes);
            return Ok(listing);
        }
        match store(tar.content(), entry.size, &into.join(&path)) {
            Ok(()) => {
                listing.bytes += entry.size;
                listing.files.insert(path, entry.size);
            }
            Err(e) if is_caused_by_name(&e) => listing.refused_names += 1,
            Err(e) => return Err(e),
        }
    }
    Ok(listing)
}

/// The limit that this entry exceeds, whatever its content is. `before` entries were read before it.
fn limit_before_content(entry: &TarEntry, name: &Name, before: u64, output: &OutputSpec) -> Option<OutputLimitHit> {
    // The engine writes an extended size only for files that do not fit into a plain header, from 8 GiB on.
    if entry.header.entry_size().ok() != Some(entry.size) {
        return Some(OutputLimitHit::Bytes);
    }
    if *name == Name::TooDeep {
        return Some(OutputLimitHit::Depth);
    }
    (before >= output.files).then_some(OutputLimitHit::Files)
}

fn is_file(kind: EntryType) -> bool {
    matches!(kind, EntryType::Regular | EntryType::Continuous)
}

/// The name of a kind of file that an output must not contain. `None` for a directory.
fn kind_name(kind: EntryType) -> Option<&'static str> {
    match kind {
        EntryType::Directory => None,
        EntryType::Symlink => Some("symlink"),
        EntryType::Link => Some("hard link"),
        EntryType::Fifo => Some("fifo"),
        EntryType::Char | EntryType::Block => Some("device"),
        _ => Some("unknown"),
    }
}

/// Whether the same call with another name would have succeeded.
fn is_caused_by_name(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AlreadyExists
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::InvalidFilename
    )
}

/// Writes a file and the directories above it. The names were checked before, and links are never created.
fn store(mut content: impl Read, size: u64, path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = fs::File::create(path)?;
    let copied = io::copy(&mut content, &mut file)?;
    if copied != size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// A path of the archive, checked.
#[derive(Debug, PartialEq, Eq)]
enum Name {
    /// The output directory itself.
    Root,
    Good(String),
    Bad,
    TooDeep,
}

/// The first part is the requested directory. Every other part must be `[A-Za-z0-9._-]{1,128}`, because pages, paths
/// and reports contain these names.
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
    let Some((_directory, parts)) = parts.split_first().filter(|(_, rest)| !rest.is_empty()) else {
        return Name::Root;
    };
    if parts.len() > limits::OUTPUT_DEPTH_MAX {
        return Name::TooDeep;
    }
    let good = |part: &&str| {
        part.len() <= limits::OUTPUT_NAME_CHARS_MAX
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    if parts.iter().all(good) { Name::Good(parts.join("/")) } else { Name::Bad }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: OutputSpec = OutputSpec { target: String::new(), bytes: 10_000, files: 8 };

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
    fn regular_files_are_copied_and_everything_else_is_listed() {
        let (listing, into) = Made::new()
            .add("output/a", EntryType::Directory, b"")
            .add("output/a/mask.png", EntryType::Regular, b"mask")
            .add("output/link", EntryType::Symlink, b"")
            .add("output/hard", EntryType::Link, b"")
            .add("output/pipe", EntryType::Fifo, b"")
            .add("output/null", EntryType::Char, b"")
            .read();
        assert_eq!(listing.files.keys().collect::<Vec<_>>(), ["a/mask.png"]);
        let others: Vec<_> = listing.others.iter().map(|(name, kind)| format!("{name}: {kind}")).collect();
        assert_eq!(others, ["hard: hard link", "link: symlink", "null: device", "pipe: fifo"]);
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
        assert_eq!(listing.refused_names, 5);
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
            made.0.append_pax_extensions([("path", name.as_bytes())]).unwrap();
            made.add("output/short", EntryType::Regular, b"1");
        }
        let (listing, into) = made.add("output/z", EntryType::Regular, b"1").read();
        assert_eq!(listing.refused_names, 3);
        assert_eq!(listing.files.keys().collect::<Vec<_>>(), ["a", "z"]);
        assert_eq!(fs::read_dir(into.path()).unwrap().count(), 2);
    }

    #[test]
    fn extended_headers_name_the_entry_after_them() {
        let long = format!("output/{}", "x".repeat(120));
        let mut made = Made::new();
        made.0.append_pax_extensions([("path", long.as_bytes())]).unwrap();
        let (listing, _) =
            made.add("output/short", EntryType::Regular, b"1").add("output/y", EntryType::Regular, b"1").read();
        let names: Vec<_> = listing.files.keys().map(String::len).collect();
        assert_eq!(names, [120, 1]);
    }

    #[test]
    fn names_that_conflict_are_refused_names() {
        for (first, second) in [("output/a", "output/a/b"), ("output/c/d", "output/c")] {
            let (listing, _) =
                Made::new().add(first, EntryType::Regular, b"1").add(second, EntryType::Regular, b"1").read();
            assert_eq!((listing.refused_names, listing.files.len()), (1, 1), "{second}");
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
