//! Walks the tar of a layer from header to header, as the engine will, and stops at the first entry
//! that must not be there.
//!
//! It reads as Go's `archive/tar` does, which unpacks layers in engines. Where that reader and this
//! one could disagree about where the next header is, the layer is refused. No entry is kept in
//! memory; of extended headers no more than a bound.

use std::io::{self, Read};

use tar::{EntryType, Header};

use crate::model::limits;
use crate::rules::image_layer::{LayerEntryKind, forbidden_entry};

const BLOCK: u64 = 512;

/// What a layer's tar is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scan {
    /// All headers were read, and all may be there.
    Clean,
    /// It holds this, which must not be there.
    Holds(String),
    /// It is no tar, or breaks off.
    NotTar,
}

/// Reads up to the end mark, the end or the first forbidden entry.
///
/// # Errors
/// Those of the reader.
pub fn scan(reader: &mut impl Read) -> io::Result<Scan> {
    let mut walk = Walk::default();
    loop {
        let mut block = [0; BLOCK as usize];
        match read_full(reader, &mut block)? {
            0 => return Ok(Scan::Clean),
            BLOCK => {}
            _ => return Ok(Scan::NotTar),
        }
        if block == [0; BLOCK as usize] {
            return Ok(Scan::Clean);
        }
        let header = Header::from_byte_slice(&block);
        let size = match header.entry_size() {
            Ok(size) if is_header(&block, header) => size,
            _ => return Ok(Scan::NotTar),
        };
        let end = match walk.step(header, size, reader)? {
            Step::Skip(bytes) => skip(reader, bytes)?.then_some(Scan::Clean),
            Step::End(scan) => return Ok(scan),
        };
        if end.is_none() {
            return Ok(Scan::NotTar);
        }
    }
}

/// What has been said of the entry to come.
#[derive(Default)]
struct Walk {
    long_name: Option<String>,
    extended: Extended,
}

enum Step {
    /// So many bytes of content follow.
    Skip(u64),
    End(Scan),
}

impl Walk {
    fn step(&mut self, header: &Header, size: u64, reader: &mut impl Read) -> io::Result<Step> {
        let kind = header.entry_type();
        let about_next = kind.is_pax_local_extensions() || kind.is_gnu_longname();
        if about_next || kind.is_gnu_longlink() || kind.is_pax_global_extensions() {
            if size > limits::LAYER_HEADER_BYTES_MAX {
                let message = "a header that is too long".to_owned();
                return Ok(Step::End(Scan::Holds(message)));
            }
            let mut text = vec![0; padded(size) as usize];
            if read_full(reader, &mut text)? != text.len() as u64 {
                return Ok(Step::End(Scan::NotTar));
            }
            text.truncate(size as usize);
            if kind.is_gnu_longname() {
                let end = text.iter().position(|b| *b == 0).unwrap_or(text.len());
                self.long_name = Some(String::from_utf8_lossy(&text[..end]).into_owned());
            } else if kind.is_pax_local_extensions() {
                match Extended::read(&text) {
                    Some(extended) => self.extended = extended,
                    None => return Ok(Step::End(Scan::NotTar)),
                }
            } else if kind.is_pax_global_extensions() {
                *self = Self::default(); // an entry of its own, which engines pass over
            }
            return Ok(Step::Skip(0));
        }
        let said = std::mem::take(self);
        Ok(entry(header, size, said))
    }
}

