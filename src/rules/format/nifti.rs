//! Reads the header of a NIfTI file: version 1 (348 bytes) or 2 (540 bytes), in either byte order.
//!
//! Offsets and meanings are those of `nifti1.h` and `nifti2.h`, the definitions of the Neuroimaging Informatics
//! Technology Initiative. Orientation and voxels are not read. Files that keep header and data apart are refused.

use super::image_header::ImageHeader;
use super::wrong_signature;
use crate::model::NIFTI_TYPES;

/// Enough bytes for either header.
pub const HEADER_BYTES: usize = 540;

/// `sizeof_hdr` of each version. It also shows the byte order.
const SIZE_1: i32 = 348;
const SIZE_2: i32 = 540;
/// Offset and value of the magic of each version, for a file with header and data.
const MAGIC_1: (usize, &[u8]) = (344, b"n+1\0");
const MAGIC_2: (usize, &[u8]) = (4, b"n+2\0\r\n\x1a\n");
/// The same for a header whose data is in another file.
const PAIRS: [(usize, &[u8]); 2] = [(344, b"ni1\0"), (4, b"ni2\0")];
const DIMENSIONS_MAX: i64 = 7;

/// Reads the first [`HEADER_BYTES`] of an unpacked NIfTI file.
///
/// # Errors
/// The reason why the bytes are not a NIfTI header, as the end of a sentence.
pub fn read_header(head: &[u8]) -> Result<ImageHeader, String> {
    let size = |big| Header { bytes: head, big }.i32(0);
    let (big, second) = match (size(false), size(true)) {
        (Some(SIZE_1), _) => (false, false),
        (_, Some(SIZE_1)) => (true, false),
        (Some(SIZE_2), _) => (false, true),
        (_, Some(SIZE_2)) => (true, true),
        _ => return Err(wrong_signature(head.get(..16).unwrap_or(head))),
    };
    let header = Header { bytes: head, big };
    let least = if second { SIZE_2 } else { SIZE_1 };
    if head.len() < least.unsigned_abs() as usize {
        return Err("it is incomplete".to_owned());
    }
    let has = |(at, magic): (usize, &[u8])| head[at..].starts_with(magic);
    if PAIRS.into_iter().any(has) {
        return Err("its data is in another file; write one `.nii` or `.nii.gz`".to_owned());
    }
    if !has(if second { MAGIC_2 } else { MAGIC_1 }) {
        return Err("its header lacks the NIfTI signature, as in the older Analyze format".to_owned());
    }
    let dimension = |n: usize| {
        if second { header.i64(16 + 8 * n) } else { header.i16(40 + 2 * n).map(i64::from) }
    };
    let damaged = || "its dimensions are invalid".to_owned();
    let count = dimension(0).filter(|n| (1..=DIMENSIONS_MAX).contains(n)).ok_or_else(damaged)?;
    let mut size = Vec::new();
    for n in 1..=usize::try_from(count).unwrap_or_default() {
        let length = dimension(n).and_then(|d| u64::try_from(d).ok());
        size.push(length.filter(|d| *d > 0).ok_or_else(damaged)?);
    }
    let (datatype, bits) = if second { (header.i16(12), header.i16(14)) } else { (header.i16(70), header.i16(72)) };
    let known = NIFTI_TYPES.iter().find(|(_, code, wide)| datatype == Some(*code) && bits == i16::try_from(*wide).ok());
    let Some((name, _, bits)) = known else {
        return Err("its data type is unknown".to_owned());
    };
    Ok(ImageHeader { size, value_type: name, value_bits: u64::from(*bits) })
}

/// A header in either byte order. Reads beyond its end return `None`.
struct Header<'a> {
    bytes: &'a [u8],
    big: bool,
}

