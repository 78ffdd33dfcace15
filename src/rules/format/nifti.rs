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
    let space = header.space(if second { &SPACE_FIELDS_2 } else { &SPACE_FIELDS_1 });
    Ok(ImageHeader { size, value_type: name, value_bits: u64::from(*bits), space })
}

/// Offsets of the fields that locate the voxels. The offset of the origin follows the quaternion, and the rows follow
/// each other.
struct SpaceFields {
    pixdim: usize,
    qform_code: usize,
    sform_code: usize,
    quaternion: usize,
    rows: usize,
    /// Numbers have 64 bits and codes 32, instead of 32 and 16.
    is_wide: bool,
}

const SPACE_FIELDS_1: SpaceFields =
    SpaceFields { pixdim: 76, qform_code: 252, sform_code: 254, quaternion: 256, rows: 280, is_wide: false };
const SPACE_FIELDS_2: SpaceFields =
    SpaceFields { pixdim: 104, qform_code: 344, sform_code: 348, quaternion: 352, rows: 400, is_wide: true };

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
fn space(geometry: &Geometry) -> Space {
    let Geometry { pixdim, rows, offset, .. } = geometry;
    if geometry.has_rows {
        let steps = std::array::from_fn(|axis| std::array::from_fn(|row| rows[row][axis]));
        return Space { steps, origin: rows.map(|row| row[3]) };
    }
    let spacing = [pixdim[1], pixdim[2], pixdim[3]].map(f64::abs);
    if !geometry.has_quaternion {
        let steps =
            std::array::from_fn(|axis| std::array::from_fn(|row| if row == axis { spacing[axis] } else { 0.0 }));
        return Space { steps, origin: [0.0; 3] };
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
    Space { steps, origin: *offset }
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

    /// The space of the voxels, by the offsets of the fields in this version of the format.
    fn space(&self, fields: &SpaceFields) -> Option<Space> {
        let number = |at: usize| if fields.is_wide { self.f64(at) } else { self.f32(at) };
        let width = if fields.is_wide { 8 } else { 4 };
        let code = |at: usize| if fields.is_wide { self.i32(at) } else { self.i16(at).map(i32::from) };
        let three = |at: usize| Some([number(at)?, number(at + width)?, number(at + 2 * width)?]);
        let four = |at: usize| three(at).and_then(|[a, b, c]| Some([a, b, c, number(at + 3 * width)?]));
        Some(space(&Geometry {
            pixdim: four(fields.pixdim)?,
            has_quaternion: code(fields.qform_code)? > 0,
            has_rows: code(fields.sform_code)? > 0,
            quaternion: three(fields.quaternion)?,
            offset: three(fields.quaternion + 3 * width)?,
            rows: [four(fields.rows)?, four(fields.rows + 4 * width)?, four(fields.rows + 8 * width)?],
        }))
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
    fn the_space_of_version_2_is_read_in_each_byte_order() {
        for big in [false, true] {
            let mut head = second(big);
            let mut put = |at: usize, mut bytes: Vec<u8>| {
                if big {
                    bytes.reverse();
                }
                head[at..at + bytes.len()].copy_from_slice(&bytes);
            };
            put(348, 1_i32.to_le_bytes().to_vec());
            let rows = [-1.0, 0.0, 0.0, 90.0, 0.0, 1.0, 0.0, -126.0, 0.0, 0.0, 2.5, -72.0_f64];
            for (n, value) in rows.iter().enumerate() {
                put(400 + 8 * n, value.to_le_bytes().to_vec());
            }
            let steps = [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.5]];
            let space = Space { steps, origin: [90.0, -126.0, -72.0] };
            assert_eq!(read_header(&head).unwrap().space, Some(space));
        }
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
