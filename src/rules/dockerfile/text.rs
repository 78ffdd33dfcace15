//! The bytes of a Dockerfile, before anything is parsed: DF001 and DF002.
//!
//! Excludes what makes parsers differ: encodings, control characters, exotic blanks, directives.

use std::borrow::Cow;

use crate::model::{Finding, limits};
use crate::rules::catalogue::{DF001, DF002};

/// Characters of which at most this many are reported one by one.
const CHARACTERS_REPORTED: usize = 10;

/// Whether no line of a Dockerfile may hold this character: controls, blanks that only some
/// programs take for blanks, and characters that change how a line looks.
pub(super) fn is_refused(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || (c.is_whitespace() && !c.is_ascii())
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{61c}' | '\u{feff}')
}

/// The text with `\n` line ends and blanks for refused characters, and what is wrong with it, by
/// line. None if there is no text in it; see [`unreadable`].
pub(super) fn read(bytes: &[u8]) -> Option<(String, Vec<(u32, Finding)>)> {
    if bytes.len() > limits::DOCKERFILE_BYTES_MAX || bytes.contains(&0) {
        return None;
    }
    let mut faults = Vec::new();
    let text = decode(bytes, &mut faults);
    let mut clean = String::with_capacity(text.len());
    let mut number = 0;
    for line in text.split('\n') {
        number += 1;
        clean.push_str(&clean_line(
            number,
            line.strip_suffix('\r').unwrap_or(line),
            &mut faults,
        ));
        clean.push('\n');
    }
    faults.truncate(CHARACTERS_REPORTED);
    directives(&clean, &mut faults);
    Some((clean, faults))
}

/// Why there is no text.
pub(super) fn unreadable(bytes: &[u8]) -> Finding {
    if bytes.len() > limits::DOCKERFILE_BYTES_MAX {
        return DF001.finding_with(
            format!(
                "The Dockerfile has more than {} KiB",
                limits::DOCKERFILE_BYTES_MAX / 1024
            ),
            "Move data and long scripts into files of their own and COPY them.",
        );
    }
    let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    let what = if utf16 {
        "is saved as UTF-16"
    } else {
        "holds NUL bytes"
    };
    DF001.finding_with(
        format!("The Dockerfile {what}, so it cannot be read as text"),
        "Save it as UTF-8 without a byte order mark.",
    )
}

fn decode<'a>(bytes: &'a [u8], faults: &mut Vec<(u32, Finding)>) -> Cow<'a, str> {
    let body = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if body.len() < bytes.len() {
        faults.push((1, DF001.finding("The file starts with a byte order mark")));
    }
    if let Err(error) = std::str::from_utf8(body) {
        let line = body[..error.valid_up_to()]
            .iter()
            .filter(|b| **b == b'\n')
            .count()
            + 1;
        faults.push((
            u32::try_from(line).unwrap_or(u32::MAX),
            DF001.finding("This line is not valid UTF-8"),
        ));
    }
    String::from_utf8_lossy(body)
}

/// Refused characters matter everywhere but in the text of a comment, where blanks are common.
fn clean_line<'a>(number: u32, line: &'a str, faults: &mut Vec<(u32, Finding)>) -> Cow<'a, str> {
    let comment = super::lines::is_comment(line);
    let refused = |c: char| is_refused(c) && !(comment && c.is_whitespace());
    let Some((column, c)) = line.chars().enumerate().find(|(_, c)| refused(*c)) else {
        return Cow::Borrowed(line);
    };
    let name = match c {
        '\u{a0}' => "a no-break space".to_owned(),
        '\u{feff}' => "a byte order mark".to_owned(),
        '\r' => "a carriage return within the line".to_owned(),
        c => format!("the invisible character U+{:04X}", c as u32),
    };
    faults.push((
        number,
        DF001
            .finding(format!("{name} at column {}", column + 1))
            .capitalized(),
    ));
    Cow::Owned(line.replace(is_refused, " "))
}

/// Directives stand in the comments above the first instruction; so do their newer disguises.
fn directives(text: &str, faults: &mut Vec<(u32, Finding)>) {
    let mut number = 0;
    for line in text.lines() {
        number += 1;
        let line = line.trim();
        if number == 1 && line.starts_with("#!") {
            faults.push((
                1,
                DF002.finding("A first line that starts with `#!` is not allowed"),
            ));
        } else if let Some(name) = directive(line) {
            faults.push((
                number,
                DF002.finding(format!("Parser directives are not allowed: `{name}`")),
            ));
        } else if line.starts_with("//") || line.starts_with('{') {
            faults.push((
                number,
                DF002.finding(
                    "Only comments that start with `#` are allowed above the first instruction",
                ),
            ));
        } else if !line.is_empty() && !line.starts_with('#') {
            return;
        }
    }
}

fn directive(line: &str) -> Option<&'static str> {
    let (name, _) = line.strip_prefix('#')?.split_once('=')?;
    let name = name.trim();
    ["syntax", "escape", "check"]
        .into_iter()
        .find(|known| name.eq_ignore_ascii_case(known))
}

/// Sentences begin with a capital.
trait Capitalized {
    fn capitalized(self) -> Self;
}

impl Capitalized for Finding {
    fn capitalized(mut self) -> Self {
        if let Some(first) = self.message.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        self
    }
}
