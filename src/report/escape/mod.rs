//! Escapes texts of users for Markdown: as a sentence, as code, as a block of code, and in the HTML that Markdown may
//! contain.
//!
//! Forges process a text three times. They parse the Markdown. They search the rendered paragraphs for user names,
//! issues, commits, addresses and `:smileys:`, also if these were escaped. And they search the source for users to
//! notify. Therefore this module escapes special characters, and inserts an empty comment (`BREAK`) into everything
//! that these searches look for. The comment splits the text for every search and is invisible on the page. A
//! zero-width character would do the same, but Gitea warns of "hidden characters".
//!
//! Renderers that show comments are not supported.

use super::sanitize;
use crate::model::limits;

/// Splits a text for the searches of forges, and is invisible.
const BREAK: &str = "<!-- -->";
/// Forges do not link a commit with this number of digits.
const COMMIT_DIGITS_SAFE: usize = 6;

/// A text on one line without any meaning in Markdown, HTML or a forge. It may be used in table cells.
pub fn markdown_text(dirty: &str) -> String {
    inline(&sanitize::line(dirty))
}

/// A sentence in which pairs of backticks enclose code, as in findings.
pub fn markdown_prose(dirty: &str) -> String {
    let line = sanitize::line(dirty);
    let parts: Vec<&str> = line.split('`').collect();
    let (mut text, mut plain) = (String::new(), String::new());
    for (i, part) in parts.iter().enumerate() {
        let closed = i + 1 < parts.len();
        if i % 2 == 1 && closed && !part.trim().is_empty() {
            push_plain(&mut text, &mut plain);
            text.push_str(&markdown_code(part));
        } else {
            // A backtick without a partner is dropped, so the texts around it are escaped as one.
            plain.push_str(part);
        }
    }
    push_plain(&mut text, &mut plain);
    text
}

/// Appends a part that is not code. A line does not start with a space.
fn push_plain(text: &mut String, plain: &mut String) {
    let part = std::mem::take(plain);
    let part = if text.is_empty() { part.trim_start() } else { &part };
    text.push_str(&inline(part));
}

/// A text on one line as code. It may be used in table cells. An empty text stays empty.
///
/// Code with a `|` becomes HTML. Within a table, Markdown needs a backslash before the `|`, and elsewhere it would show
/// that backslash.
pub fn markdown_code(dirty: &str) -> String {
    let line = sanitize::line(dirty);
    if line.is_empty() {
        return line;
    }
    if line.contains('|') {
        return format!("<code>{}</code>", inline(&line));
    }
    let ticks = "`".repeat(longest_run(&line) + 1);
    if line.starts_with('`') || line.ends_with('`') {
        return format!("{ticks} {line} {ticks}");
    }
    format!("{ticks}{line}{ticks}")
}

/// Lines as a block of code, at most [`limits::CODE_BLOCK_LINES_MAX`] lines and [`limits::CODE_BLOCK_BYTES_MAX`] bytes.
/// A line with the number of omitted lines replaces the middle.
pub fn code_block(language: &str, dirty: &str) -> String {
    code_block_within(language, dirty, limits::CODE_BLOCK_BYTES_MAX)
}

/// [`code_block`] with at most `bytes_max` bytes of text, not counting the fences.
pub fn code_block_within(language: &str, dirty: &str, bytes_max: usize) -> String {
    let bytes_max = bytes_max.min(limits::CODE_BLOCK_BYTES_MAX);
    let text = within_bytes(&sanitize::text(dirty), bytes_max);
    let ticks = "`".repeat((longest_run(&text) + 1).max(3));
    format!("{ticks}{language}\n{text}\n{ticks}")
}

/// A text on one line for HTML within Markdown.
pub fn html_text(dirty: &str) -> String {
    let line = sanitize::line(dirty);
    let pieces = pieces(&line).into_iter().map(|piece| {
        let piece = piece.replace('&', "&amp;").replace('<', "&lt;");
        piece.replace('>', "&gt;").replace('"', "&quot;")
    });
    pieces.collect::<Vec<_>>().join(BREAK)
}

