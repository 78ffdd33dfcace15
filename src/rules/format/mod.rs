//! What is in an output, against what the challenge wants looked at: OUT008 to OUT012.
//!
//! Headers and shapes, no values: whether a prediction is any good is the scorer's to say. Believes no
//! header that claims more than may be held, never allocates by what one claims, and repeats text of
//! a file only shortened and without what cannot be seen.

pub mod grid;
pub mod json;
pub mod nifti;
pub mod png;
pub mod results;
pub mod table;

use std::collections::BTreeMap;

use super::catalogue::{OUT008, OUT012};
use super::exit::bytes;
use crate::model::{Finding, text};

/// Findings of one code that are told; the rest are counted.
const SHOWN: usize = 3;
/// Characters of a text from a file that a sentence repeats.
const SHOWN_CHARS: usize = 160;

/// Collects findings about any number of outputs in bounded memory.
#[derive(Debug, Default)]
pub struct Findings {
    told: Vec<Finding>,
    counts: BTreeMap<String, usize>,
}

impl Findings {
    /// Takes in what was found.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            let count = self.counts.entry(finding.code.clone()).or_default();
            *count += 1;
            if *count <= SHOWN {
                self.told.push(finding);
            }
        }
    }

    /// A few of each code, and how many more there are.
    pub fn told(self) -> Vec<Finding> {
        let mut told = self.told;
        told.sort_by(|a, b| a.code.cmp(&b.code));
        let mut findings: Vec<Finding> = Vec::new();
        for finding in told {
            let (code, severity) = (finding.code.clone(), finding.severity);
            let help = finding.help.clone();
            findings.push(finding);
            let of_code = findings.iter().filter(|f| f.code == code).count();
            let all = self.counts.get(&code).copied().unwrap_or_default();
            if of_code == SHOWN && all > SHOWN {
                let message = match all - SHOWN {
                    1 => "The same is so in 1 more place".to_owned(),
                    more => format!("The same is so in {more} more places"),
                };
                findings.push(Finding::new(severity, &code, message, help));
            }
        }
        findings
    }
}

/// An output that is too large to be looked at.
pub fn too_large(path: &str, what: &str, most: u64) -> Finding {
    OUT012.finding(format!(
        "`{path}` is larger than {}, the most for {what}",
        bytes(most)
    ))
}

/// An output that is not what it should be.
fn no(path: &str, what: &str, why: &str) -> Finding {
    OUT008.finding(format!("`{path}` is not {what}: {why}"))
}

/// Beginnings of files that are written in the place of others.
const BEGINNINGS: [(&[u8], &str); 13] = [
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

/// What begins so.
fn known(head: &[u8]) -> Option<&'static str> {
    let found = BEGINNINGS.iter().find(|(start, _)| head.starts_with(start));
    found.map(|(_, what)| *what)
}

/// Why something is not what it should be, by how it begins.
fn beginning(head: &[u8]) -> String {
    if head.is_empty() {
        return "it is empty".to_owned();
    }
    match known(head) {
        Some(what) => format!("it looks like {what}"),
        None => "it begins with something else".to_owned(),
    }
}

/// A text from a file, as a sentence may repeat it.
fn shown(text: &str) -> String {
    let visible = |c: char| match c {
        '`' => '\'',
        c if text::is_visible(c) => c,
        _ => '\u{fffd}',
    };
    let mut shown: String = text.chars().take(SHOWN_CHARS).map(visible).collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_findings_are_a_few_and_a_count() {
        let mut findings = Findings::default();
        for n in 0..1000 {
            findings.extend([no(&format!("{n}.png"), "a PNG", "it is empty")]);
        }
        findings.extend([too_large("x", "JSON", 1 << 20)]);
        let told = findings.told();
        let message: Vec<&str> = told.iter().map(|f| f.message.as_str()).collect();
        assert_eq!(
            message,
            [
                "`0.png` is not a PNG: it is empty",
                "`1.png` is not a PNG: it is empty",
                "`2.png` is not a PNG: it is empty",
                "The same is so in 997 more places",
                "`x` is larger than 1 MiB, the most for JSON",
            ]
        );
    }

    #[test]
    fn other_formats_are_recognised_by_how_they_begin() {
        assert_eq!(beginning(b""), "it is empty");
        assert_eq!(beginning(b"\xff\xd8\xff\xe0"), "it looks like a JPEG");
        assert_eq!(beginning(b"\x80\x04\x95"), "it looks like a pickle");
        assert_eq!(beginning(b"hello"), "it begins with something else");
    }

    #[test]
    fn text_of_files_is_repeated_short_and_visible() {
        assert_eq!(shown("a`b\u{202e}\n"), "a'b\u{fffd}\u{fffd}");
        assert_eq!(shown(&"x".repeat(500)).chars().count(), SHOWN_CHARS + 1);
    }
}
