//! Pictures and volumes: what a header claims, against the input and the allowed types.
//!
//! Lengths beyond the third, as channels are, are the challenge's own business.

use super::no;
use crate::model::{Finding, limits};
use crate::rules::catalogue::{OUT009, OUT012};
use crate::rules::exit::bytes;

/// What a header claims of what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Width, height, and so on.
    pub size: Vec<u64>,
    /// Type of a value, by the name that `challenge.toml` has for it.
    pub kind: &'static str,
    /// Bits of a value, unpacked.
    pub value_bits: u64,
}

/// Sides that are compared: width, height and depth.
const COMPARED: usize = 3;

impl Claim {
    /// What it would take in memory.
    fn bytes(&self) -> u64 {
        let values = self
            .size
            .iter()
            .fold(1_u64, |all, n| all.saturating_mul(*n));
        values.saturating_mul(self.value_bits) / 8
    }
}

/// Looks at a picture or a volume: `what` it should be, what it `claims`, the size of its input and
/// the allowed types, where the challenge says them.
pub fn check(
    (path, what): (&str, &str),
    claims: Result<Claim, String>,
    input: Option<&[u64]>,
    types: &[&str],
) -> Vec<Finding> {
    let claim = match claims {
        Ok(claim) => claim,
        Err(why) => return vec![no(path, what, &why)],
    };
    if claim.bytes() > limits::GRID_BYTES_MAX {
        let message = format!(
            "`{path}` claims to be {}, more than the {} that a file may unpack to",
            sides(&claim.size),
            bytes(limits::GRID_BYTES_MAX)
        );
        return vec![OUT012.finding(message)];
    }
    let mut findings = Vec::new();
    findings.extend(input.and_then(|input| other_size(path, &claim.size, input)));
    if !types.is_empty() && !types.contains(&claim.kind) {
        let allowed: Vec<String> = types.iter().map(|name| format!("`{name}`")).collect();
        findings.push(OUT009.finding_with(
            format!(
                "The values of `{path}` are `{}`, not {}",
                claim.kind,
                allowed.join(" or ")
            ),
            "Convert the array before it is written; a mask is one grey value for each pixel.",
        ));
    }
    findings
}

fn other_size(path: &str, size: &[u64], input: &[u64]) -> Option<Finding> {
    let (mine, wanted) = (compared(size), compared(input));
    if mine == wanted {
        return None;
    }
    let message = format!(
        "`{path}` is {}, its input is {}",
        sides(&mine),
        sides(&wanted)
    );
    let (mut a, mut b) = (mine, wanted);
    a.sort_unstable();
    b.sort_unstable();
    Some(match a == b {
        true => OUT009.finding_with(
            message,
            "The axes are in another order: arrays of pictures are rows by columns, arrays of volumes \
             often depth first. Transpose before writing.",
        ),
        false => OUT009.finding(message),
    })
}

/// Width, height and depth, without what is 1 behind them.
fn compared(size: &[u64]) -> Vec<u64> {
    let mut size: Vec<u64> = size.iter().copied().take(COMPARED).collect();
    while size.len() > 2 && size.last() == Some(&1) {
        size.pop();
    }
    size
}

fn sides(size: &[u64]) -> String {
    let sides: Vec<String> = size.iter().map(u64::to_string).collect();
    sides.join(" x ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{nifti, png};
    use super::*;

    fn picture(head: &[u8], input: &[u64], types: &[&str]) -> Vec<String> {
        told(check(
            ("a.png", "a PNG"),
            png::claim(head),
            Some(input),
            types,
        ))
    }

    fn volume(head: &[u8], input: &[u64]) -> Vec<String> {
        let claims = nifti::claim(head);
        told(check(
            ("a.nii.gz", "a NIfTI file"),
            claims,
            Some(input),
            &["uint8"],
        ))
    }

    fn told(findings: Vec<Finding>) -> Vec<String> {
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
                "OUT009 `a.png` is 128 x 64, its input is 256 x 128",
                "OUT009 The values of `a.png` are `uint8`, not `uint16`",
            ]
        );
        assert_eq!(
            picture(b"\x80\x04", &[1, 1], &[]),
            ["OUT008 `a.png` is not a PNG: it looks like a pickle"]
        );
        let turned = check(("a", "a PNG"), png::claim(&grey), Some(&[64, 128]), &[]);
        assert!(turned[0].help.contains("another order"), "{turned:?}");
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
            ["OUT009 `a.nii.gz` is 240 x 230 x 155, its input is 155 x 230 x 240"]
        );
    }

    #[test]
    fn bombs_are_refused_by_what_they_claim() {
        let huge = png::tests::header(100_000, 100_000, 8, 0);
        let message = "OUT012 `a.png` claims to be 100000 x 100000, more than the 4 GiB that a file may \
                    unpack to";
        assert_eq!(picture(&huge, &[1, 1], &[]), [message]);
        let huge = nifti::tests::header(&[30_000, 30_000, 30_000, 30_000, 30_000], 64, 64);
        assert!(volume(&huge, &[1, 1])[0].starts_with("OUT012"));
        // Just below the limit is not refused for it.
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