/// An address for a link such as `[text](<…>)`. `None` for schemes other than `http` and `https`.
pub fn markdown_url(dirty: &str) -> Option<String> {
    let scheme = dirty.split_once("://")?.0;
    if !matches!(scheme, "http" | "https") {
        return None;
    }
    let mut url = String::with_capacity(dirty.len());
    for byte in dirty.bytes() {
        match byte {
            b'&' => url.push_str("&amp;"),
            b'<' | b'>' | b'\\' | b'|' | b'`' | b'"' | b'[' | b']' | b'{' | b'}' | b'^' => {
                url.push_str(&format!("%{byte:02X}"));
            }
            _ if byte.is_ascii_graphic() => url.push(char::from(byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    Some(url)
}

/// The first characters of a text on one line, followed by `…` if there are more.
pub fn shortened(dirty: &str, chars_max: usize) -> String {
    let line = sanitize::line(dirty);
    match line.char_indices().nth(chars_max) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

/// Escapes a sanitized line, and keeps spaces at both ends.
fn inline(line: &str) -> String {
    let pieces = pieces(line);
    let last = pieces.len().saturating_sub(1);
    let mut text = String::with_capacity(line.len());
    for (i, piece) in pieces.iter().enumerate() {
        let mut opens_block = if i == 0 { block_start(piece) } else { None };
        let end = piece.char_indices().next_back().map_or(0, |(at, _)| at);
        for (at, c) in piece.char_indices() {
            // A character that a search of the source looks for is escaped as well.
            let before_break = i < last && at == end;
            match entity(c) {
                Some(entity) => text.push_str(entity),
                None => {
                    let special = matches!(c, '\\' | '`' | '*' | '_' | '~' | '$' | '#' | '^');
                    let opens = opens_block.take_if(|offset| *offset == at).is_some();
                    if special || opens || (before_break && c.is_ascii_punctuation()) {
                        text.push('\\');
                    }
                    text.push(c);
                }
            }
        }
        if i < last {
            text.push_str(BREAK);
        }
    }
    text
}

/// Entities for characters whose backslash some parsers ignore: in tables, in headings with attributes, in formulas.
fn entity(c: char) -> Option<&'static str> {
    Some(match c {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '|' => "&#124;",
        '[' => "&#91;",
        ']' => "&#93;",
        '{' => "&#123;",
        '}' => "&#125;",
        _ => return None,
    })
}

/// The offset of the character that would make the line a list, a rule, a definition or the underline of a heading.
fn block_start(line: &str) -> Option<usize> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let mut rest = line[digits..].chars();
    let first = rest.next()?;
    match (digits, first) {
        (0, '-' | '+' | '=' | ':') => Some(0),
        (1.., '.' | ')') if rest.next().is_none_or(char::is_whitespace) => Some(digits),
        _ => None,
    }
}

/// The pieces of the text. A [`BREAK`] belongs between them.
fn pieces(line: &str) -> Vec<&str> {
    let mut pieces = vec![];
    let (mut start, mut digits) = (0, 0);
    let mut ends = line.char_indices().peekable();
    while let Some((at, c)) = ends.next() {
        let Some(&(after, next)) = ends.peek() else {
            break;
        };
        digits = if c.is_ascii_hexdigit() { digits + 1 } else { 0 };
        let breaks = match c {
            // A user, an e-mail address.
            '@' => !next.is_whitespace(),
            // An issue.
            '#' | '!' => next.is_ascii_digit(),
            '-' => next.is_ascii_digit() && names_tracker(&line[..at]),
            // An address, a smiley.
            ':' => !next.is_whitespace(),
            '.' => ends_with_ignoring_case(&line[..at], "www"),
            // A page of a wiki.
            '[' => next == '[',
            // A commit.
            _ => digits == COMMIT_DIGITS_SAFE && next.is_ascii_hexdigit(),
        };
        if breaks {
            pieces.push(&line[start..after]);
            (start, digits) = (after, 0);
        }
    }
    pieces.push(&line[start..]);
    pieces
}

/// Whether a number after this text and a dash would be an issue: `ABC-1`, `gh-1`
fn names_tracker(before: &str) -> bool {
    before.ends_with(|c: char| c.is_ascii_uppercase()) || ends_with_ignoring_case(before, "gh")
}

fn ends_with_ignoring_case(text: &str, ascii: &str) -> bool {
    let end = text.len().checked_sub(ascii.len());
    let end = end.and_then(|from| text.get(from..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(ascii))
}

/// The length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`');
    runs.map(str::len).max().unwrap_or(0)
}

/// The text within the limits: a third of them for its start, the rest for its end, where errors usually are.
fn within_bytes(text: &str, bytes_max: usize) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| match line.char_indices().nth(limits::CODE_LINE_CHARS_MAX) {
            None => line.to_owned(),
            Some((end, _)) => format!("{}…", &line[..end]),
        })
        .collect();
    let lines_max = limits::CODE_BLOCK_LINES_MAX;
    let whole: usize = lines.iter().map(|l| l.len() + 1).sum();
    if lines.len() <= lines_max && whole <= bytes_max {
        return lines.join("\n");
    }
    let head = fitting(lines.iter(), lines_max / 3, bytes_max / 3);
    let rest = lines[head..].iter().rev();
    let tail = fitting(rest, lines_max - lines_max / 3, bytes_max - bytes_max / 3);
    let left_out = lines.len() - head - tail;
    let message = match left_out {
        1 => "… 1 line left out …".to_owned(),
        n => format!("… {n} lines left out …"),
    };
    let tail = lines[lines.len() - tail..].iter();
    let shown = lines[..head].iter().chain([&message]).chain(tail);
    shown.map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// The number of lines that fit.
fn fitting<'a>(lines: impl Iterator<Item = &'a String>, most: usize, bytes_max: usize) -> usize {
    let mut bytes = 0;
    let fits = |line: &&String| {
        bytes += line.len() + 1;
        bytes <= bytes_max
    };
    lines.take(most).take_while(fits).count()
}

#[cfg(test)]
mod tests;