impl Header<'_> {
    fn at<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        let mut bytes: [u8; N] = self.bytes.get(at..at + N)?.try_into().ok()?;
        if self.big {
            bytes.reverse();
        }
        Some(bytes)
    }

    fn i16(&self, at: usize) -> Option<i16> {
        self.at(at).map(i16::from_le_bytes)
    }

    fn i32(&self, at: usize) -> Option<i32> {
        self.at(at).map(i32::from_le_bytes)
    }

    fn i64(&self, at: usize) -> Option<i64> {
        self.at(at).map(i64::from_le_bytes)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A header of version 1, little-endian.
    pub(crate) fn header(size: &[i16], datatype: i16, bits: i16) -> Vec<u8> {
        let mut head = vec![0; 348];
        head[..4].copy_from_slice(&SIZE_1.to_le_bytes());
        let dimensions = [&[i16::try_from(size.len()).unwrap()], size].concat();
        for (n, length) in dimensions.iter().enumerate() {
            head[40 + 2 * n..][..2].copy_from_slice(&length.to_le_bytes());
        }
        head[70..72].copy_from_slice(&datatype.to_le_bytes());
        head[72..74].copy_from_slice(&bits.to_le_bytes());
        head[344..].copy_from_slice(b"n+1\0");
        head
    }

    fn second(big: bool) -> Vec<u8> {
        let order = |bytes: &[u8]| -> Vec<u8> {
            let mut bytes = bytes.to_vec();
            if big {
                bytes.reverse();
            }
            bytes
        };
        let mut head = vec![0; 540];
        head[..4].copy_from_slice(&order(&SIZE_2.to_le_bytes()));
        head[4..12].copy_from_slice(b"n+2\0\r\n\x1a\n");
        head[12..14].copy_from_slice(&order(&16_i16.to_le_bytes()));
        head[14..16].copy_from_slice(&order(&32_i16.to_le_bytes()));
        for (n, length) in [3_i64, 70_000, 2, 5].iter().enumerate() {
            head[16 + 8 * n..][..8].copy_from_slice(&order(&length.to_le_bytes()));
        }
        head
    }

    #[test]
    fn both_versions_are_read_in_each_byte_order() {
        let read = |head: &[u8]| {
            let header = read_header(head).unwrap();
            (header.size, header.value_type, header.value_bits)
        };
        assert_eq!(read(&header(&[240, 240, 155, 1], 2, 8)), (vec![240, 240, 155, 1], "uint8", 8));
        for big in [false, true] {
            assert_eq!(read(&second(big)), (vec![70_000, 2, 5], "float32", 32));
        }
        let mut swapped = header(&[4, 5, 6], 4, 16);
        swapped[..4].reverse();
        for at in (40..56).step_by(2).chain([70, 72]) {
            swapped.swap(at, at + 1);
        }
        assert_eq!(read(&swapped), (vec![4, 5, 6], "int16", 16));
    }

    #[test]
    fn other_files_are_refused() {
        let good = header(&[4, 5, 6], 2, 8);
        let with = |at: usize, bytes: &[u8]| {
            let mut head = good.clone();
            head[at..at + bytes.len()].copy_from_slice(bytes);
            head
        };
        for (head, why) in [
            (vec![], "it is empty"),
            (b"\x93NUMPY\x01\0".to_vec(), "it looks like a NumPy array"),
            (good[..347].to_vec(), "it is incomplete"),
            (with(344, b"ni1\0"), "its data is in another file"),
            (with(344, b"\0\0\0\0"), "lacks the NIfTI signature"),
            (with(40, &[0, 0]), "its dimensions"),
            (with(40, &[8, 0]), "its dimensions"),
            (with(42, &[0, 0]), "its dimensions"),
            (with(42, &[0xff, 0xff]), "its dimensions"),
            (with(70, &[3, 0]), "its data type"),
            (with(72, &[16, 0]), "its data type"),
        ] {
            let found = read_header(&head).unwrap_err();
            assert!(found.contains(why), "{found}");
        }
    }
}
