//! Compares the header of a picture or a volume with the input and the allowed types.
//!
//! Dimensions beyond the third, such as channels, are not compared.

use super::wrong_format;
use crate::model::{Finding, limits};
use crate::rules::catalogue::{OUT009, OUT012, OUT014};
use crate::rules::exit::bytes;

/// The claims of a header.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageHeader {
    /// Width, height and so on.
    pub size: Vec<u64>,
    /// The type of a value, by its name in `challenge.toml`.
    pub value_type: &'static str,
    /// Bits per unpacked value.
    pub value_bits: u64,
    /// The space of a volume.
    pub space: Option<Space>,
}

/// Where the voxels of a volume lie, in millimetres to the right, to the front and upwards of the scanner's origin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Space {
    /// The step from one voxel to the next along each axis.
    pub steps: [[f64; 3]; 3],
    /// The centre of the first voxel.
    pub origin: [f64; 3],
}

impl Space {
    /// The length of each step.
    fn spacing(&self) -> [f64; 3] {
        self.steps.map(|step| step.iter().map(|part| part * part).sum::<f64>().sqrt())
    }

    /// The direction of each step, with length 1. A step of length 0 has no direction.
    fn directions(&self) -> [[f64; 3]; 3] {
        let lengths = self.spacing().map(|length| if length > 0.0 { length } else { 1.0 });
        std::array::from_fn(|axis| self.steps[axis].map(|part| part / lengths[axis]))
    }
}

/// Dimensions that are compared: width, height and depth.
const DIMENSIONS_COMPARED: usize = 3;

impl ImageHeader {
    /// The unpacked size in memory.
    fn bytes(&self) -> u64 {
        let values = self.size.iter().fold(1_u64, |all, n| all.saturating_mul(*n));
        values.saturating_mul(self.value_bits) / 8
    }
}

/// Checks a picture or a volume. `required` is the required format, for example `a PNG`. `input_size` is the size of
/// the input, and `types` has the allowed types, if the challenge requires them.
pub fn check_header(
    path: &str,
    required: &str,
    header: Result<ImageHeader, String>,
    input_size: Option<&[u64]>,
    types: &[&str],
) -> Vec<Finding> {
    let header = match header {
        Ok(header) => header,
        Err(reason) => return vec![wrong_format(path, required, &reason)],
    };
    if header.bytes() > limits::IMAGE_UNPACKED_BYTES_MAX {
        let message = format!(
            "`{path}` claims to be {}, and would unpack to more than {}",
            dimensions(&header.size),
            bytes(limits::IMAGE_UNPACKED_BYTES_MAX)
        );
        return vec![OUT012.finding(message)];
    }
    let mut findings = Vec::new();
    findings.extend(input_size.and_then(|input| check_size(path, &header.size, input)));
    if !types.is_empty() && !types.contains(&header.value_type) {
        let allowed: Vec<String> = types.iter().map(|name| format!("`{name}`")).collect();
        findings.push(OUT009.finding_with(
            format!("The values of `{path}` are `{}`, not {}", header.value_type, allowed.join(" or ")),
            "Convert the array before you write it. A mask has one grey value for each pixel.",
        ));
    }
    findings
}

/// Compares the space of a volume with that of its input. Differences up to the tolerance are none.
pub fn check_space(path: &str, space: &Space, input: &Space, tolerance: f64) -> Option<Finding> {
    // A number that is not finite is a difference.
    let differ = |a: f64, b: f64| (a - b).is_nan() || (a - b).abs() > tolerance;
    let any = |a: &[f64; 3], b: &[f64; 3]| a.iter().zip(b).any(|(a, b)| differ(*a, *b));
    let (found, wanted) = (space.spacing(), input.spacing());
    if any(&found, &wanted) {
        return Some(OUT014.finding(format!(
            "`{path}` has the spacing {} mm, but its input has {} mm",
            joined(&found, " x "),
            joined(&wanted, " x ")
        )));
    }
    if space.directions().iter().zip(&input.directions()).any(|(a, b)| any(a, b)) {
        return Some(OUT014.finding(format!("The axes of `{path}` have other directions than those of its input")));
    }
    any(&space.origin, &input.origin).then(|| {
        OUT014.finding(format!(
            "`{path}` begins at ({}) mm, but its input at ({}) mm",
            joined(&space.origin, ", "),
            joined(&input.origin, ", ")
        ))
    })
}

/// Numbers with at most four decimals.
fn joined(values: &[f64; 3], separator: &str) -> String {
    values.map(|value| format!("{}", (value * 1e4).round() / 1e4)).join(separator)
}

