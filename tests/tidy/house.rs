//! House rules: every file says what it is, nothing is too long, nothing is put off or hushed up.

use crate::source::{Source, is_word};

/// Lines of code of a file, without its tests.
const FILE_LINES_MAX: usize = 500;
/// Lines of a function.
const FUNCTION_LINES_MAX: usize = 80;
/// Names that say nothing.
const EMPTY_NAMES: [&str; 6] = ["utils", "util", "common", "helpers", "helper", "misc"];

/// All violations of a file.
pub fn check(source: &Source) -> Vec<String> {
    let mut found = opening(source);
    found.extend(lengths(source));
    found.extend(put_off(source));
    found.extend(names(source));
    found
}

fn opening(source: &Source) -> Vec<String> {
    let first = source.lines.iter().find(|line| !line.trim().is_empty());
    match first.is_some_and(|line| line.starts_with("//!")) {
        true => Vec::new(),
        false => vec![source.at(
            1,
            "opens without `//!`: what is it, what does it refuse to do?",
        )],
    }
}

/// The part of a file that counts: all of it for tests, else what is before its tests.
fn counted(source: &Source) -> &[String] {
    let tests = source.path.starts_with("tests/") || source.path.starts_with("benches/");
    let end = source
        .lines
        .iter()
        .position(|line| line.trim() == "#[cfg(test)]");
    match (tests, end) {
        (false, Some(end)) => &source.lines[..end],
        _ => &source.lines,
    }
}

fn lengths(source: &Source) -> Vec<String> {
    // Tables of cases are as long as there are cases: test code beside the code is not measured.
    if source.is_unit_test() {
        return Vec::new();
    }
    let lines = counted(source);
    let mut found = Vec::new();
    let code = |line: &&String| !line.trim().is_empty() && !line.trim().starts_with("//");
    let many = lines.iter().filter(code).count();
    if many > FILE_LINES_MAX {
        found.push(source.at(
            1,
            format!("{many} lines of code, {FILE_LINES_MAX} are the most"),
        ));
    }
    let mut open: Option<(usize, &str, &str)> = None;
    for (n, line) in lines.iter().enumerate() {
        if let Some((indent, name)) = function(line) {
            open = Some((n, indent, name));
        } else if let Some((start, indent, name)) = open
            && line.strip_prefix(indent) == Some("}")
        {
            let long = n - start;
            if long > FUNCTION_LINES_MAX {
                let message =
                    format!("`{name}` has {long} lines, {FUNCTION_LINES_MAX} are the most");
                found.push(source.at(start + 1, message));
            }
            open = None;
        }
    }
    found
}

/// The indentation and the name of a function whose head a line begins.
fn function(line: &str) -> Option<(&str, &str)> {
    let head = line.trim_start();
    let indent = &line[..line.len() - head.len()];
    let mut rest = match head.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.strip_prefix(' ')?,
        None => head,
    };
    while let Some(after) = ["async ", "const ", "unsafe "]
        .iter()
        .find_map(|word| rest.strip_prefix(word))
    {
        rest = after;
    }
    let name = rest.strip_prefix("fn ")?;
    let end = name.find(|c| !is_word(c))?;
    Some((indent, &name[..end]))
}

fn put_off(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let dense = |line: &str| line.split_whitespace().collect::<String>();
    for (n, line) in (1..).zip(&source.code) {
        let words: Vec<&str> = line.split(|c| !is_word(c) && c != '!').collect();
        for word in ["todo!", "unimplemented!"] {
            if words.contains(&word) {
                found.push(source.at(n, format!("`{word}`")));
            }
        }
        let dense = dense(line);
        for (attribute, message) in [
            ("ignore", "an ignored test"),
            ("allow(", "`allow`: fix it, or `expect` it with a reason"),
        ] {
            let written = [format!("#[{attribute}"), format!("#![{attribute}")];
            if written.iter().any(|w| dense.contains(w)) {
                found.push(source.at(n, message));
            }
        }
    }
    for (n, comment) in (1..).zip(&source.comments) {
        for word in [
            concat!("TO", "DO"),
            concat!("FIX", "ME"),
            concat!("X", "XX"),
            concat!("HA", "CK"),
        ] {
            if comment.split(|c| !is_word(c)).any(|w| w == word) {
                found.push(source.at(n, format!("{word} in a comment")));
            }
        }
    }
    found
}

fn names(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let path = source.path.trim_end_matches(".rs").split('/');
    for name in path.filter(|part| EMPTY_NAMES.contains(part)) {
        found.push(source.at(1, format!("`{name}` names nothing: what is in it?")));
    }
    for (n, line) in (1..).zip(&source.code) {
        let mut words = line.split(|c| !is_word(c)).filter(|w| !w.is_empty());
        while let Some(word) = words.next() {
            if word == "mod"
                && words
                    .clone()
                    .next()
                    .is_some_and(|w| EMPTY_NAMES.contains(&w))
            {
                found.push(source.at(n, "a module whose name names nothing"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        check(&Source::new(path, text.to_owned()))
    }

    #[test]
    fn files_say_what_they_are() {
        assert_eq!(found("src/a.rs", "//! A.\n"), [""; 0]);
        assert_eq!(found("src/a.rs", "// A.\n//! B.\n").len(), 1);
        assert_eq!(found("src/utils/a.rs", "//! A.\nmod helpers;\n").len(), 2);
    }

    #[test]
    fn lengths_are_counted_without_tests_and_comments() {
        let lines = |n: usize, line: &str| format!("//! A.\n{}", line.repeat(n));
        assert_eq!(found("src/a.rs", &lines(500, "x\n// y\n\n")), [""; 0]);
        assert_eq!(found("src/a.rs", &lines(501, "x\n")).len(), 1);
        let tested = format!("{}#[cfg(test)]\n{}", lines(9, "x\n"), lines(900, "y\n"));
        assert_eq!(found("src/a.rs", &tested), [""; 0]);
        let long = |n: usize| {
            let body = "  x\n".repeat(n);
            format!("//! A.\n    pub(super) async fn name(&self) {{\n{body}    }}\n")
        };
        assert_eq!(found("src/a.rs", &long(79)), [""; 0]);
        assert_eq!(
            found("src/a.rs", &long(80)),
            ["src/a.rs:2: `name` has 81 lines, 80 are the most"]
        );
    }

    #[test]
    fn nothing_is_put_off_or_hushed_up() {
        for (bad, line) in [
            ("fn x() { todo!() }", 2),
            ("unimplemented! ()", 2),
            ("# [ignore]", 2),
            ("#[ignore = \"slow\"]", 2),
            ("#![allow(dead_code)]", 2),
            ("#[cfg_attr(x, y)] #[allow(clippy::all)]", 2),
            (concat!("// TO", "DO: more"), 2),
            (concat!("\n/* later: FIX", "ME */"), 3),
        ] {
            let found = found("src/a.rs", &format!("//! A.\n{bad}\n"));
            assert_eq!(found.len(), 1, "{bad}: {found:?}");
            assert!(
                found[0].starts_with(&format!("src/a.rs:{line}: ")),
                "{found:?}"
            );
        }
        let good = "//! A.\nlet s = \"todo!() #[allow(x)]\"; // allow(x), a todo list, ignore\n";
        assert_eq!(found("src/a.rs", good), [""; 0]);
    }
}
