//! Conventions of every Rust file: it opens with its purpose, hides no problem, and has a name that means something.

use crate::layers::is_word;
use crate::source::{Source, Violation};

/// Names of files and modules that do not name a content.
const EMPTY_NAMES: [&str; 6] = ["utils", "util", "common", "helpers", "helper", "misc"];

/// Attributes that hide a problem.
const ATTRIBUTES: [(&str, &str); 2] =
    [("ignore", "an ignored test"), ("allow(", "`allow`: fix it, or `expect` it with a reason")];

/// Notes of unfinished work. They are joined here so that this file is clean.
const NOTES: [&str; 4] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX"), concat!("HA", "CK")];

/// All violations of a file.
pub(crate) fn check(source: &Source) -> Vec<Violation> {
    let mut found = opening(source);
    found.extend(unfinished(source));
    found.extend(empty_names(source));
    found
}

fn opening(source: &Source) -> Vec<Violation> {
    let first = source.lines.iter().find(|line| !line.trim().is_empty());
    if first.is_some_and(|line| line.starts_with("//!")) {
        return Vec::new();
    }
    let message = "opens without `//!`: state its purpose and its limits";
    vec![source.violation(1, message)]
}

fn unfinished(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    for (n, line) in (1..).zip(&source.code) {
        let words: Vec<&str> = line.split(|c| !is_word(c) && c != '!').collect();
        for word in ["todo!", "unimplemented!"] {
            if words.contains(&word) {
                found.push(source.violation(n, format!("`{word}`")));
            }
        }
        let dense: String = line.split_whitespace().collect();
        for (attribute, message) in ATTRIBUTES {
            let forms = [format!("#[{attribute}"), format!("#![{attribute}")];
            if forms.iter().any(|form| dense.contains(form)) {
                found.push(source.violation(n, message));
            }
        }
    }
    for (n, comment) in (1..).zip(&source.comments) {
        for note in NOTES {
            if comment.split(|c| !is_word(c)).any(|word| word == note) {
                found.push(source.violation(n, format!("{note} in a comment")));
            }
        }
    }
    found
}

fn empty_names(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    let path = source.path.trim_end_matches(".rs").split('/');
    for name in path.filter(|part| EMPTY_NAMES.contains(part)) {
        let message = format!("`{name}` does not name the content");
        found.push(source.violation(1, message));
    }
    for (n, line) in (1..).zip(&source.code) {
        let words: Vec<&str> = line.split(|c| !is_word(c)).filter(|w| !w.is_empty()).collect();
        for pair in words.windows(2) {
            if pair[0] == "mod" && EMPTY_NAMES.contains(&pair[1]) {
                found.push(source.violation(n, format!("`{}` does not name the content", pair[1])));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let found = check(&Source::new(path, text));
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn files_open_with_their_purpose_and_have_meaningful_names() {
        assert_eq!(found("src/a.rs", "//! A.\n"), [""; 0]);
        assert_eq!(found("src/a.rs", "// A.\n//! B.\n").len(), 1);
        assert_eq!(found("src/utils/a.rs", "//! A.\nmod helpers;\n").len(), 2);
    }

    #[test]
    fn unfinished_work_and_hidden_problems_are_refused() {
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
            assert!(found[0].starts_with(&format!("src/a.rs:{line}: ")), "{found:?}");
        }
        let good = "//! A.\nlet s = \"todo!() #[allow(x)]\"; // allow(x), a todo list, ignore\n";
        assert_eq!(found("src/a.rs", good), [""; 0]);
    }
}
