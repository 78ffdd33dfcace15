//! A strict JSON reader that forgives just enough to say what is wrong where.
//!
//! It reads RFC 8259, with every number the double that is nearest to its decimals. Two things that
//! a general reader drops or stops at are kept, because they are the usual faults of scorers: a key
//! that stands twice in one object, and the tokens `NaN`, `Infinity` and `-Infinity` that Python's
//! `json.dump` writes. It refuses everything else that is not JSON, and trees that are too deep or
//! too large.

use std::collections::HashSet;

use crate::model::limits;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A finite number.
    Number(f64),
    /// `NaN`, `Infinity`, `-Infinity`, or a number beyond the largest double, as written.
    NotFinite(String),
    /// A text.
    Text(String),
    /// An array.
    List(Vec<Node>),
    /// An object, in the order of the file; a key may stand twice.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// The first member of that name.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// What it is, for a sentence.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a truth value",
            Self::Number(_) => "a number",
            Self::NotFinite(_) => "not finite",
            Self::Text(_) => "a text",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// A place in the file, both counted from 1; columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a text is not JSON, or not readable within the limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Where reading stopped.
    pub at: Position,
    /// The end of the sentence "this is not JSON: ...".
    pub why: &'static str,
    /// Whether it may be JSON, but too much of it.
    pub too_large: bool,
}

/// What was read.
#[derive(Debug)]
pub struct Parsed {
    /// The value.
    pub root: Node,
    /// Keys that stand in one object for the second time, and where that object ends.
    pub duplicates: Vec<(String, Position)>,
}

/// Reads one JSON value and nothing after it.
pub fn parse(bytes: &[u8]) -> Result<Parsed, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|e| Refusal {
        at: position(&bytes[..e.valid_up_to()]),
        why: "it is not UTF-8",
        too_large: false,
    })?;
    let mut reader = Reader {
        text,
        at: 0,
        depth: 0,
        values: 0,
        duplicates: Vec::new(),
    };
    let root = reader.value()?;
    reader.blanks();
    match reader.peek() {
        None => Ok(Parsed {
            root,
            duplicates: reader.duplicates,
        }),
        Some(_) => Err(reader.refuse("something follows the end of the value")),
    }
}

/// The place right after these bytes.
fn position(before: &[u8]) -> Position {
    let start = before
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |i| i + 1);
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    // Every character has one byte that does not continue another.
    let starts = |b: &&u8| (**b & 0xC0) != 0x80;
    let column = before[start..].iter().filter(starts).count() + 1;
    Position { line, column }
}

