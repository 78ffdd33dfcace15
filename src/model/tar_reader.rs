//! Tar archives, entry by entry, as Go's `archive/tar` reads them. Engines use that reader and its writer.
//!
//! Layers from a registry, outputs of jobs and files of an image are all read here. The reader holds one header at a
//! time and limits the size of extended headers. An archive is broken wherever the position of the next header is in
//! doubt. The reader creates no file and follows no name: its callers decide what an entry means.

use std::io::{self, Read};

use tar::{EntryType, Header};

const BLOCK: usize = 512;

/// An entry: its header, and the values of extended headers, which replace those of the header.
#[derive(Debug, Clone)]
pub(crate) struct TarEntry {
    pub header: Header,
    /// The whole name, in the archive's own bytes.
    pub path: Vec<u8>,
    /// The target of a link.
    pub link: Vec<u8>,
    /// Bytes of content.
    pub size: u64,
    /// The entry is a sparse file in the format of GNU tar.
    pub sparse: bool,
    /// A header in another format than POSIX's local extended header was among those before the entry.
    pub has_foreign_headers: bool,
}

impl TarEntry {
    pub(crate) fn kind(&self) -> EntryType {
        self.header.entry_type()
    }
}

/// Why an archive cannot be read further.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not a tar archive, or it ends in the middle of an entry.
    #[error("the archive is broken")]
    Broken,
    #[error("an extended header of the archive is too long")]
    HeaderTooLong,
}

impl From<TarError> for io::Error {
    fn from(error: TarError) -> Self {
        match error {
            TarError::Io(error) => error,
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}

/// Reads an archive from its start.
#[derive(Debug)]
pub(crate) struct TarReader<R> {
    source: R,
    extended_bytes_max: u64,
    /// Bytes between here and the next header.
    left: u64,
    /// Those of them that are content. The rest is padding.
    content: u64,
}

impl<R: Read> TarReader<R> {
    /// An extended header may have `extended_bytes_max` bytes.
    pub(crate) fn new(source: R, extended_bytes_max: u64) -> Self {
        Self { source, extended_bytes_max, left: 0, content: 0 }
    }

    /// The next entry. `None` at the first empty block or at the end of the source.
    ///
    /// # Errors
    /// When the archive is broken, an extended header is too long, or the source fails.
    pub(crate) fn next_entry(&mut self) -> Result<Option<TarEntry>, TarError> {
        let mut extended = Extended::default();
        loop {
            self.skip()?;
            let Some((header, size)) = self.header()? else {
                return Ok(None);
            };
            let kind = header.entry_type();
            if !is_extension(kind) {
                let entry = extended.applied_to(header, size);
                self.content = entry.size;
                self.left = padded(entry.size);
                return Ok(Some(entry));
            }
            if size > self.extended_bytes_max {
                return Err(TarError::HeaderTooLong);
            }
            let mut text = vec![0; usize::try_from(padded(size)).map_err(|_| TarError::HeaderTooLong)?];
            if read_full(&mut self.source, &mut text)? != text.len() {
                return Err(TarError::Broken);
            }
            text.truncate(usize::try_from(size).unwrap_or_default());
            extended.read(kind, &text).ok_or(TarError::Broken)?;
        }
    }

    /// The content of the current entry, as far as it was not read before.
    pub(crate) fn content(&mut self) -> impl Read + '_ {
        Content(self)
    }

    fn header(&mut self) -> Result<Option<(Header, u64)>, TarError> {
        let mut block = [0; BLOCK];
        match read_full(&mut self.source, &mut block)? {
            BLOCK if block != [0; BLOCK] => {}
            0 | BLOCK => return Ok(None),
            _ => return Err(TarError::Broken),
        }
        let header = Header::from_byte_slice(&block).clone();
        match header.entry_size() {
            Ok(size) if has_checksum(&block, &header) => Ok(Some((header, size))),
            _ => Err(TarError::Broken),
        }
    }

    /// Moves to the next header.
    fn skip(&mut self) -> Result<(), TarError> {
        let skipped = io::copy(&mut (&mut self.source).take(self.left), &mut io::sink())?;
        if skipped != self.left {
            return Err(TarError::Broken);
        }
        (self.left, self.content) = (0, 0);
        Ok(())
    }
}

struct Content<'a, R>(&'a mut TarReader<R>);

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let reader = &mut *self.0;
        let read = (&mut reader.source).take(reader.content).read(buffer)?;
        reader.content -= read as u64;
        reader.left -= read as u64;
        Ok(read)
    }
}

