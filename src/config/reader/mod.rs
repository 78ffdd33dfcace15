//! Reads a TOML file section by section and collects every problem with its line.
//!
//! This reader is written by hand, on top of the parser `toml_edit`. No crate does all of its three tasks. It reports
//! all problems of a file at once, each with line and column, where serde stops at the first one. It merges two layers,
//! the file and its annotated defaults, and still knows which layer a value comes from. It hides the values of files
//! that hold secrets.
//!
//! The reader itself knows no key. The code that reads a file asks for keys, and every key that it did not ask for is
//! an unknown key.

mod section;

use std::cell::RefCell;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;

use toml_edit::{Document, TableLike};

use crate::model::{Finding, Location};

pub(super) use section::Section;

/// The file is not TOML.
pub(super) const SYNTAX: &str = "CFG001";
/// A required key is missing.
pub(super) const MISSING_KEY: &str = "CFG002";
/// A value has the wrong type.
pub(super) const WRONG_TYPE: &str = "CFG003";
/// The section has no such key.
pub(super) const UNKNOWN_KEY: &str = "CFG004";
/// A value has the right type and is not allowed.
pub(super) const INVALID_VALUE: &str = "CFG005";
/// Two values are allowed one by one but not together.
pub(super) const CONTRADICTION: &str = "CFG006";
/// A file or folder does not exist.
pub(super) const PATH_MISSING: &str = "CFG007";
/// The data has something in it that organizers probably did not mean.
pub(super) const SUSPICIOUS_DATA: &str = "CFG008";

/// A larger file is probably not a configuration file.
pub(super) const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Syntax errors in one report.
const SYNTAX_ERRORS_MAX: usize = 10;

/// Reads the text of a configuration file.
///
/// # Errors
/// A finding if the file does not exist, is too large, or is not UTF-8.
pub(super) fn read_file(path: &Path) -> Result<String, Vec<Finding>> {
    let location = Location::file(display_path(path));
    let failed = |message: String, help: &str| vec![Finding::error(PATH_MISSING, message, help).at(location)];
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX => Err(failed(
            format!("The file has {} bytes.", metadata.len()),
            "A configuration file has at most 1 MiB. Check the path.",
        )),
        _ => std::fs::read_to_string(path).map_err(|e| match e.kind() {
            ErrorKind::NotFound => failed(
                "The file does not exist.".to_owned(),
                "Correct the path, or create a challenge and its settings with `referee init DIR`.",
            ),
            _ => failed(format!("The file cannot be read: {e}."), "Check its permissions."),
        }),
    }
}

/// A path as findings show it: as the user gave it, without a leading `./`.
pub(super) fn display_path(path: &Path) -> String {
    let path = path.strip_prefix(".").unwrap_or(path);
    path.display().to_string()
}

/// A text to read.
pub(super) struct Input<'a> {
    /// Name of the file in findings.
    pub name: &'a str,
    pub text: &'a str,
    /// The layer below: the values of keys that the text does not set.
    pub defaults: &'a str,
    /// Findings show the keys of the file without their values, because values may be secrets.
    pub hide_values: bool,
}

/// Reads the whole text with `read` and returns every problem, in the order of the lines. The value is `None` if a
/// required part of it has a problem.
pub(super) fn read_text<T>(
    input: &Input<'_>,
    read: impl FnOnce(&Section<'_>) -> Option<T>,
) -> (Option<T>, Vec<Finding>) {
    let parsed = parse(input.text);
    let defaults = Document::parse(input.defaults).ok();
    let file = File { input, skipped_keys: parsed.skipped_keys, findings: RefCell::default() };
    for (at, message) in parsed.errors {
        file.report_syntax_error(at, &message);
    }
    let value = parsed.document.and_then(|document| {
        let below = defaults.as_ref().map(|d| d.as_table() as &dyn TableLike);
        let root = Section::root(&file, document.as_table(), below);
        root.read_with(read)
    });
    let mut findings = file.findings.into_inner();
    findings.sort_by_key(|f| {
        let location = f.location.as_ref();
        location.map(|p| (p.file != input.name, p.line, p.column))
    });
    (value, findings)
}

/// As much of a text as could be parsed.
struct Parsed {
    document: Option<Document<String>>,
    /// Byte offset and message of each syntax error.
    errors: Vec<(usize, String)>,
    /// Keys on lines with a syntax error.
    skipped_keys: Vec<String>,
}

/// Parses the text without up to [`SYNTAX_ERRORS_MAX`] faulty `key = value` lines, so that one missing quote does not
/// hide the mistakes behind it. An error that reaches beyond its line cannot be skipped. Then only the first error is
/// reported.
fn parse(text: &str) -> Parsed {
    let mut work = text.to_owned();
    let (mut errors, mut skipped_keys) = (Vec::new(), Vec::new());
    while errors.len() < SYNTAX_ERRORS_MAX {
        let error = match Document::parse(work.clone()) {
            Ok(document) => {
                return Parsed { document: Some(document), errors, skipped_keys };
            }
            Err(error) => error,
        };
        let at = error.span().map_or(0, |span| span.start);
        let at = text.floor_char_boundary(at);
        errors.push((at, error.message().to_owned()));
        let line = line_around(&work, at);
        let Some((key, _)) = work[line.clone()].split_once('=') else {
            break;
        };
        if key.trim_start().starts_with(['[', '#']) {
            break;
        }
        skipped_keys.push(key.trim().to_owned());
        let blank = " ".repeat(line.len());
        work.replace_range(line, &blank);
    }
    errors.truncate(1);
    Parsed { document: None, errors, skipped_keys }
}

/// The line that holds this byte, without its line feed.
fn line_around(text: &str, at: usize) -> Range<usize> {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    start..end
}

/// The file that is being read, with the problems found so far.
struct File<'a> {
    input: &'a Input<'a>,
    skipped_keys: Vec<String>,
    findings: RefCell<Vec<Finding>>,
}

