//! `metrics.json` as a tree, read with the lexer of hifijson.
//!
//! A general JSON reader drops one of two equal keys and stops at `NaN`, `Infinity` and `-Infinity`, which Python's
//! `json.dump` writes. These are the usual mistakes of scorers, so this tree keeps them for the report. Everything
//! else must follow RFC 8259. Texts that are nested too deeply or hold too many values are refused.

use std::collections::HashSet;

use hifijson::str::{self, LexAlloc as _};
use hifijson::token::Lex as _;
use hifijson::{Error, Expect, Read as _, SliceLexer, num::LexWrite as _};

use crate::model::limits;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    /// A finite number: the double that is nearest to its decimals.
    Number(f64),
    /// `NaN`, `Infinity`, `-Infinity`, or a number beyond the largest double, as written.
    NotFinite(String),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file. A key may occur twice.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// The first member with this key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The kind of value, for a message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a Boolean",
            Self::Number(_) => "a number",
            Self::NotFinite(_) => "not finite",
            Self::Text(_) => "a string",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// A position in the file. Line and column are counted from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub line: usize,
    pub column: usize,
}

impl Position {
    /// The position right behind these bytes.
    fn behind(bytes: &[u8]) -> Self {
        let line_start = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        let starts_character = |b: &&u8| (**b & 0xC0) != 0x80;
        Self {
            line: bytes.iter().filter(|b| **b == b'\n').count() + 1,
            column: bytes[line_start..].iter().filter(starts_character).count() + 1,
        }
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ParseError {
    pub position: Position,
    pub reason: ParseErrorReason,
}

/// Each text is the end of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ParseErrorReason {
    NotJson(String),
    TooLarge(&'static str),
}

#[derive(Debug)]
pub(super) struct Parsed {
    pub root: Node,
    /// Keys that occur twice in one object, and the end of that object.
    pub duplicates: Vec<(String, Position)>,
}

/// Reads one JSON value.
///
/// # Errors
/// If the bytes are anything but one JSON value, or exceed a limit of depth or number of values.
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    if let Err(error) = core::str::from_utf8(bytes) {
        return Err(ParseError {
            position: Position::behind(&bytes[..error.valid_up_to()]),
            reason: ParseErrorReason::NotJson("it is not UTF-8".to_owned()),
        });
    }
    let mut lexer = SliceLexer::new(bytes);
    let mut tree = TreeBuilder { bytes, depth: 0, values: 0, duplicates: Vec::new() };
    match lexer.exactly_one(SliceLexer::ws_peek, |next, lexer| tree.value(next, lexer)) {
        Ok(root) => Ok(Parsed { root, duplicates: tree.duplicates }),
        Err(stop) => Err(ParseError { position: tree.position(&lexer), reason: stop.0 }),
    }
}

/// Ends the parse.
struct Stop(ParseErrorReason);

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self(ParseErrorReason::NotJson(match error.into() {
            Error::Token(Expect::CommaOrEnd) => "`,` or a closing bracket is expected here".into(),
            Error::Token(Expect::String) => "a key in double quotes is expected here".into(),
            Error::Token(Expect::Eof) => "something follows the end of the value".into(),
            Error::Token(expected) => format!("a {expected} is expected here"),
            Error::Num(_) => "a digit is expected here".into(),
            Error::Str(str::Error::Control) => "a string has a control character".into(),
            Error::Str(str::Error::Escape(_)) => "a string has an invalid escape sequence".into(),
            Error::Str(str::Error::Eof) => "a string is not closed".into(),
            other => other.to_string(),
        }))
    }
}

struct TreeBuilder<'a> {
    bytes: &'a [u8],
    depth: usize,
    values: usize,
    duplicates: Vec<(String, Position)>,
}

impl TreeBuilder<'_> {
    fn position(&self, lexer: &SliceLexer<'_>) -> Position {
        Position::behind(&self.bytes[..self.bytes.len() - lexer.as_slice().len()])
    }

    /// Reads a value whose first byte is `next`.
    fn value(&mut self, next: u8, lexer: &mut SliceLexer<'_>) -> Result<Node, Stop> {
        self.values += 1;
        if self.values > limits::METRICS_VALUES_MAX {
            return Err(Stop(ParseErrorReason::TooLarge("it holds too many values")));
        }
        match next {
            b'{' | b'[' => self.nested(next, lexer),
            b'"' => Ok(Node::Text(lexer.discarded().str_string()?.into_owned())),
            b'-' | b'0'..=b'9' => number(lexer),
            b'N' if lexer.strip_prefix(b"NaN") => Ok(Node::NotFinite("NaN".to_owned())),
            b'I' if lexer.strip_prefix(b"Infinity") => Ok(Node::NotFinite("Infinity".to_owned())),
            b'n' if lexer.strip_prefix(b"null") => Ok(Node::Null),
            b't' if lexer.strip_prefix(b"true") => Ok(Node::Bool(true)),
            b'f' if lexer.strip_prefix(b"false") => Ok(Node::Bool(false)),
            _ => Err(Expect::Value.into()),
        }
    }

    fn nested(&mut self, open: u8, lexer: &mut SliceLexer<'_>) -> Result<Node, Stop> {
        if self.depth == limits::METRICS_DEPTH_MAX {
            return Err(Stop(ParseErrorReason::TooLarge("it is nested too deeply")));
        }
        self.depth += 1;
        let lexer = lexer.discarded();
        let node = if open == b'[' {
            let mut items = Vec::new();
            lexer.seq(b']', SliceLexer::ws_peek, |next, lexer| {
                items.push(self.value(next, lexer)?);
                Ok::<_, Stop>(())
            })?;
            Node::List(items)
        } else {
            let mut members = Vec::new();
            lexer.seq(b'}', SliceLexer::ws_peek, |next, lexer| {
                members.push(self.member(next, lexer)?);
                Ok::<_, Stop>(())
            })?;
            self.note_duplicates(&members, lexer);
            Node::Object(members)
        };
        self.depth -= 1;
        Ok(node)
    }

    fn member(&mut self, next: u8, lexer: &mut SliceLexer<'_>) -> Result<(String, Node), Stop> {
        lexer.expect(|_| Some(next), b'"').ok_or(Expect::String)?;
        let key = lexer.str_string()?.into_owned();
        lexer.expect(SliceLexer::ws_peek, b':').ok_or(Expect::Colon)?;
        let next = lexer.ws_peek().ok_or(Expect::Value)?;
        Ok((key, self.value(next, lexer)?))
    }

    fn note_duplicates(&mut self, members: &[(String, Node)], lexer: &SliceLexer<'_>) {
        let mut seen = HashSet::with_capacity(members.len());
        for (key, _) in members {
            // Computing a position reads the text from its start, so only as many are computed as will be listed.
            if !seen.insert(key) && self.duplicates.len() <= limits::FINDINGS_LISTED_MAX {
                self.duplicates.push((key.clone(), self.position(lexer)));
            }
        }
    }
}

fn number(lexer: &mut SliceLexer<'_>) -> Result<Node, Stop> {
    let (written, _) = match lexer.num_string().unvalidated() {
        ("-", _) if lexer.strip_prefix(b"Infinity") => {
            return Ok(Node::NotFinite("-Infinity".to_owned()));
        }
        (written, _) if !written.ends_with(|c: char| c.is_ascii_digit()) => {
            return Err(hifijson::num::Error::ExpectedDigit.into());
        }
        number => number,
    };
    Ok(match written.parse::<f64>() {
        Ok(number) if number.is_finite() => Node::Number(number),
        _ => Node::NotFinite(written.to_owned()),
    })
}
