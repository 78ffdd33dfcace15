//! Reads the header of a PNG: the signature, and the IHDR chunk that must follow it.
//!
//! PNG (third edition), sections 5.2 "PNG signature", 5.3 "Chunk layout" and 11.2.1 "IHDR image header".
//! Pixels are never decoded.

use super::image_header::ImageHeader;
use super::wrong_signature;
use crate::model::PNG_TYPES;

/// Signature, length, name, 13 bytes of data and checksum.
pub const HEADER_BYTES: usize = 33;

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// The specification's limit for width and height.
const SIDE_MAX: u32 = (1 << 31) - 1;

/// Reads the first [`HEADER_BYTES`] of a PNG.
///
/// # Errors
/// The reason why the bytes are not a PNG header, as the end of a sentence.
pub fn read_header(head: &[u8]) -> Result<ImageHeader, String> {
    let Some(rest) = head.strip_prefix(&SIGNATURE) else {
        return Err(wrong_signature(head.get(..16).unwrap_or(head)));
    };
    let Some(chunk) = rest.get(..HEADER_BYTES - SIGNATURE.len()) else {
        return Err("it is incomplete".to_owned());
    };
    let (checked, sum) = (&chunk[4..21], &chunk[21..]);
    let mut crc = flate2::Crc::new();
    crc.update(checked);
    if chunk[..8] != *b"\0\0\0\x0dIHDR" || crc.sum().to_be_bytes() != *sum {
        return Err("its header is damaged".to_owned());
    }
    let side = |at: usize| {
        let bytes: [u8; 4] = std::array::from_fn(|n| chunk[8 + at + n]);
        let side = u32::from_be_bytes(bytes);
        (1..=SIDE_MAX).contains(&side).then_some(u64::from(side))
    };
    let (Some(width), Some(height)) = (side(0), side(4)) else {
        return Err("its width or height is invalid".to_owned());
    };
    let (depth, colour) = (chunk[16], chunk[17]);
    let known = PNG_TYPES.iter().find(|(_, c, d)| (*c, *d) == (colour, depth));
    let Some((name, _, _)) = known else {
        return Err("its colour type is invalid".to_owned());
    };
    let samples = match colour {
        2 => 3,
        4 => 2,
        6 => 4,
        _ => 1,
    };
    Ok(ImageHeader {
        size: vec![width, height],
        value_type: name,
        value_bits: u64::from(depth.max(8)) * samples,
        space: None,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A header with its checksum.
    pub(crate) fn header(width: u32, height: u32, depth: u8, colour: u8) -> Vec<u8> {
        let mut chunk = b"IHDR".to_vec();
        chunk.extend(width.to_be_bytes());
        chunk.extend(height.to_be_bytes());
        chunk.extend([depth, colour, 0, 0, 0]);
        let mut crc = flate2::Crc::new();
        crc.update(&chunk);
        let parts: [&[u8]; 4] = [&SIGNATURE, &[0, 0, 0, 13], &chunk, &crc.sum().to_be_bytes()];
        parts.concat()
    }

    #[test]
    fn a_header_has_size_and_type() {
        let grey = read_header(&header(300, 200, 16, 0)).unwrap();
        assert_eq!((grey.size, grey.value_type), (vec![300, 200], "uint16"));
        let rgba = read_header(&header(3, 2, 8, 6)).unwrap();
        assert_eq!((rgba.value_type, rgba.value_bits), ("rgba8", 32));
    }

    #[test]
    fn a_real_file_is_read() {
        let tile = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/nuclei/sample/segmentation/truth/tile_01.png");
        let bytes = std::fs::read(tile).unwrap();
        let header = read_header(&bytes[..HEADER_BYTES]).unwrap();
        assert_eq!(header.size, [128, 128]);
        assert!(["uint8", "uint16"].contains(&header.value_type), "{header:?}");
    }

    #[test]
    fn other_files_are_refused() {
        let good = header(3, 2, 8, 0);
        let mut damaged = good.clone();
        damaged[19] ^= 1;
        for (head, why) in [
            (&b""[..], "it is empty"),
            (b"\xff\xd8\xff\xe0", "it looks like a JPEG"),
            (&good[..20], "it is incomplete"),
            (&damaged, "its header is damaged"),
            (&header(0, 2, 8, 0), "its width or height is invalid"),
            (&header(3, 1 << 31, 8, 0), "its width or height is invalid"),
            (&header(3, 2, 3, 0), "its colour type is invalid"),
            (&header(3, 2, 8, 5), "its colour type is invalid"),
        ] {
            assert_eq!(read_header(head).unwrap_err(), why);
        }
    }
}