impl File<'_> {
    /// Adds a finding about the text at this byte.
    fn report(&self, at: usize, finding: Finding) {
        let finding = finding.at(self.location(at));
        self.findings.borrow_mut().push(finding);
    }

    fn report_syntax_error(&self, at: usize, message: &str) {
        let mut location = self.location(at);
        if self.input.hide_values {
            // A broken line may be part of a secret that spans several lines.
            location.text = None;
        }
        let message = format!("The file is not valid TOML here: {message}.");
        let help = "Correct the line. A text value needs quotes at both ends.";
        let finding = Finding::error(SYNTAX, message, help);
        self.findings.borrow_mut().push(finding.at(location));
    }

    /// Whether a line that sets this key was skipped because of a syntax error.
    fn has_skipped(&self, key: &str) -> bool {
        self.skipped_keys.iter().any(|skipped| skipped == key)
    }

    fn location(&self, at: usize) -> Location {
        let text = self.input.text;
        let at = text.floor_char_boundary(at);
        let line = line_around(text, at);
        let number = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
        let mut location = Location::line(self.input.name, number(text[..at].bytes().filter(|b| *b == b'\n').count()));
        location.column = Some(number(text[line.start..at].chars().count()));
        let written = text[line].trim_end();
        match written.split_once('=') {
            Some((key, _)) if self.input.hide_values => location.with_text(format!("{key}= …")),
            None if self.input.hide_values && !written.starts_with('[') => location,
            _ => location.with_text(written),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::values::{boolean, integer, text as any_text};
    use super::*;

    fn findings_of(text: &str, hide_values: bool) -> Vec<String> {
        let input = Input { name: "file", text, defaults: "n = 1\n[t]\nb = true\n", hide_values };
        let (_, findings) = read_text(&input, |s| {
            s.required("n", integer::<u32>(0, 9));
            s.section("t", |t| t.required("b", boolean));
            s.optional("x", any_text)
        });
        let line = |f: &Finding| {
            let location = f.location.clone().unwrap();
            let text = location.text.clone().unwrap_or_default();
            format!("{location} {} |{text}", f.code)
        };
        findings.iter().map(line).collect()
    }

    #[test]
    fn locations_count_lines_and_characters() {
        assert_eq!(findings_of("", false), [""; 0]);
        assert_eq!(findings_of("\r\n n = 'é'\r\n", false), ["file:2:6 CFG003 | n = 'é'"]);
        assert_eq!(findings_of("x = 'é' \ny = 1", false), ["file:2:1 CFG004 |y = 1"]);
        assert_eq!(findings_of("x = {a = 1}\nt = 5", false).len(), 2);
        assert_eq!(findings_of("t.b = 1\nt.c = 1", false).len(), 2);
    }

    #[test]
    fn findings_about_a_file_with_secrets_show_keys_only() {
        for (text, shown) in [
            ("n = 'hush'", "file:1:5 CFG003 |n = …"),
            ("n = 'hush", "file:1:10 CFG001 |"),
            ("n = [\n'hush',\n]\nm = 1", "file:4:1 CFG004 |m = …"),
            ("hush = 1", "file:1:1 CFG004 |hush = …"),
            ("[q]\n", "file:1:2 CFG004 |[q]"),
        ] {
            let findings = findings_of(text, true);
            assert!(findings.contains(&shown.to_owned()), "{text}: {findings:?}");
        }
    }

    #[test]
    fn files_are_read_within_limits() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.toml");
        assert_eq!(read_file(&file).unwrap_err()[0].code, PATH_MISSING);
        std::fs::write(&file, [0xff]).unwrap();
        assert!(read_file(&file).is_err());
        std::fs::write(&file, vec![b' '; 1024 * 1024 + 1]).unwrap();
        assert!(read_file(&file).unwrap_err()[0].message.contains("1048577 bytes"));
        assert_eq!(display_path(Path::new("./a/b.toml")), "a/b.toml");
    }
}
