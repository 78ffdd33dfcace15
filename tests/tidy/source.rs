//! A Rust source file as the checks read it: its lines, and the same lines split into code, comments and literals.

use std::fmt;

use crate::layers::{Language, Layers};

/// One source file.
pub(crate) struct Source {
    /// The path from the root of the package, separated by `/`.
    pub path: String,
    /// The lines as they are in the file.
    pub lines: Vec<String>,
    /// The code alone. Comments and the insides of literals are blanks.
    pub code: Vec<String>,
    /// The comments alone.
    pub comments: Vec<String>,
    /// For each line, whether it belongs to an item under `#[cfg(test)]`.
    pub in_test: Vec<bool>,
}

/// A line that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    pub path: String,
    pub line: usize,
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let layers = Layers::new(Language::Rust, text);
        let lines = |text: &str| text.split('\n').map(str::to_owned).collect::<Vec<_>>();
        let code = lines(&layers.code);
        Self {
            path: path.to_owned(),
            in_test: test_lines(&code, is_test_file(path)),
            code,
            comments: lines(&layers.comments),
            lines: lines(text),
        }
    }

    /// The production code, line by line, counted from 1.
    pub(crate) fn production(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..)
            .zip(&self.code)
            .zip(&self.in_test)
            .filter(|(_, in_test)| !**in_test)
            .map(|((n, line), _)| (n, line.as_str()))
    }

    /// The production code as one text. Lines of tests are empty, so that lines keep their numbers.
    pub(crate) fn production_text(&self) -> String {
        let mut lines = vec![""; self.code.len()];
        for (n, line) in self.production() {
            lines[n - 1] = line;
        }
        lines.join("\n")
    }

    /// Whether the whole file is test code beside the code that it tests.
    pub(crate) fn is_unit_test(&self) -> bool {
        self.path.starts_with("src/") && is_test_file(&self.path)
    }

    pub(crate) fn violation(&self, line: usize, message: impl fmt::Display) -> Violation {
        Violation { path: self.path.clone(), line, message: message.to_string() }
    }
}

/// The line of a byte of a text, counted from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn is_test_file(path: &str) -> bool {
    let unit = path.ends_with("/tests.rs") || path.contains("/tests/");
    !path.starts_with("src/") || unit
}

/// For each line, whether it is part of an item under `#[cfg(test)]`, up to the closing brace or semicolon.
fn test_lines(code: &[String], whole_file: bool) -> Vec<bool> {
    let mut in_test = vec![whole_file; code.len()];
    let mut depth = None::<i32>;
    let mut open = false;
    for (line, in_test) in code.iter().zip(&mut in_test) {
        if depth.is_none() && line.trim_start().starts_with("#[cfg(test)]") {
            (depth, open) = (Some(0), false);
        }
        let Some(level) = &mut depth else {
            continue;
        };
        *in_test = true;
        let item = line.replace("#[cfg(test)]", "");
        for c in item.chars() {
            match c {
                '{' => (*level, open) = (*level + 1, true),
                '}' => *level -= 1,
                _ => {}
            }
        }
        if (open && *level <= 0) || (!open && item.trim_end().ends_with(';')) {
            depth = None;
        }
    }
    in_test
}

#[test]
fn test_items_end_with_their_brace_or_semicolon() {
    let text = "a\n#[cfg(test)]\nmod tests;\nb\n#[cfg(test)]\nmod x {\n fn y() {\n }\n}\nc";
    let source = Source::new("src/model/x.rs", text);
    let left: Vec<_> = source.production().map(|(n, line)| (n, line.to_owned())).collect();
    assert_eq!(left, [(1, "a".into()), (4, "b".into()), (10, "c".into())]);
}
