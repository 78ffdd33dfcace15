//! The shapes of files and functions: how long and wide they are, how they take parameters and branch.
//!
//! It measures lines and brackets, not Rust.

use std::sync::LazyLock;

use regex::Regex;

use crate::layers::is_word;
use crate::source::{Source, Violation, line_of};

/// Lines of code of a file, without blank lines, comments and tests.
const FILE_LINES_MAX: usize = 500;
/// Lines of code of a file of `src`, counted with comments: half of the files, and nine of ten, are no longer.
const FILE_LINES_MEDIAN: usize = 120;
const FILE_LINES_P90: usize = 280;
const FUNCTION_LINES_MAX: usize = 80;
/// Columns of a line, in characters.
const LINE_COLUMNS_MAX: usize = 120;

/// The lengths of the files of `src` without their tests.
#[derive(Debug)]
pub(crate) struct FileLengths {
    median: usize,
    p90: usize,
}

impl FileLengths {
    pub(crate) fn new(sources: &[Source]) -> Self {
        let mut lengths: Vec<usize> = sources
            .iter()
            .filter(|source| source.path.starts_with("src/") && !source.is_unit_test())
            .map(|source| measured(source).iter().filter(|line| !line.trim().is_empty()).count())
            .collect();
        lengths.sort_unstable();
        let quantile = |tenths: usize| lengths.get(lengths.len() * tenths / 10).copied();
        Self { median: quantile(5).unwrap_or(0), p90: quantile(9).unwrap_or(0) }
    }

    /// The message if too many files are long.
    pub(crate) fn problem(&self) -> Option<String> {
        let short = self.median <= FILE_LINES_MEDIAN && self.p90 <= FILE_LINES_P90;
        (!short).then(|| format!("too many files of `src` are long: {self:?}"))
    }
}

/// Files and functions that are too long.
pub(crate) fn lengths(source: &Source) -> Vec<Violation> {
    // Test code beside the code is not measured: a table of cases is as long as its cases.
    if source.is_unit_test() {
        return Vec::new();
    }
    let lines = measured(source);
    let mut found = Vec::new();
    let is_code = |line: &&&str| !line.trim().is_empty() && !line.trim().starts_with("//");
    let count = lines.iter().filter(is_code).count();
    if count > FILE_LINES_MAX {
        let message = format!("{count} lines of code, {FILE_LINES_MAX} are the most");
        found.push(source.violation(1, message));
    }
    let mut open: Option<(usize, &str, &str)> = None;
    for (n, line) in lines.iter().enumerate() {
        if let Some((indent, name)) = function(line) {
            open = Some((n, indent, name));
        } else if let Some((start, indent, name)) = open
            && line.strip_prefix(indent) == Some("}")
        {
            let length = n - start;
            if length > FUNCTION_LINES_MAX {
                let message = format!("`{name}` has {length} lines, {FUNCTION_LINES_MAX} are the most");
                found.push(source.violation(start + 1, message));
            }
            open = None;
        }
    }
    found
}

/// The measured lines of a file: all lines of tests and benches, and the production lines of `src`. Other lines are
/// empty, so that lines keep their numbers.
fn measured(source: &Source) -> Vec<&str> {
    let skips_tests = source.path.starts_with("src/");
    let lines = source.lines.iter().zip(&source.in_test);
    lines.map(|(line, in_test)| if skips_tests && *in_test { "" } else { line.as_str() }).collect()
}

/// The indentation and the name of a function whose head begins in a line.
fn function(line: &str) -> Option<(&str, &str)> {
    let head = line.trim_start();
    let indent = &line[..line.len() - head.len()];
    let mut rest = match head.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.strip_prefix(' ')?,
        None => head,
    };
    while let Some(after) = ["async ", "const ", "unsafe "].iter().find_map(|word| rest.strip_prefix(word)) {
        rest = after;
    }
    let name = rest.strip_prefix("fn ")?;
    let end = name.find(|c| !is_word(c))?;
    Some((indent, &name[..end]))
}

/// Lines of a Rust or Markdown file that are too wide. A row of a Markdown table cannot be broken and passes.
pub(crate) fn widths(path: &str, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let width = content.chars().count();
        let table_row = path.ends_with(".md") && content.starts_with('|');
        if width > LINE_COLUMNS_MAX && !table_row {
            found.push(Violation {
                path: path.to_owned(),
                line,
                message: format!("{width} columns, {LINE_COLUMNS_MAX} are the most"),
            });
        }
    }
    found
}