/// Judges an entry, and tells how long its content is.
fn entry(header: &Header, size: u64, said: Walk) -> Step {
    let size = said.extended.size.unwrap_or(size);
    let plain = || String::from_utf8_lossy(&header.path_bytes()).into_owned();
    let path = said.long_name.or(said.extended.path).unwrap_or_else(plain);
    let kind = header.entry_type();
    let judged = match kind {
        _ if said.extended.sparse => LayerEntryKind::Sparse,
        EntryType::GNUSparse => LayerEntryKind::Sparse,
        EntryType::Char | EntryType::Block => LayerEntryKind::Device,
        EntryType::Symlink => LayerEntryKind::Symlink,
        _ => LayerEntryKind::Other,
    };
    if let Some(message) = forbidden_entry(judged, &path) {
        return Step::End(Scan::Holds(message));
    }
    // In the oldest format a file whose name ends in `/` is a directory, and has no content.
    let old_directory = header.as_old().linkflag == [0] && (path.ends_with('/') || path.is_empty());
    let no_content = matches!(
        kind,
        EntryType::Link
            | EntryType::Symlink
            | EntryType::Char
            | EntryType::Block
            | EntryType::Directory
            | EntryType::Fifo
    );
    match size {
        0 => Step::Skip(0),
        _ if no_content || old_directory => {
            let message = "an entry that can be read in two ways".to_owned();
            Step::End(Scan::Holds(message))
        }
        _ => Step::Skip(size),
    }
}

/// The records of an extended header that matter here; the last of a name wins.
#[derive(Debug, Default, PartialEq, Eq)]
struct Extended {
    path: Option<String>,
    size: Option<u64>,
    sparse: bool,
}

impl Extended {
    /// Each record is `length key=value\n`, where the length counts all of it: values may hold
    /// line ends.
    fn read(mut text: &[u8]) -> Option<Self> {
        let mut found = Self::default();
        while !text.is_empty() {
            let space = text.iter().position(|b| *b == b' ')?;
            let length: usize = str::from_utf8(&text[..space]).ok()?.parse().ok()?;
            let record = text.get(space + 1..length)?.strip_suffix(b"\n")?;
            let equals = record.iter().position(|b| *b == b'=')?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            match key {
                b"path" => found.path = Some(String::from_utf8_lossy(value).into_owned()),
                b"size" if value.is_empty() => found.size = None,
                b"size" => found.size = Some(str::from_utf8(value).ok()?.parse().ok()?),
                _ if key.starts_with(b"GNU.sparse.") => found.sparse = true,
                _ => {}
            }
            text = &text[length..];
        }
        found.path = found.path.filter(|path| !path.is_empty());
        Some(found)
    }
}

/// Whether the checksum, over the block with blanks in the checksum's place, is right.
fn is_header(block: &[u8; BLOCK as usize], header: &Header) -> bool {
    const CHECKSUM: std::ops::Range<usize> = 148..156;
    let sum = block.iter().enumerate().map(|(at, byte)| match at {
        at if CHECKSUM.contains(&at) => u32::from(b' '),
        _ => u32::from(*byte),
    });
    header.cksum().is_ok_and(|said| said == sum.sum::<u32>())
}

fn padded(size: u64) -> u64 {
    size.div_ceil(BLOCK).saturating_mul(BLOCK)
}

/// Whether all of an entry's content was there.
fn skip(reader: &mut impl Read, size: u64) -> io::Result<bool> {
    let wanted = padded(size);
    let skipped = io::copy(&mut reader.take(wanted), &mut io::sink())?;
    Ok(skipped == wanted)
}

