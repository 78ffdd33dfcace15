//! The snapshots of this folder hold every text that the program can print, one file for each module, so that a
//! reviewer reads them together.
//!
//! A text is a literal of at least two words in production code. Placeholders stay as they are. SQL and the help of the
//! command line are left out: the help comes from doc comments, and the snapshots of `tests/cli` hold it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::layers::{Language, Layers};
use crate::source::Source;

/// First words of literals that are read by programs.
const FOR_PROGRAMS: [&str; 12] = [
    "SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH ", "CREATE ", "PRAGMA ", "BEGIN ", "FROM ", "LOCK ", "AND ", "<",
];

/// The texts of the production code by module, each module with its files and their texts in the order of the code.
pub(crate) fn by_module(sources: &[Source]) -> BTreeMap<String, String> {
    let mut modules = BTreeMap::<String, String>::new();
    for source in sources {
        let Some(module) = source.path.strip_prefix("src/").and_then(|path| path.split(['/', '.']).next()) else {
            continue;
        };
        let texts = texts(source);
        if texts.is_empty() {
            continue;
        }
        let all = modules.entry(module.to_owned()).or_default();
        writeln!(all, "{}", source.path).unwrap();
        for text in texts {
            writeln!(all, "    {}", text.replace('\n', "\n    ")).unwrap();
        }
    }
    modules
}

fn texts(source: &Source) -> Vec<String> {
    let production: Vec<&str> =
        source.lines.iter().zip(&source.in_test).map(|(line, in_test)| if *in_test { "" } else { line }).collect();
    let literals = Layers::new(Language::Rust, &production.join("\n")).literals;
    let mut rest = literals.as_str();
    let mut found = Vec::new();
    while let Some(start) = rest.find(['"', '\'']) {
        if rest[start..].starts_with('\'') {
            rest = after_char(&rest[start..]);
            continue;
        }
        let hashes = rest[..start].chars().rev().take_while(|c| *c == '#').count();
        let is_raw = rest[..start - hashes].ends_with('r');
        rest = &rest[start + 1..];
        let end = if is_raw { rest.find(&format!("\"{}", "#".repeat(hashes))) } else { closing_quote(rest) };
        let literal = &rest[..end.unwrap()];
        rest = &rest[end.unwrap() + 1 + if is_raw { hashes } else { 0 }..];
        let text = if is_raw { literal.to_owned() } else { unescaped(literal) };
        if is_for_people(&text) {
            found.push(text.trim().to_owned());
        }
    }
    found
}

/// The rest behind a literal of one character, which may be a quote.
fn after_char(literal: &str) -> &str {
    let content = literal.char_indices().nth(if literal.starts_with("'\\") { 3 } else { 2 });
    let end = content.and_then(|(at, _)| literal[at..].find('\'').map(|end| at + end + 1));
    end.map_or("", |end| &literal[end..])
}

fn closing_quote(literal: &str) -> Option<usize> {
    let mut escaped = false;
    literal.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

/// The text of a literal, as far as its layout depends on escapes.
fn unescaped(literal: &str) -> String {
    let mut text = String::new();
    let mut chars = literal.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('\n')) => while chars.next_if(|c| c.is_whitespace()).is_some() {},
            ('\\', Some('n')) => {
                chars.next();
                text.push('\n');
            }
            ('\\', Some('"' | '\\' | '\'')) => text.extend(chars.next()),
            _ => text.push(c),
        }
    }
    text
}

fn is_for_people(text: &str) -> bool {
    let words = text.split_whitespace().filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() >= 2);
    words.count() >= 2 && !FOR_PROGRAMS.iter().any(|first| text.trim_start().starts_with(first))
}

#[test]
fn a_text_is_a_literal_of_two_words_as_it_is_printed() {
    let code = "fn a() { f('\"', '\\'', \"one\", \"a \\\"b\\\" is \\\n   not found\", r#\"raw \"text\" here\"#); }\n\
                // \"a comment\"\n\
                fn sql() -> &'static str { \"SELECT id FROM team\" }\n\
                #[cfg(test)]\nmod tests { const T: &str = \"no text\"; }";
    assert_eq!(texts(&Source::new("src/model/x.rs", code)), ["a \"b\" is not found", "raw \"text\" here"]);
}