/// Tuples as parameters, and `match` on a bool.
pub(crate) fn idioms(source: &Source) -> Vec<Violation> {
    static FUNCTION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\bfn\s+(\w+)\s*").unwrap());
    static MATCH_BOOL: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\bmatch\s[^{};]*\{\s*(true|false)\b").unwrap());
    let code = source.code.join("\n");
    let mut found = Vec::new();
    for head in FUNCTION.captures_iter(&code) {
        let after = skip_generics(&code[head.get(0).unwrap().end()..]);
        if parameters(after).iter().any(|p| p.trim().trim_start_matches("mut ").starts_with('(')) {
            let line = line_of(&code, head.get(0).unwrap().start());
            let message = format!("`{}` takes a tuple: name a struct, or take two parameters", &head[1]);
            found.push(source.violation(line, message));
        }
    }
    for branch in MATCH_BOOL.find_iter(&code) {
        let line = line_of(&code, branch.start());
        found.push(source.violation(line, "`match` on a bool: write `if` and `else`"));
    }
    found
}

/// The text behind the generic parameters, if there are any.
fn skip_generics(text: &str) -> &str {
    if !text.starts_with('<') {
        return text;
    }
    let (mut depth, mut before) = (0, ' ');
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' if before != '-' => depth -= 1,
            _ => {}
        }
        before = c;
        if depth == 0 {
            return &text[at + 1..];
        }
    }
    text
}

/// The parameters in the parentheses that begin a text.
fn parameters(text: &str) -> Vec<&str> {
    let (mut found, mut depth, mut start) = (Vec::new(), 0, 1);
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            '>' if !text[..at].ends_with('-') => depth -= 1,
            ',' if depth == 1 => {
                found.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        if depth == 0 {
            found.push(text.get(start..at).unwrap_or_default());
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(found: Vec<Violation>) -> Vec<String> {
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lengths_are_counted_without_tests_and_comments() {
        let found = |text: &str| texts(lengths(&Source::new("src/a.rs", text)));
        let lines = |n: usize, line: &str| format!("//! A.\n{}", line.repeat(n));
        assert_eq!(found(&lines(500, "x\n// y\n\n")), [""; 0]);
        assert_eq!(found(&lines(501, "x\n")).len(), 1);
        let tested = format!("{}#[cfg(test)]\n{}", lines(9, "x\n"), lines(900, "y\n"));
        assert_eq!(found(&tested), [""; 0]);
        let long = |n: usize| {
            let body = "  x\n".repeat(n);
            format!("//! A.\n    pub(super) async fn name(&self) {{\n{body}    }}\n")
        };
        assert_eq!(found(&long(79)), [""; 0]);
        assert_eq!(found(&long(80)), ["src/a.rs:2: `name` has 81 lines, 80 are the most"]);
    }

    #[test]
    fn half_of_the_files_and_nine_of_ten_have_a_length() {
        let source = |n: usize| Source::new("src/a.rs", &"x\n\n".repeat(n));
        let sources: Vec<Source> = (1..=10).map(source).collect();
        let lengths = FileLengths::new(&sources);
        assert_eq!((lengths.median, lengths.p90), (6, 10));
        assert_eq!(lengths.problem(), None);
        assert!(FileLengths::new(&[source(121)]).problem().is_some());
    }

    #[test]
    fn lines_are_measured_in_characters() {
        let text = format!("{}\n{}\n| {}\n", "ä".repeat(120), "x".repeat(121), "y".repeat(130));
        let expected = ["a.md:2: 121 columns, 120 are the most"];
        assert_eq!(texts(widths("a.md", &text)), expected);
        assert_eq!(widths("a.rs", &text).len(), 2);
    }

    #[test]
    fn tuple_parameters_and_match_on_a_bool_are_found() {
        let found = |text: &str| texts(idioms(&Source::new("src/a.rs", text)));
        let bad = "fn a<F: Fn(u8) -> (u8, u8)>(x: F,\n (y, z): (u8, u8)) {}\nfn b(mut (x, y): P) {}\n\
                   fn c() { match a(&b) { true => 1, _ => 2 } }";
        let expected = [
            "src/a.rs:1: `a` takes a tuple: name a struct, or take two parameters",
            "src/a.rs:3: `b` takes a tuple: name a struct, or take two parameters",
            "src/a.rs:4: `match` on a bool: write `if` and `else`",
        ];
        assert_eq!(found(bad), expected);
        let good = "fn a(x: (u8, u8), f: impl Fn((u8, u8)) -> u8) { |(a, b)| 1; }\n\
                    fn b() { match (a, b) { (true, _) => 1 } }";
        assert_eq!(found(good), [""; 0]);
    }
}