/// Whether an entry only describes the one after it, or all that follow.
fn is_extension(kind: EntryType) -> bool {
    kind.is_pax_local_extensions()
        || kind.is_pax_global_extensions()
        || kind.is_gnu_longname()
        || kind.is_gnu_longlink()
}

/// The values of extended headers, as far as they matter here. The last header of a name wins.
#[derive(Debug, Default, PartialEq, Eq)]
struct Extended {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
    foreign: bool,
}

impl Extended {
    /// `None` if the header is broken.
    fn read(&mut self, kind: EntryType, text: &[u8]) -> Option<()> {
        let foreign = self.foreign || !kind.is_pax_local_extensions();
        let until_zero = || text.split(|byte| *byte == 0).next().map(<[u8]>::to_vec);
        if kind.is_gnu_longname() {
            self.long_name = until_zero();
        } else if kind.is_gnu_longlink() {
            self.long_link = until_zero();
        } else if kind.is_pax_global_extensions() {
            // Engines pass over it, like an entry of its own.
            *self = Self::default();
        } else {
            let records = Self::records(text)?;
            let (long_name, long_link) = (self.long_name.take(), self.long_link.take());
            *self = Self { long_name, long_link, ..records };
        }
        self.foreign = foreign;
        Some(())
    }

    /// Reads records of the form `length key=value\n`. The length counts all of the record, so a value may hold line
    /// ends and text that looks like another record.
    fn records(mut text: &[u8]) -> Option<Self> {
        let mut found = Self::default();
        while !text.is_empty() {
            let space = text.iter().position(|b| *b == b' ')?;
            let length: usize = str::from_utf8(&text[..space]).ok()?.parse().ok()?;
            let record = text.get(space + 1..length)?.strip_suffix(b"\n")?;
            let equals = record.iter().position(|b| *b == b'=')?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            let given = || (!value.is_empty()).then(|| value.to_vec());
            match key {
                b"path" => found.path = given(),
                b"linkpath" => found.link = given(),
                b"size" if value.is_empty() => found.size = None,
                b"size" => found.size = Some(str::from_utf8(value).ok()?.parse().ok()?),
                _ if key.starts_with(b"GNU.sparse.") => found.sparse = true,
                _ => {}
            }
            text = &text[length..];
        }
        Some(found)
    }

    fn applied_to(self, header: Header, size: u64) -> TarEntry {
        let plain_path = || header.path_bytes().into_owned();
        let plain_link = || header.link_name_bytes().unwrap_or_default().into_owned();
        TarEntry {
            path: self.long_name.or(self.path).unwrap_or_else(plain_path),
            link: self.long_link.or(self.link).unwrap_or_else(plain_link),
            size: self.size.unwrap_or(size),
            sparse: self.sparse || header.entry_type() == EntryType::GNUSparse,
            has_foreign_headers: self.foreign,
            header,
        }
    }
}

/// Whether the checksum is right. It is the sum of the block's bytes, with blanks instead of the checksum itself.
fn has_checksum(block: &[u8; BLOCK], header: &Header) -> bool {
    const CHECKSUM: std::ops::Range<usize> = 148..156;
    let bytes = block.iter().enumerate();
    let sum: u32 =
        bytes.map(|(at, byte)| if CHECKSUM.contains(&at) { u32::from(b' ') } else { u32::from(*byte) }).sum();
    header.cksum().is_ok_and(|written| written == sum)
}

fn padded(size: u64) -> u64 {
    size.div_ceil(BLOCK as u64).saturating_mul(BLOCK as u64)
}