fn check_size(path: &str, size: &[u64], input: &[u64]) -> Option<Finding> {
    let (mut found, mut wanted) = (compared(size), compared(input));
    if found == wanted {
        return None;
    }
    let message = format!("`{path}` is {}, but its input is {}", dimensions(&found), dimensions(&wanted));
    found.sort_unstable();
    wanted.sort_unstable();
    Some(if found == wanted {
        OUT009.finding_with(
            message,
            "The axes are in another order. Arrays of pictures are rows by columns, and arrays of volumes often have \
             the depth first. Transpose the array before you write it.",
        )
    } else {
        OUT009.finding(message)
    })
}

/// Width, height and depth, without trailing dimensions of length 1.
fn compared(size: &[u64]) -> Vec<u64> {
    let mut size: Vec<u64> = size.iter().copied().take(DIMENSIONS_COMPARED).collect();
    while size.len() > 2 && size.last() == Some(&1) {
        size.pop();
    }
    size
}

fn dimensions(size: &[u64]) -> String {
    let lengths: Vec<String> = size.iter().map(u64::to_string).collect();
    lengths.join(" x ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{nifti, png};
    use super::*;

    fn picture(head: &[u8], input: &[u64], types: &[&str]) -> Vec<String> {
        let header = png::read_header(head);
        lines(check_header("a.png", "a PNG", header, Some(input), types))
    }

    fn volume(head: &[u8], input: &[u64]) -> Vec<String> {
        let (path, header) = ("a.nii.gz", nifti::read_header(head));
        lines(check_header(path, "a NIfTI file", header, Some(input), &["uint8"]))
    }

    fn lines(findings: Vec<Finding>) -> Vec<String> {
        let line = |f: Finding| format!("{} {}", f.code, f.message);
        findings.into_iter().map(line).collect()
    }

    #[test]
    fn sizes_and_types_are_compared() {
        let grey = png::tests::header(128, 64, 8, 0);
        assert_eq!(picture(&grey, &[128, 64], &["uint8"]), [""; 0]);
        assert_eq!(picture(&grey, &[128, 64], &[]), [""; 0]);
        assert_eq!(
            picture(&grey, &[256, 128], &["uint16"]),
            [
                "OUT009 `a.png` is 128 x 64, but its input is 256 x 128",
                "OUT009 The values of `a.png` are `uint8`, not `uint16`",
            ]
        );
        assert_eq!(picture(b"\x80\x04", &[1, 1], &[]), ["OUT008 `a.png` is not a PNG: it looks like a pickle"]);
        let grey = || png::read_header(&grey);
        let turned = check_header("a", "a PNG", grey(), Some(&[64, 128]), &[]);
        assert!(turned[0].help.contains("another order"), "{turned:?}");
        let other = check_header("a", "a PNG", grey(), Some(&[256, 128]), &["uint16", "uint32"]);
        let huge = png::read_header(&png::tests::header(100_000, 100_000, 8, 0));
        let huge = check_header("a", "a PNG", huge, None, &[]);
        let all = [turned, other, huge].concat();
        insta::assert_snapshot!("headers", crate::rules::samples::block("headers", &all));
    }

    #[test]
    fn volumes_are_compared_in_three_dimensions() {
        let mask = nifti::tests::header(&[240, 230, 155], 2, 8);
        // Four modalities in one input, one mask.
        assert_eq!(volume(&mask, &[240, 230, 155, 4]), [""; 0]);
        let flat = nifti::tests::header(&[240, 230, 1, 1], 2, 8);
        assert_eq!(volume(&flat, &[240, 230]), [""; 0]);
        assert_eq!(
            volume(&mask, &[155, 230, 240]),
            ["OUT009 `a.nii.gz` is 240 x 230 x 155, but its input is 155 x 230 x 240"]
        );
    }

    #[test]
    fn files_that_would_unpack_to_too_much_are_refused_by_their_claims() {
        let huge = png::tests::header(100_000, 100_000, 8, 0);
        let message = "OUT012 `a.png` claims to be 100000 x 100000, and would unpack to more than 4 GiB";
        assert_eq!(picture(&huge, &[1, 1], &[]), [message]);
        let huge = nifti::tests::header(&[30_000, 30_000, 30_000, 30_000, 30_000], 64, 64);
        assert!(volume(&huge, &[1, 1])[0].starts_with("OUT012"));
        // Just below the limit.
        let large = nifti::tests::header(&[1024, 1024, 4096], 2, 8);
        assert_eq!(volume(&large, &[1024, 1024, 4096]), [""; 0]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(head in prop::collection::vec(any::<u8>(), 0..600), at in 0..80_usize, byte: u8) {
            let real = [
                png::tests::header(3, 2, 8, 0),
                nifti::tests::header(&[4, 5, 6], 2, 8),
            ];
            for head in [head.clone()].into_iter().chain(real.map(|mut real| {
                let at = at % real.len();
                real[at] = byte;
                real.extend(&head);
                real
            })) {
                picture(&head, &[3, 2], &["uint8"]);
                volume(&head, &[4, 5, 6]);
            }
        }
    }
}
