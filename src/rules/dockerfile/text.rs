//! Checks the bytes of a Dockerfile before parsing: DF001 and DF002.
//!
//! Refuses encodings, control characters, unusual blanks and directives, because parsers read them differently.

use std::borrow::Cow;

use crate::model::{Finding, limits};
use crate::rules::catalogue::{DF001, DF002};

/// Refused characters that are reported.
const CHARACTERS_REPORTED: usize = 10;

/// Whether a Dockerfile may not contain this character: control characters, blanks that only some programs treat as
/// blanks, and characters that change the appearance of a line.
pub(super) fn is_refused(c: char) -> bool {
    let invisible = matches!(c,
        '\u{61c}' | '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
    );
    let blank = c.is_whitespace() && !c.is_ascii();
    let control = c.is_control() && !matches!(c, '\n' | '\t');
    invisible || blank || control
}

/// The text with `\n` line ends and with spaces for refused characters, and the findings by line. `None` if the bytes
/// are not a text; see [`unreadable`].
pub(super) fn read_text(bytes: &[u8]) -> Option<(String, Vec<(u32, Finding)>)> {
    if bytes.len() > limits::DOCKERFILE_BYTES_MAX || bytes.contains(&0) {
        return None;
    }
    let mut findings = Vec::new();
    let text = decode(bytes, &mut findings);
    let mut clean = String::with_capacity(text.len());
    let mut number = 0;
    for line in text.split('\n') {
        number += 1;
        clean.push_str(&clean_line(number, line.strip_suffix('\r').unwrap_or(line), &mut findings));
        clean.push('\n');
    }
    findings.truncate(CHARACTERS_REPORTED);
    directives(&clean, &mut findings);
    Some((clean, findings))
}

/// The reason why the bytes are not a text.
pub(super) fn unreadable(bytes: &[u8]) -> Finding {
    if bytes.len() > limits::DOCKERFILE_BYTES_MAX {
        return DF001.finding_with(
            format!("The Dockerfile has more than {} KiB", limits::DOCKERFILE_BYTES_MAX / 1024),
            "Move data and long scripts into separate files and COPY them.",
        );
    }
    let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    let message = if utf16 { "The Dockerfile is saved as UTF-16" } else { "The Dockerfile contains NUL bytes" };
    DF001.finding_with(message, "Save it as UTF-8 without a byte order mark.")
}

fn decode<'a>(bytes: &'a [u8], findings: &mut Vec<(u32, Finding)>) -> Cow<'a, str> {
    let body = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if body.len() < bytes.len() {
        findings.push((1, DF001.finding("The file starts with a byte order mark")));
    }
    if let Err(error) = std::str::from_utf8(body) {
        let line = body[..error.valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
        findings.push((u32::try_from(line).unwrap_or(u32::MAX), DF001.finding("The line is not valid UTF-8")));
    }
    String::from_utf8_lossy(body)
}

/// Reports the first refused character of a line. Comments may contain unusual blanks, because they are common there.
fn clean_line<'a>(number: u32, line: &'a str, findings: &mut Vec<(u32, Finding)>) -> Cow<'a, str> {
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
    let message = format!("Column {} has {name}", column + 1);
    findings.push((number, DF001.finding(message)));
    Cow::Owned(line.replace(is_refused, " "))
}

/// Directives are comments above the first instruction. Newer frontends accept other forms, which are refused as well.
fn directives(text: &str, findings: &mut Vec<(u32, Finding)>) {
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        let message = if number == 1 && line.starts_with("#!") {
            "A first line that starts with `#!` is not allowed".to_owned()
        } else if let Some(name) = directive(line) {
            format!("Parser directives are not allowed: `{name}`")
        } else if line.starts_with("//") || line.starts_with('{') {
            "Only comments that start with `#` are allowed above the first instruction".to_owned()
        } else if line.is_empty() || line.starts_with('#') {
            continue;
        } else {
            return;
        };
        findings.push((number, DF002.finding(message)));
    }
}

fn directive(line: &str) -> Option<&'static str> {
    let (name, _) = line.strip_prefix('#')?.split_once('=')?;
    let name = name.trim();
    ["syntax", "escape", "check"].into_iter().find(|known| name.eq_ignore_ascii_case(known))
}
