//! Checks the content of outputs as the challenge requires: OUT008 to OUT012.
//!
//! The checks read headers and shapes. Only the scorer evaluates values. A header that claims more than the limit is
//! refused, and no allocation depends on a claim. Messages quote a file only shortened and without invisible
//! characters.

pub mod image_header;
pub mod json;
pub mod nifti;
pub mod png;
pub mod results;
pub mod table;

use std::collections::BTreeMap;

use super::catalogue::{OUT008, OUT012};
use super::exit::bytes;
use crate::model::{Finding, text};

/// Findings per code that are kept. The rest is only counted.
const FINDINGS_MAX: usize = 3;
/// Characters of a file that a message quotes.
const QUOTED_CHARS_MAX: usize = 160;

/// Collects findings for any number of outputs in bounded memory.
#[derive(Debug, Default)]
pub struct FindingSummary {
    kept: Vec<Finding>,
    counts: BTreeMap<String, usize>,
}

impl FindingSummary {
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            let count = self.counts.entry(finding.code.clone()).or_default();
            *count += 1;
            if *count <= FINDINGS_MAX {
                self.kept.push(finding);
            }
        }
    }

    /// The first findings of each code, followed by the number of the others.
    pub fn into_findings(mut self) -> Vec<Finding> {
        self.kept.sort_by(|a, b| a.code.cmp(&b.code));
        let mut findings = Vec::new();
        for same_code in self.kept.chunk_by(|a, b| a.code == b.code) {
            findings.extend_from_slice(same_code);
            let last = &same_code[same_code.len() - 1];
            let all = self.counts.get(&last.code).copied().unwrap_or_default();
            let message = match all - same_code.len() {
                0 => continue,
                1 => "1 more output has the same problem".to_owned(),
                more => format!("{more} more outputs have the same problem"),
            };
            let help = last.help.clone();
            findings.push(Finding::new(last.severity, &last.code, message, help));
        }
        findings
    }
}

/// The output is too large to be checked. `kind` is its kind, for example `a table`.
pub fn output_too_large(path: &str, kind: &str, bytes_max: u64) -> Finding {
    OUT012.finding(format!("`{path}` is larger than {}, the limit for {kind}", bytes(bytes_max)))
}

/// The output does not have the required format.
fn wrong_format(path: &str, required: &str, reason: &str) -> Finding {
    OUT008.finding(format!("`{path}` is not {required}: {reason}"))
}

/// The first bytes of common formats.
const SIGNATURES: [(&[u8], &str); 13] = [
    (b"\x89PNG", "a PNG"),
    (b"\xff\xd8\xff", "a JPEG"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"\x1f\x8b", "a gzip file"),
    (b"PK\x03\x04", "a ZIP archive, as `.npz` is"),
    (b"\x89HDF", "an HDF5 file"),
    (b"ObjectType", "a MetaImage"),
    (b"NRRD", "an NRRD"),
    (b"\x80", "a pickle"),
];

/// The format with this signature.
fn known_format(head: &[u8]) -> Option<&'static str> {
    let found = SIGNATURES.iter().find(|(start, _)| head.starts_with(start));
    found.map(|(_, format)| *format)
}

/// Explains by its first bytes why a file does not have the required format.
fn wrong_signature(head: &[u8]) -> String {
    if head.is_empty() {
        return "it is empty".to_owned();
    }
    match known_format(head) {
        Some(format) => format!("it looks like {format}"),
        None => "it starts with other bytes".to_owned(),
    }
}

/// A text from a file for a message.
fn quoted(text: &str) -> String {
    let visible = |c: char| match c {
        '`' => '\'',
        c if text::is_visible(c) => c,
        _ => '\u{fffd}',
    };
    let mut quoted: String = text.chars().take(QUOTED_CHARS_MAX).map(visible).collect();
    if text.chars().nth(QUOTED_CHARS_MAX).is_some() {
        quoted.push('…');
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_findings_are_a_few_and_a_count() {
        let mut summary = FindingSummary::default();
        for n in 0..1000 {
            summary.extend([wrong_format(&format!("{n}.png"), "a PNG", "it is empty")]);
        }
        summary.extend([output_too_large("x", "JSON", 1 << 20)]);
        let findings = summary.into_findings();
        let messages: Vec<&str> = findings.iter().map(|f| f.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "`0.png` is not a PNG: it is empty",
                "`1.png` is not a PNG: it is empty",
                "`2.png` is not a PNG: it is empty",
                "997 more outputs have the same problem",
                "`x` is larger than 1 MiB, the limit for JSON",
            ]
        );
        insta::assert_snapshot!("summary", crate::rules::samples::block("summary", &findings));
    }

    #[test]
    fn other_formats_are_recognised_by_their_signatures() {
        assert_eq!(wrong_signature(b""), "it is empty");
        assert_eq!(wrong_signature(b"\xff\xd8\xff\xe0"), "it looks like a JPEG");
        assert_eq!(wrong_signature(b"\x80\x04\x95"), "it looks like a pickle");
        assert_eq!(wrong_signature(b"hello"), "it starts with other bytes");
    }

    #[test]
    fn texts_of_files_are_quoted_shortened_and_visible() {
        assert_eq!(quoted("a`b\u{202e}\n"), "a'b\u{fffd}\u{fffd}");
        let long = quoted(&"x".repeat(500));
        assert_eq!(long.chars().count(), QUOTED_CHARS_MAX + 1);
    }
}