struct Reader<'a> {
    text: &'a str,
    /// Bytes read; always at the boundary of a character where a value or text begins or ends.
    at: usize,
    depth: usize,
    values: usize,
    duplicates: Vec<(String, Position)>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Takes these bytes if they come next.
    fn take(&mut self, token: &str) -> bool {
        let found = self.text.as_bytes()[self.at..].starts_with(token.as_bytes());
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn here(&self) -> Position {
        position(&self.text.as_bytes()[..self.at])
    }

    fn refuse(&self, why: &'static str) -> Refusal {
        Refusal {
            at: self.here(),
            why,
            too_large: false,
        }
    }

    fn too_large(&self, why: &'static str) -> Refusal {
        Refusal {
            too_large: true,
            ..self.refuse(why)
        }
    }

    fn value(&mut self) -> Result<Node, Refusal> {
        self.values += 1;
        if self.values > limits::METRICS_VALUES_MAX {
            return Err(self.too_large("it holds too many values"));
        }
        self.blanks();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::list),
            Some(b'"') => self.string().map(Node::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => self.word(),
            None => Err(self.refuse("it ends where a value is expected")),
        }
    }

    fn word(&mut self) -> Result<Node, Refusal> {
        let words = [
            ("null", Node::Null),
            ("true", Node::Bool(true)),
            ("false", Node::Bool(false)),
            ("NaN", Node::NotFinite("NaN".to_owned())),
            ("Infinity", Node::NotFinite("Infinity".to_owned())),
        ];
        for (word, node) in words {
            if self.take(word) {
                return Ok(node);
            }
        }
        Err(self.refuse("a value is expected here"))
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Node, Refusal>) -> Result<Node, Refusal> {
        self.depth += 1;
        if self.depth > limits::METRICS_DEPTH_MAX {
            return Err(self.too_large("it is nested too deeply"));
        }
        self.at += 1;
        let node = read(self);
        self.depth -= 1;
        node
    }

    /// After `[`.
    fn list(&mut self) -> Result<Node, Refusal> {
        let mut items = Vec::new();
        self.blanks();
        if self.take("]") {
            return Ok(Node::List(items));
        }
        loop {
            items.push(self.value()?);
            self.blanks();
            if self.take("]") {
                return Ok(Node::List(items));
            }
            if !self.take(",") {
                return Err(self.refuse("`,` or `]` is expected here"));
            }
        }
    }

    /// After `{`.
    fn object(&mut self) -> Result<Node, Refusal> {
        let mut members = Vec::new();
        self.blanks();
        if self.take("}") {
            return Ok(Node::Object(members));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.refuse("a key in double quotes is expected here"));
            }
            let key = self.string()?;
            self.blanks();
            if !self.take(":") {
                return Err(self.refuse("`:` is expected here"));
            }
            members.push((key, self.value()?));
            self.blanks();
            if self.take("}") {
                self.note_duplicates(&members);
                return Ok(Node::Object(members));
            }
            if !self.take(",") {
                return Err(self.refuse("`,` or `}` is expected here"));
            }
        }
    }

    fn note_duplicates(&mut self, members: &[(String, Node)]) {
        let mut seen = HashSet::with_capacity(members.len());
        for (key, _) in members {
            // A place costs a walk over the text, so only as many as will be listed.
            if !seen.insert(key) && self.duplicates.len() <= limits::FINDINGS_SHOWN_MAX {
                self.duplicates.push((key.clone(), self.here()));
            }
        }
    }

    fn digits(&mut self) -> bool {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        self.at > start
    }

    fn number(&mut self) -> Result<Node, Refusal> {
        let start = self.at;
        self.take("-");
        if self.take("Infinity") {
            return Ok(Node::NotFinite("-Infinity".to_owned()));
        }
        // A number does not begin with 0 unless its whole part is 0.
        let whole = self.take("0") || self.digits();
        let fraction = !self.take(".") || self.digits();
        let exponent = if self.take("e") || self.take("E") {
            let _sign = self.take("+") || self.take("-");
            self.digits()
        } else {
            true
        };
        if !(whole && fraction && exponent) {
            return Err(self.refuse("a digit is expected here"));
        }
        let written = &self.text[start..self.at];
        match written.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Node::Number(number)),
            _ => Ok(Node::NotFinite(written.to_owned())),
        }
    }

    fn string(&mut self) -> Result<String, Refusal> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let start = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1F)) {
                self.at += 1;
            }
            text.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return Err(self.refuse("a control character must be escaped")),
                None => return Err(self.refuse("it ends within a text")),
            }
        }
    }

    /// At `\`.
    fn escape(&mut self) -> Result<char, Refusal> {
        self.at += 1;
        let plain = match self.peek() {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.code_point(),
            _ => return Err(self.refuse("this is no escape")),
        };
        self.at += 1;
        Ok(plain)
    }

    /// At the `u` of `\u00e9`, or of the first of a pair of surrogates.
    fn code_point(&mut self) -> Result<char, Refusal> {
        let first = self.hex4()?;
        let code = match first {
            0xD800..=0xDBFF if self.take("\\") => match self.hex4()? {
                second @ 0xDC00..=0xDFFF => 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00),
                _ => first,
            },
            _ => first,
        };
        char::from_u32(code).ok_or_else(|| self.refuse("half of a surrogate pair is missing"))
    }

    fn hex4(&mut self) -> Result<u32, Refusal> {
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 5);
        let hex =
            digits.filter(|d| self.peek() == Some(b'u') && d.iter().all(u8::is_ascii_hexdigit));
        let code = hex
            .and_then(|d| std::str::from_utf8(d).ok())
            .and_then(|d| u32::from_str_radix(d, 16).ok())
            .ok_or_else(|| self.refuse("`u` and four hexadecimal digits are expected here"))?;
        self.at += 5;
        Ok(code)
    }
}
