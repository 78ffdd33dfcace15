//! Reads a TOML file section by section and collects every problem with its line.
//!
//! Never stops at the first problem, and knows no key by itself: the grammar of a file is what the
//! code that reads it asks for. Anything that was not asked for is an unknown key.

mod section;

use std::cell::RefCell;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;

use toml_edit::{Document, TableLike};

use crate::model::{Finding, Location};

pub use section::Section;

/// The file is no TOML.
pub const SYNTAX: &str = "CFG001";
/// A key that must be there is not.
pub const MISSING_KEY: &str = "CFG002";
/// A value has another type than the key wants.
pub const WRONG_TYPE: &str = "CFG003";
/// A key means nothing here.
pub const UNKNOWN_KEY: &str = "CFG004";
/// The type is right and the value is not.
pub const BAD_VALUE: &str = "CFG005";
/// Two values that are fine alone and cannot both be true.
pub const CONTRADICTION: &str = "CFG006";
/// A file or folder that is named and is not there.
pub const PATH_MISSING: &str = "CFG007";

/// Bytes of a configuration file; a larger one is something else by mistake.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Syntax errors that are looked for behind the first one.
const SYNTAX_ERRORS_MAX: usize = 10;

/// Reads the text of a configuration file.
///
/// # Errors
/// A finding when the file is not there, too large or not UTF-8.
pub fn text_of(path: &Path) -> Result<String, Vec<Finding>> {
    let location = Location::file(shown(path));
    let failed = |message: String, help: &str| {
        vec![Finding::error(PATH_MISSING, message, help).at(location)]
    };
    match std::fs::metadata(path) {
        Ok(about) if about.len() > FILE_BYTES_MAX => Err(failed(
            format!("The file has {} bytes.", about.len()),
            "A configuration of more than 1 MiB is a mistake; check the path.",
        )),
        _ => std::fs::read_to_string(path).map_err(|e| match e.kind() {
            ErrorKind::NotFound => failed(
                "There is no such file.".to_owned(),
                "Correct the path, or let `referee init DIR` make a challenge with its settings.",
            ),
            _ => failed(
                format!("The file cannot be read: {e}."),
                "Check its permissions.",
            ),
        }),
    }
}

/// A path as findings show it: as it was given, without a leading `./`.
pub fn shown(path: &Path) -> String {
    let path = path.strip_prefix(".").unwrap_or(path);
    path.display().to_string()
}

/// A text to read, and how to speak of it.
pub struct Source<'a> {
    /// Name of the file in findings.
    pub name: &'a str,
    /// What it says.
    pub text: &'a str,
    /// The layer below: a key that the text does not set is looked up here.
    pub defaults: &'a str,
    /// Findings repeat no value of this file, because values may be secrets.
    pub guarded: bool,
}

