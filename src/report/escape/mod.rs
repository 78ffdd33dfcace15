//! Text of people made safe to stand in Markdown: as a sentence, as code, as a block of code, and
//! in the HTML that Markdown may hold.
//!
//! Forges read a text three times. Markdown is parsed; then the finished paragraphs are searched
//! for names to call, issues, commits, addresses and `:smileys:`, whatever was escaped before; and
//! the source is searched again to see who must be notified. So special characters are escaped, and
//! what those searches look for is broken by an empty comment (`BREAK`): it splits the text at
//! that point for every search, and is gone before the page is shown. A character of no width would
//! do as well, but Gitea warns of "hidden characters" where it finds one.
//!
//! No promise is made to renderers that show comments.

use super::sanitize;
use crate::model::limits;

/// Splits a text for whoever searches it, and shows nothing.
const BREAK: &str = "<!-- -->";
/// Digits of a commit that forges do not yet take for one.
const COMMIT_DIGITS_SAFE: usize = 6;

/// Text on one line that means nothing to Markdown, HTML or a forge; also in cells of tables.
pub fn markdown_text(dirty: &str) -> String {
    inline(&sanitize::line(dirty))
}

/// A sentence in which pairs of backticks mark code, as findings have it.
pub fn markdown_prose(dirty: &str) -> String {
    let line = sanitize::line(dirty);
    let parts: Vec<&str> = line.split('`').collect();
    let (mut text, mut plain) = (String::new(), String::new());
    for (i, part) in parts.iter().enumerate() {
        let closed = i + 1 < parts.len();
        match i % 2 == 1 && closed && !part.trim().is_empty() {
            true => {
                push_plain(&mut text, &mut plain);
                text.push_str(&markdown_code(part));
            }
            // A backtick that marks nothing is not shown, so what stands around it is read as one.
            false => plain.push_str(part),
        }
    }
    push_plain(&mut text, &mut plain);
    text
}

/// Ends a stretch that is not code. At its beginning a line has no blank.
fn push_plain(text: &mut String, plain: &mut String) {
    let stretch = std::mem::take(plain);
    match text.is_empty() {
        true => text.push_str(&inline(stretch.trim_start())),
        false => text.push_str(&inline(&stretch)),
    }
}

/// Text on one line as code; also in cells of tables. Nothing where there is no text.
///
/// Code with a `|` is written as HTML: within a table Markdown wants a backslash before it, and
/// elsewhere it would show that backslash.
pub fn markdown_code(dirty: &str) -> String {
    let line = sanitize::line(dirty);
    if line.is_empty() {
        return line;
    }
    if line.contains('|') {
        return format!("<code>{}</code>", inline(&line));
    }
    let ticks = "`".repeat(longest_run(&line) + 1);
    match line.starts_with('`') || line.ends_with('`') {
        true => format!("{ticks} {line} {ticks}"),
        false => format!("{ticks}{line}{ticks}"),
    }
}

/// Lines as a block of code, at most [`limits::CODE_BLOCK_LINES_MAX`] lines and
/// [`limits::CODE_BLOCK_BYTES_MAX`] bytes; what is left out of the middle is said.
pub fn code_block(language: &str, dirty: &str) -> String {
    code_block_within(language, dirty, limits::CODE_BLOCK_BYTES_MAX)
}

/// [`code_block`] with fewer bytes of text; the fences come on top.
pub fn code_block_within(language: &str, dirty: &str, bytes_max: usize) -> String {
    let bytes_max = bytes_max.min(limits::CODE_BLOCK_BYTES_MAX);
    let text = shortened(&sanitize::text(dirty), bytes_max);
    let ticks = "`".repeat((longest_run(&text) + 1).max(3));
    format!("{ticks}{language}\n{text}\n{ticks}")
}

/// Text on one line for HTML that stands in Markdown, which parses nothing there.
pub fn html_text(dirty: &str) -> String {
    let line = sanitize::line(dirty);
    let pieces = pieces(&line).into_iter().map(|piece| {
        let piece = piece.replace('&', "&amp;").replace('<', "&lt;");
        piece.replace('>', "&gt;").replace('"', "&quot;")
    });
    pieces.collect::<Vec<_>>().join(BREAK)
}

/// An address as the target of a link: `[text](<…>)` takes it as it is. `None` for anything but
/// `http` and `https`.
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

/// The first characters of a text on one line, with `…` where more follow.
pub fn cut(dirty: &str, chars_max: usize) -> String {
    let line = sanitize::line(dirty);
    match line.char_indices().nth(chars_max) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

/// A clean line escaped, its spaces at both ends kept.
fn inline(line: &str) -> String {
    let pieces = pieces(line);
    let last = pieces.len().saturating_sub(1);
    let mut text = String::with_capacity(line.len());
    for (i, piece) in pieces.iter().enumerate() {
        let mut marks_block = if i == 0 { block_mark(piece) } else { None };
        let end = piece.char_indices().next_back().map_or(0, |(at, _)| at);
        for (at, c) in piece.char_indices() {
            // What a search looks for in the source is escaped, too, not only broken.
            let before_break = i < last && at == end;
            match entity(c) {
                Some(entity) => text.push_str(entity),
                None => {
                    let special = matches!(c, '\\' | '`' | '*' | '_' | '~' | '$' | '#' | '^');
                    let opens = marks_block.take_if(|mark| *mark == at).is_some();
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

/// Characters for which a backslash is not enough: some parsers see through it, in tables, in
/// headings with attributes, in formulas.
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

/// Where the character stands that makes a line a list, a rule, a definition or the underline of
/// a heading.
fn block_mark(line: &str) -> Option<usize> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let mut rest = line[digits..].chars();
    let mark = rest.next()?;
    match (digits, mark) {
        (0, '-' | '+' | '=' | ':') => Some(0),
        (1.., '.' | ')') if rest.next().is_none_or(char::is_whitespace) => Some(digits),
        _ => None,
    }
}

/// The text in the pieces between which a [`BREAK`] must stand.
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
            // A name, an address of a person.
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

/// Whether a number after this text and a dash would be an issue: `ABC-1`, `gh-1`.
fn names_tracker(before: &str) -> bool {
    before.ends_with(|c: char| c.is_ascii_uppercase()) || ends_with_ignoring_case(before, "gh")
}

fn ends_with_ignoring_case(text: &str, ascii: &str) -> bool {
    let end = text.len().checked_sub(ascii.len());
    let end = end.and_then(|from| text.get(from..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(ascii))
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`');
    runs.map(str::len).max().unwrap_or(0)
}

/// The text within the bounds: a third from its start, the rest from its end, where errors are.
fn shortened(text: &str, bytes_max: usize) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(
            |line| match line.char_indices().nth(limits::CODE_LINE_CHARS_MAX) {
                None => line.to_owned(),
                Some((end, _)) => format!("{}…", &line[..end]),
            },
        )
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

/// How many of the lines fit.
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
