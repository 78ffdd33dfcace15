//! Reads the header of a NIfTI file: version 1 (348 bytes) or 2 (540 bytes), in either byte order.
//!
//! Offsets and meanings are those of `nifti1.h` and `nifti2.h`, the definitions of the Neuroimaging Informatics
//! Technology Initiative. Voxels are not read. Files that keep header and data apart are refused.

use super::image_header::{ImageHeader, Space};
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
    let space = if second { header.space_2() } else { header.space_1() };
    Ok(ImageHeader { size, value_type: name, value_bits: u64::from(*bits), space })
}

/// The fields of a header that locate its voxels, named by their meaning in `nifti1.h`.
struct Geometry {
    /// `pixdim[0]` is the handedness of the quaternion, the others are the spacing.
    pixdim: [f64; 4],
    /// `qform_code > 0`
    has_quaternion: bool,
    /// `sform_code > 0`
    has_rows: bool,
    quaternion: [f64; 3],
    offset: [f64; 3],
    /// `srow_x`, `srow_y` and `srow_z`.
    rows: [[f64; 4]; 3],
}

/// The space by the first method of `nifti1.h` that the header has: 3 (rows), 2 (quaternion), or 1 (spacing alone).
fn space(geometry: &Geometry) -> Option<Space> {
    let Geometry { pixdim, rows, offset, .. } = geometry;
    if geometry.has_rows {
        let steps = std::array::from_fn(|axis| std::array::from_fn(|row| rows[row][axis]));
        return Some(Space { steps, origin: rows.map(|row| row[3]) });
    }
    let spacing = [pixdim[1], pixdim[2], pixdim[3]].map(f64::abs);
    if !geometry.has_quaternion {
        let steps =
            std::array::from_fn(|axis| std::array::from_fn(|row| if row == axis { spacing[axis] } else { 0.0 }));
        return Some(Space { steps, origin: [0.0; 3] });
    }
    let [b, c, d] = geometry.quaternion;
    let a = (1.0 - (b * b + c * c + d * d)).max(0.0).sqrt();
    let rotation = [
        [a * a + b * b - c * c - d * d, 2.0 * (b * c - a * d), 2.0 * (b * d + a * c)],
        [2.0 * (b * c + a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d - a * b)],
        [2.0 * (b * d - a * c), 2.0 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ];
    let handedness = if pixdim[0] < 0.0 { -1.0 } else { 1.0 };
    let steps = std::array::from_fn(|axis| {
        let length = if axis == 2 { spacing[axis] * handedness } else { spacing[axis] };
        std::array::from_fn(|row| rotation[row][axis] * length)
    });
    Some(Space { steps, origin: *offset })
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

    fn f32(&self, at: usize) -> Option<f64> {
        self.at(at).map(f32::from_le_bytes).map(f64::from)
    }

    fn f64(&self, at: usize) -> Option<f64> {
        self.at(at).map(f64::from_le_bytes)
    }

    /// The space by version 1 of the format.
    fn space_1(&self) -> Option<Space> {
        let numbers = |at: usize| -> Option<[f64; 4]> {
            Some([self.f32(at)?, self.f32(at + 4)?, self.f32(at + 8)?, self.f32(at + 12)?])
        };
        space(&Geometry {
            pixdim: numbers(76)?,
            has_quaternion: self.i16(252)? > 0,
            has_rows: self.i16(254)? > 0,
            quaternion: [self.f32(256)?, self.f32(260)?, self.f32(264)?],
            offset: [self.f32(268)?, self.f32(272)?, self.f32(276)?],
            rows: [numbers(280)?, numbers(296)?, numbers(312)?],
        })
    }

    /// The space by version 2 of the format.
    fn space_2(&self) -> Option<Space> {
        let numbers = |at: usize| -> Option<[f64; 4]> {
            Some([self.f64(at)?, self.f64(at + 8)?, self.f64(at + 16)?, self.f64(at + 24)?])
        };
        space(&Geometry {
            pixdim: numbers(104)?,
            has_quaternion: self.i32(344)? > 0,
            has_rows: self.i32(348)? > 0,
            quaternion: [self.f64(352)?, self.f64(360)?, self.f64(368)?],
            offset: [self.f64(376)?, self.f64(384)?, self.f64(392)?],
            rows: [numbers(400)?, numbers(432)?, numbers(464)?],
        })
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
