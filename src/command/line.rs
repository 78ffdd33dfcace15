//! One line to words: blanks of every kind, quotes of every keyboard, `key=value`.
//!
//! Never fails: a quote that does not end is a property of its word, because the rest of some lines
//! is free text and no fault.

use std::iter::Peekable;
use std::str::CharIndices;

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// What it says, without its quotes and its key.
    pub text: String,
    /// Before `=`, in small letters.
    pub key: Option<String>,
    /// Whether it stands in quotes.
    pub quoted: bool,
    /// Whether its quotes are complete.
    pub closed: bool,
    /// Where it ends, in bytes of the line.
    pub end: usize,
    /// Where it begins, in characters from 1.
    pub column: usize,
}

/// The words of a line from a byte on, with columns of the whole line.
pub(super) fn split(line: &str, from: usize) -> Vec<Word> {
    let mut words = Vec::new();
    let mut column = line[..from].chars().count() + 1;
    let mut counted = from;
    let mut chars = line[from..].char_indices().peekable();
    while let Some((at, c)) = chars.peek().copied() {
        if c.is_whitespace() {
            chars.next();
            continue;
        }
        column += line[counted..from + at].chars().count();
        counted = from + at;
        let key = key_of(&line[from + at..]);
        if let Some(key) = key {
            // The key is ASCII: as many characters as bytes.
            chars.nth(key.len());
        }
        let (text, quoted, closed) = value(&mut chars);
        words.push(Word {
            text,
            key: key.map(str::to_ascii_lowercase),
            quoted,
            closed,
            end: chars.peek().map_or(line.len(), |(at, _)| from + at),
            column,
        });
    }
    words
}

/// Words that a shell has split already, with the line that they would make.
pub(super) fn given(arguments: &[&str]) -> (String, Vec<Word>) {
    let line = arguments.join(" ");
    let (mut end, mut column) = (0, 1);
    let words = arguments
        .iter()
        .map(|argument| {
            let key = key_of(argument);
            let text = key.map_or(*argument, |key| &argument[key.len() + 1..]);
            end += argument.len();
            let word = Word {
                text: text.to_owned(),
                key: key.map(str::to_ascii_lowercase),
                quoted: text.contains(char::is_whitespace),
                closed: true,
                end,
                column,
            };
            end += 1;
            column += argument.chars().count() + 1;
            word
        })
        .collect();
    (line, words)
}

/// The letters before a `=`.
fn key_of(text: &str) -> Option<&str> {
    let (key, _) = text.split_once('=')?;
    let letters = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphabetic());
    letters.then_some(key)
}

/// Reads up to the next blank, or to the end of the quotes: what, whether quoted, whether closed.
fn value(chars: &mut Peekable<CharIndices<'_>>) -> (String, bool, bool) {
    let mut text = String::new();
    let Some(closing) = chars.peek().and_then(|(_, c)| closing(*c)) else {
        while let Some((_, c)) = chars.next_if(|(_, c)| !c.is_whitespace()) {
            text.push(c);
        }
        return (text, false, true);
    };
    chars.next();
    while let Some((_, c)) = chars.next() {
        match c {
            '\\' => {
                let escaped = chars.next_if(|(_, c)| *c == '\\' || closing.contains(*c));
                text.push(escaped.map_or('\\', |(_, c)| c));
            }
            _ if closing.contains(c) => return (text, true, true),
            '\t' => text.push(' '),
            _ => text.push(c),
        }
    }
    (text, true, false)
}

/// What closes a quote. Keyboards write quotes of many languages, and pair them freely.
fn closing(opening: char) -> Option<&'static str> {
    match opening {
        '"' => Some("\""),
        '“' | '”' | '„' | '‟' => Some("“”‟"),
        '«' => Some("»"),
        '»' => Some("«"),
        _ => None,
    }
}