/// Fills the buffer as far as the source goes.
fn read_full(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(records: &[(&str, &[u8])], kind: EntryType, content: &[u8]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        if !records.is_empty() {
            tar.append_pax_extensions(records.iter().copied()).unwrap();
        }
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_path("short").unwrap();
        header.set_link_name("target").unwrap();
        header.set_cksum();
        tar.append(&header, content).unwrap();
        tar.into_inner().unwrap()
    }

    fn entry(bytes: &[u8]) -> TarEntry {
        TarReader::new(bytes, 1024).next_entry().unwrap().unwrap()
    }

    #[test]
    fn extended_headers_replace_the_name_the_link_and_the_size() {
        let plain = entry(&archive(&[], EntryType::Symlink, b""));
        assert_eq!((&plain.path[..], &plain.link[..]), (&b"short"[..], &b"target"[..]));
        let records: &[(&str, &[u8])] = &[("path", b"a\nb"), ("linkpath", b"/c"), ("size", b"3")];
        let extended = entry(&archive(records, EntryType::Symlink, b""));
        assert_eq!((&extended.path[..], &extended.link[..]), (&b"a\nb"[..], &b"/c"[..]));
        assert_eq!(extended.size, 3);
        let empty: &[(&str, &[u8])] = &[("path", b""), ("size", b"")];
        let kept = entry(&archive(empty, EntryType::Regular, b"xy"));
        assert_eq!((&kept.path[..], kept.size), (&b"short"[..], 2));
        assert!(!kept.sparse && !kept.has_foreign_headers);
        let sparse: &[(&str, &[u8])] = &[("GNU.sparse.major", b"1")];
        assert!(entry(&archive(sparse, EntryType::Regular, b"")).sparse);
    }

    #[test]
    fn content_is_read_or_skipped() {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, content) in [("a", &[1; 700][..]), ("b", &[2; 700]), ("c", b"")] {
            let mut header = Header::new_gnu();
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, path, content).unwrap();
        }
        let bytes = tar.into_inner().unwrap();
        let mut reader = TarReader::new(&bytes[..], 1024);
        let mut content = [0; 100];
        reader.next_entry().unwrap().unwrap();
        reader.content().read_exact(&mut content).unwrap();
        assert_eq!(content, [1; 100]);
        assert_eq!(reader.next_entry().unwrap().unwrap().path, b"b");
        let mut all = Vec::new();
        reader.content().read_to_end(&mut all).unwrap();
        assert_eq!(all, [2; 700]);
        assert_eq!(reader.next_entry().unwrap().unwrap().path, b"c");
        assert!(reader.next_entry().unwrap().is_none());
    }

    #[test]
    fn names_in_the_format_of_gnu_are_read_and_reported() {
        let long = "x".repeat(200);
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.set_size(0);
        tar.append_data(&mut header, &long, &b""[..]).unwrap();
        let entry = entry(&tar.into_inner().unwrap());
        assert_eq!(entry.path, long.as_bytes());
        assert!(entry.has_foreign_headers);
    }

    #[test]
    fn broken_archives_are_refused() {
        let good = archive(&[("path", b"name")], EntryType::Regular, &[1; 700]);
        let error = |bytes: &[u8]| {
            let mut reader = TarReader::new(bytes, 1024);
            loop {
                match reader.next_entry() {
                    Ok(Some(_)) => {}
                    Ok(None) => return None,
                    Err(error) => return Some(error),
                }
            }
        };
        assert!(error(&good).is_none());
        for length in [100, 512, 700, 1600, 2000] {
            let end = error(&good[..length]);
            assert!(matches!(end, Some(TarError::Broken)), "{length}: {end:?}");
        }
        let mut changed = good.clone();
        changed[0] ^= 1;
        assert!(matches!(error(&changed), Some(TarError::Broken)));
        assert!(matches!(error(&[1; 4096]), Some(TarError::Broken)));
        let long: &[(&str, &[u8])] = &[("comment", &[b'x'; 2000])];
        let long = archive(long, EntryType::Regular, b"");
        assert!(matches!(error(&long), Some(TarError::HeaderTooLong)));
    }

    #[test]
    fn broken_records_are_refused() {
        for bad in ["9 size=x\n", "99 a=b\n", "x a=b\n", "5 a=b", "0 a=b\n", "1 a=b\n"] {
            assert_eq!(Extended::records(bad.as_bytes()), None, "{bad}");
        }
    }
}