/// Fills the buffer as far as the reader goes.
fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<u64> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(tar: &mut tar::Builder<Vec<u8>>, kind: EntryType, path: &str, content: &[u8]) {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        if kind.is_symlink() {
            tar.append_link(&mut header, path, "target").unwrap();
        } else {
            tar.append_data(&mut header, path, content).unwrap();
        }
    }

    fn tar_of(entries: &[(EntryType, &str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (kind, path, content) in entries {
            add(&mut tar, *kind, path, content);
        }
        tar.into_inner().unwrap()
    }

    fn scanned(mut bytes: &[u8]) -> Scan {
        scan(&mut bytes).unwrap()
    }

    fn holds(bytes: &[u8]) -> String {
        match scanned(bytes) {
            Scan::Holds(message) => message,
            other => panic!("{other:?}"),
        }
    }

    /// An extended header with these records, and a file after it.
    fn extended(records: &[(&str, &[u8])], content: &[u8]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_pax_extensions(records.iter().copied()).unwrap();
        add(&mut tar, EntryType::Regular, "file", content);
        tar.into_inner().unwrap()
    }

    #[test]
    fn plain_layers_are_clean() {
        let long = "a/".repeat(150) + "file";
        let entries = [
            (EntryType::Directory, "dev/", &b""[..]),
            (EntryType::Char, "dev/null", b""),
            (EntryType::Regular, long.as_str(), &[7; 1500]),
            (EntryType::Symlink, "bin", b""),
            (EntryType::Fifo, "pipe", b""),
            (EntryType::Regular, "last", b"x"),
        ];
        assert_eq!(scanned(&tar_of(&entries)), Scan::Clean);
        assert_eq!(scanned(&tar_of(&[])), Scan::Clean);
        assert_eq!(scanned(b""), Scan::Clean);
        let xattr: &[(&str, &[u8])] = &[("SCHILY.xattr.user.x", b"a\n9 size=9\n")];
        assert_eq!(scanned(&extended(xattr, b"content")), Scan::Clean);
    }

    #[test]
    fn forbidden_entries_are_found_wherever_they_are() {
        let behind = |kind: EntryType, path: &str| {
            holds(&tar_of(&[
                (EntryType::Regular, "first", &[1; 700]),
                (kind, path, b""),
            ]))
        };
        assert!(behind(EntryType::Block, "app/sda").starts_with("a device file"));
        assert!(behind(EntryType::Symlink, "proc").starts_with("a link"));
        assert!(behind(EntryType::GNUSparse, "x").starts_with("a sparse file"));
        let sparse: &[(&str, &[u8])] = &[("GNU.sparse.major", b"1")];
        assert!(holds(&extended(sparse, b"x")).starts_with("a sparse file"));
        // The long name counts, not the short one beside it.
        let renamed: &[(&str, &[u8])] = &[("path", b"dev/../sda")];
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_pax_extensions(renamed.iter().copied()).unwrap();
        add(&mut tar, EntryType::Char, "dev/null", b"");
        assert!(holds(&tar.into_inner().unwrap()).starts_with("a device file"));
    }

    #[test]
    fn an_extended_size_decides_where_the_next_header_is() {
        let mut tar = tar::Builder::new(Vec::new());
        let size: &[(&str, &[u8])] = &[("size", b"1024")];
        tar.append_pax_extensions(size.iter().copied()).unwrap();
        add(&mut tar, EntryType::Regular, "file", b"");
        let mut bytes = tar.into_inner().unwrap();
        bytes.truncate(bytes.len() - 1024); // the end mark
        bytes.extend([1; 1024]);
        bytes.extend(tar_of(&[(EntryType::Char, "sda", b"")]));
        assert!(holds(&bytes).starts_with("a device file"));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for kind in [EntryType::Directory, EntryType::Link, EntryType::Fifo] {
            let bytes = tar_of(&[(kind, "x", &[0; 512])]);
            assert!(holds(&bytes).contains("two ways"), "{kind:?}");
        }
        let mut header = Header::new_old();
        header.as_mut_bytes()[..2].copy_from_slice(b"x/");
        header.as_mut_bytes()[156] = 0;
        header.set_size(512);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend([0; 1536]);
        assert!(holds(&bytes).contains("two ways"));
    }

    #[test]
    fn what_is_no_tar_is_told_apart() {
        let good = tar_of(&[(EntryType::Regular, "a", &[1; 700])]);
        assert_eq!(scanned(&good[..1000]), Scan::NotTar);
        assert_eq!(scanned(&good[..100]), Scan::NotTar);
        assert_eq!(scanned(&[1; 4096]), Scan::NotTar);
        let mut changed = good.clone();
        changed[0] ^= 1;
        assert_eq!(scanned(&changed), Scan::NotTar);
        let long: &[(&str, &[u8])] = &[("comment", &[b'x'; 1 << 20])];
        assert!(holds(&extended(long, b"")).contains("too long"));
        for bad in [
            "9 size=x\n",
            "99 a=b\n",
            "x a=b\n",
            "5 a=b",
            "0 a=b\n",
            "1 a=b\n",
        ] {
            assert_eq!(Extended::read(bad.as_bytes()), None, "{bad}");
        }
    }
}