/// Reads the whole text with `read` and gives every problem, in the order of the lines.
/// There is no value where a required part of it has a problem.
pub fn read<T>(
    source: &Source<'_>,
    read: impl FnOnce(&Section<'_>) -> Option<T>,
) -> (Option<T>, Vec<Finding>) {
    let parsed = parse(source.text);
    let defaults = Document::parse(source.defaults).ok();
    let file = File {
        source,
        lost: parsed.lost,
        findings: RefCell::default(),
    };
    for (at, message) in parsed.errors {
        file.syntax(at, &message);
    }
    let value = parsed.document.and_then(|document| {
        let below = defaults.as_ref().map(|d| d.as_table() as &dyn TableLike);
        let root = Section::root(&file, document.as_table(), below);
        root.read_with(read)
    });
    let mut findings = file.findings.into_inner();
    findings.sort_by_key(|f| {
        let location = f.location.as_ref();
        location.map(|p| (p.file != source.name, p.line, p.column))
    });
    (value, findings)
}

/// What can be made of a text.
struct Parsed {
    document: Option<Document<String>>,
    /// Byte offset and sentence of each syntax error.
    errors: Vec<(usize, String)>,
    /// Keys whose lines were left out.
    lost: Vec<String>,
}

/// Parses, leaving out up to [`SYNTAX_ERRORS_MAX`] faulty `key = value` lines, so that one missing
/// quote does not hide the mistakes behind it. A fault that reaches beyond its line cannot be left
/// out; then the first error is all that is certain.
fn parse(text: &str) -> Parsed {
    let mut work = text.to_owned();
    let (mut errors, mut lost) = (Vec::new(), Vec::new());
    while errors.len() < SYNTAX_ERRORS_MAX {
        let error = match Document::parse(work.clone()) {
            Ok(document) => {
                let document = Some(document);
                return Parsed {
                    document,
                    errors,
                    lost,
                };
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
        lost.push(key.trim().to_owned());
        let blank = " ".repeat(line.len());
        work.replace_range(line, &blank);
    }
    errors.truncate(1);
    Parsed {
        document: None,
        errors,
        lost,
    }
}

/// The line that holds this byte, without its end.
fn line_around(text: &str, at: usize) -> Range<usize> {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    start..end
}

/// The file under reading.
struct File<'a> {
    source: &'a Source<'a>,
    lost: Vec<String>,
    findings: RefCell<Vec<Finding>>,
}

impl File<'_> {
    /// Keeps a finding about what stands at this byte.
    fn notify(&self, at: usize, finding: Finding) {
        let finding = finding.at(self.location(at));
        self.findings.borrow_mut().push(finding);
    }

    fn syntax(&self, at: usize, message: &str) {
        let mut location = self.location(at);
        if self.source.guarded {
            // A broken line may be the inside of a secret.
            location.text = None;
        }
        let message = format!("The file is not valid TOML here: {message}.");
        let help = "Correct the line; a value that is a text needs quotes at both ends.";
        let finding = Finding::error(SYNTAX, message, help);
        self.findings.borrow_mut().push(finding.at(location));
    }

    /// Whether a line that sets this key had to be left out.
    fn has_lost(&self, key: &str) -> bool {
        self.lost.iter().any(|lost| lost == key)
    }

    fn location(&self, at: usize) -> Location {
        let text = self.source.text;
        let at = text.floor_char_boundary(at);
        let line = line_around(text, at);
        let number = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
        let mut location = Location::line(
            self.source.name,
            number(text[..at].bytes().filter(|b| *b == b'\n').count()),
        );
        location.column = Some(number(text[line.start..at].chars().count()));
        let written = text[line].trim_end();
        match written.split_once('=') {
            Some((key, _)) if self.source.guarded => location.with_text(format!("{key}= …")),
            None if self.source.guarded && !written.starts_with('[') => location,
            _ => location.with_text(written),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::values::{flag, text as any_text, whole};
    use super::*;

    fn said(text: &str, guarded: bool) -> Vec<String> {
        let source = Source {
            name: "file",
            text,
            defaults: "n = 1\n[t]\nb = true\n",
            guarded,
        };
        let (_, findings) = read(&source, |s| {
            s.required("n", whole::<u32>(0, 9));
            s.section("t", |t| t.required("b", flag));
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
    fn places_count_lines_and_characters() {
        assert_eq!(said("", false), [""; 0]);
        assert_eq!(
            said("\r\n n = 'é'\r\n", false),
            ["file:2:6 CFG003 | n = 'é'"]
        );
        assert_eq!(said("x = 'é' \ny = 1", false), ["file:2:1 CFG004 |y = 1"]);
        assert_eq!(said("x = {a = 1}\nt = 5", false).len(), 2);
        assert_eq!(said("t.b = 1\nt.c = 1", false).len(), 2);
    }

    #[test]
    fn guarded_files_show_keys_alone() {
        for (text, shown) in [
            ("n = 'hush'", "file:1:5 CFG003 |n = …"),
            ("n = 'hush", "file:1:10 CFG001 |"),
            ("n = [\n'hush',\n]\nm = 1", "file:4:1 CFG004 |m = …"),
            ("hush = 1", "file:1:1 CFG004 |hush = …"),
            ("[q]\n", "file:1:2 CFG004 |[q]"),
        ] {
            let said = said(text, true);
            assert!(said.contains(&shown.to_owned()), "{text}: {said:?}");
        }
    }

    #[test]
    fn files_are_read_within_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.toml");
        assert_eq!(text_of(&file).unwrap_err()[0].code, PATH_MISSING);
        std::fs::write(&file, [0xff]).unwrap();
        assert!(text_of(&file).is_err());
        std::fs::write(&file, vec![b' '; 1024 * 1024 + 1]).unwrap();
        assert!(
            text_of(&file).unwrap_err()[0]
                .message
                .contains("1048577 bytes")
        );
        assert_eq!(shown(Path::new("./a/b.toml")), "a/b.toml");
    }
}
