//! Joins physical lines into logical ones, exactly as the classic builder does: DF003.
//!
//! Comments and empty lines are removed, also within a continued instruction. The blanks of a continued line are kept.
//! A line that ends in two backslashes is refused, because versions of Docker read it differently.

use super::report::Report;
use crate::model::limits;
use crate::rules::catalogue::{DF003, DF005};

/// One instruction as one line of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// The first physical line, counted from 1.
    pub(super) number: u32,
    /// The joined text, without blanks at its ends.
    pub(super) text: String,
    /// The physical lines with their numbers.
    parts: Vec<(u32, String)>,
}

impl Line {
    /// The number of the physical line that contains a text.
    pub(super) fn find(&self, needle: &str) -> Option<u32> {
        let part = self.parts.iter().find(|(_, part)| part.contains(needle));
        part.map(|(number, _)| *number)
    }

    /// The number of the physical line that contains a text, or that of the first one.
    pub(super) fn number_of(&self, needle: &str) -> u32 {
        self.find(needle).unwrap_or(self.number)
    }

    /// The first word in upper case.
    pub(super) fn keyword(&self) -> String {
        self.split().0.to_ascii_uppercase()
    }

    /// Everything after the first word.
    pub(super) fn rest(&self) -> &str {
        self.split().1
    }

    fn split(&self) -> (&str, &str) {
        let (word, rest) = self.text.split_once(BLANKS).unwrap_or((&self.text, ""));
        (word, rest.trim_matches(BLANKS))
    }
}

/// The characters that separate words.
pub(super) const BLANKS: [char; 2] = [' ', '\t'];

/// Whether a physical line is a comment for every parser.
pub(super) fn is_comment(line: &str) -> bool {
    line.trim_start_matches(BLANKS).starts_with('#')
}

/// The logical lines, at most one more than are allowed. The rest is not read, which bounds the time for a long file.
pub(super) fn read_lines(text: &str, report: &mut Report<'_>) -> Vec<Line> {
    let mut physical = (1..).zip(text.lines()).peekable();
    let mut lines = Vec::new();
    let mut refused = 0;
    while let Some((number, first)) = physical.next() {
        if lines.len() + refused > limits::DOCKERFILE_INSTRUCTIONS_MAX {
            break;
        }
        if is_comment(first) || first.trim_matches(BLANKS).is_empty() {
            continue;
        }
        let mut parts = vec![(number, first.trim_start_matches(BLANKS).to_owned())];
        let mut next = Some(first);
        while next.is_some_and(|part| continuation(part).is_some()) {
            next = None;
            for (number, part) in physical.by_ref() {
                if !is_comment(part) && !part.trim_matches(BLANKS).is_empty() {
                    parts.push((number, part.to_owned()));
                    next = Some(part);
                    break;
                }
            }
        }
        let line = join(parts, report);
        if let Some(delimiter) = here_document(&line) {
            let message = format!("Here-documents are not allowed: `<<{delimiter}`");
            report.at(line.number_of("<<"), DF003.finding(message));
            refused += 1;
            let body = physical.clone().position(|(_, l)| l.trim_start_matches('\t') == delimiter);
            if let Some(length) = body {
                physical.nth(length);
            }
        } else if !line.text.is_empty() {
            lines.push(line);
        } else if !report.has_finding_at(number) {
            let message = "The backslash continues an instruction that does not exist";
            report.at(number, DF005.finding_with(message, "Remove the backslash."));
        }
    }
    lines
}

/// The line without the backslash that continues it.
fn continuation(line: &str) -> Option<&str> {
    line.trim_end_matches(BLANKS).strip_suffix('\\')
}

fn join(parts: Vec<(u32, String)>, report: &mut Report<'_>) -> Line {
    let number = parts.first().map_or(1, |(n, _)| *n);
    let mut text = String::new();
    for (number, part) in &parts {
        let kept = continuation(part).unwrap_or(part);
        if kept.ends_with('\\') {
            report.at(
                *number,
                DF005.finding_with(
                    "The line ends in two backslashes, which versions of Docker read differently",
                    "End the line in one backslash to continue it, or in another character.",
                ),
            );
        }
        text.push_str(kept);
    }
    let mut text = text.trim_matches(BLANKS).to_owned();
    if text.ends_with('\\') {
        if !report.has_finding_at(number) {
            report.at(number, DF005.finding("The instruction ends in a backslash"));
        }
        text.truncate(text.trim_end_matches(['\\', ' ', '\t']).len());
    }
    Line { number, text, parts }
}

/// The delimiter of a here-document of RUN, COPY or ADD: an unquoted word that starts with `<<`. `cat<<EOF` counts as
/// well. Shifts in arithmetic (`$((1 << 2))`) and here-strings (`<<<`) do not count.
fn here_document(line: &Line) -> Option<String> {
    if !matches!(line.keyword().as_str(), "RUN" | "COPY" | "ADD") {
        return None;
    }
    let rest = line.rest();
    let (mut quote, mut escaped) = (None, false);
    let mut depth = 0_usize;
    for (i, c) in rest.char_indices() {
        let literal = escaped;
        escaped = c == '\\' && !literal && quote != Some('\'');
        match (quote, c) {
            (Some(q), c) if q == c && !literal => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') if !literal => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, '<') if rest[i..].starts_with("<<") && !rest[..i].ends_with('<') => {
                let word = rest[i + 2..].trim_start_matches('-').trim_start_matches(BLANKS);
                let name: String = word
                    .trim_start_matches(['"', '\'', '\\'])
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '!'))
                    .collect();
                let arithmetic = depth >= 2;
                if !word.starts_with('<') && !arithmetic && !name.is_empty() {
                    return Some(name);
                }
            }
            _ => {}
        }
    }
    None
}
