//! The header of a PNG: the signature and the IHDR chunk that must follow it.
//!
//! PNG (third edition), sections 5.2 "PNG signature", 5.3 "Chunk layout" and 11.2.1 "IHDR image header".
//! Pixels are never decoded.

use super::beginning;
use super::grid::Claim;
use crate::model::PNG_TYPES;

/// Bytes that hold all of it: signature, length, name, 13 bytes of data, checksum.
pub const HEADER_BYTES: usize = 33;

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// What the specification allows for width and height.
const SIDE_MAX: u32 = (1 << 31) - 1;

/// Reads what a PNG claims from its first [`HEADER_BYTES`].
///
/// # Errors
/// Why it is no PNG, as the end of a sentence.
pub fn claim(head: &[u8]) -> Result<Claim, String> {
    let Some(rest) = head.strip_prefix(&SIGNATURE) else {
        return Err(beginning(head.get(..16).unwrap_or(head)));
    };
    let Some(chunk) = rest.get(..HEADER_BYTES - SIGNATURE.len()) else {
        return Err("it is cut off".to_owned());
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
        return Err("its width or height is no legal one".to_owned());
    };
    let (depth, colour) = (chunk[16], chunk[17]);
    let known = PNG_TYPES
        .iter()
        .find(|(_, c, d)| (*c, *d) == (colour, depth));
    let Some((name, _, _)) = known else {
        return Err("its colour type is no legal one".to_owned());
    };
    let samples = match colour {
        2 => 3,
        4 => 2,
        6 => 4,
        _ => 1,
    };
    Ok(Claim {
        size: vec![width, height],
        kind: name,
        value_bits: u64::from(depth.max(8)) * samples,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A header with its checksum.
    pub fn header(width: u32, height: u32, depth: u8, colour: u8) -> Vec<u8> {
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
    fn a_header_says_size_and_type() {
        let claim = claim(&header(300, 200, 16, 0)).unwrap();
        assert_eq!((claim.size, claim.kind), (vec![300, 200], "uint16"));
        let rgba = super::claim(&header(3, 2, 8, 6)).unwrap();
        assert_eq!((rgba.kind, rgba.value_bits), ("rgba8", 32));
    }

    #[test]
    fn a_real_file_is_read() {
        let tile = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/examples/nuclei/sample/segmentation/truth/tile_01.png"
        );
        let bytes = std::fs::read(tile).unwrap();
        let claim = claim(&bytes[..HEADER_BYTES]).unwrap();
        assert_eq!(claim.size, [128, 128]);
        assert!(["uint8", "uint16"].contains(&claim.kind), "{}", claim.kind);
    }

    #[test]
    fn what_is_no_png_is_refused() {
        let good = header(3, 2, 8, 0);
        let mut damaged = good.clone();
        damaged[19] ^= 1;
        for (head, why) in [
            (&b""[..], "it is empty"),
            (b"\xff\xd8\xff\xe0", "it looks like a JPEG"),
            (&good[..20], "it is cut off"),
            (&damaged, "its header is damaged"),
            (&header(0, 2, 8, 0), "its width or height is no legal one"),
            (
                &header(3, 1 << 31, 8, 0),
                "its width or height is no legal one",
            ),
            (&header(3, 2, 3, 0), "its colour type is no legal one"),
            (&header(3, 2, 8, 5), "its colour type is no legal one"),
        ] {
            assert_eq!(claim(head).unwrap_err(), why);
        }
    }
}
