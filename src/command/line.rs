//! One line to words: blanks of every kind, quotes of every keyboard, `key=value`.
//!
//! It never fails. An unclosed quote is only a property of its word, because some lines end with free
//! text, in which a quote need not be closed.

use std::iter::Peekable;
use std::str::CharIndices;

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Its text, without quotes and key.
    pub text: String,
    /// The name before `=`, in small letters.
    pub key: Option<String>,
    pub quoted: bool,
    /// Whether its quotes are complete.
    pub closed: bool,
    /// Where it ends, in bytes of the line.
    pub end: usize,
    /// Where it begins, in characters from 1.
    pub column: usize,
}

impl Word {
    /// Whether it is this keyword, in letters of any size and without quotes.
    pub fn is_keyword(&self, keyword: &str) -> bool {
        !self.quoted && self.text.eq_ignore_ascii_case(keyword)
    }
}

/// The words of a line from a byte on, with columns of the whole line.
pub(super) fn split_line(line: &str, from: usize) -> Vec<Word> {
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
        let value = read_value(&mut chars);
        words.push(Word {
            text: value.text,
            key: key.map(str::to_ascii_lowercase),
            quoted: value.quoted,
            closed: value.closed,
            end: chars.peek().map_or(line.len(), |(at, _)| from + at),
            column,
        });
    }
    words
}

/// Words that a shell has split already, with the line that they would make.
pub(super) fn join_arguments(arguments: &[&str]) -> (String, Vec<Word>) {
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

struct Value {
    text: String,
    quoted: bool,
    closed: bool,
}

/// Reads up to the next blank, or to the end of the quotes.
fn read_value(chars: &mut Peekable<CharIndices<'_>>) -> Value {
    let mut text = String::new();
    let Some(closing) = chars.peek().and_then(|(_, c)| closing_quotes(*c)) else {
        while let Some((_, c)) = chars.next_if(|(_, c)| !c.is_whitespace()) {
            text.push(c);
        }
        return Value { text, quoted: false, closed: true };
    };
    chars.next();
    let mut closed = false;
    while let Some((_, c)) = chars.next() {
        match c {
            '\\' => {
                let escaped = chars.next_if(|(_, c)| *c == '\\' || closing.contains(*c));
                text.push(escaped.map_or('\\', |(_, c)| c));
            }
            _ if closing.contains(c) => {
                closed = true;
                break;
            }
            '\t' => text.push(' '),
            _ => text.push(c),
        }
    }
    Value { text, quoted: true, closed }
}

/// The characters that close a quote. Keyboards write quotes of many languages and pair them freely.
fn closing_quotes(opening: char) -> Option<&'static str> {
    match opening {
        '"' => Some("\""),
        '“' | '”' | '„' | '‟' => Some("“”‟"),
        '«' => Some("»"),
        '»' => Some("«"),
        _ => None,
    }
}
