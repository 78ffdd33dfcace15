//! `.dockerignore`: which files of a commit are no part of the build context.
//!
//! Reads patterns as Docker does (moby/patternmatcher): a pattern that matches a directory matches
//! everything below it, `**` matches any number of directories, `!` takes back, and of all patterns
//! that match the last one decides. Only patterns are looked at, never the order in which a client
//! walks directories: `!**/keep.txt` brings a file back also from a directory that was left out.

use std::collections::BTreeMap;

use super::tokens::Tokens;
use crate::model::{EntryKind, Finding, Location, SourceTree};
use crate::rules::catalogue::SRC012;

/// The file at the root of the repository.
pub const FILE: &str = ".dockerignore";
/// Patterns of one file.
const PATTERNS_MAX: usize = 1000;
/// Letters of all patterns times letters of all paths: what comparing them costs at most.
const WORK_MAX: usize = 2_000_000_000;

/// The patterns that hold for one Dockerfile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ignore {
    file: String,
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    line: u32,
    text: String,
    keeps: bool,
    tokens: Tokens,
}

/// What leaves a file out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason<'a> {
    /// `.dockerignore`, or the one of the Dockerfile's own.
    pub file: &'a str,
    /// Its line.
    pub line: u32,
    /// The pattern as written.
    pub pattern: &'a str,
}

impl Ignore {
    /// The patterns for the Dockerfile at this path: those of `<path>.dockerignore` if that is
    /// there, as BuildKit has it, else those of `.dockerignore`; none without either.
    ///
    /// # Errors
    /// With the finding SRC012.
    pub fn of(tree: &SourceTree, dockerfile: &str) -> Result<Self, Box<Finding>> {
        let own = format!("{dockerfile}.dockerignore");
        let Some((file, entry)) = [own.as_str(), FILE]
            .into_iter()
            .find_map(|name| tree.entries.get_key_value(name))
        else {
            return Ok(Self::default());
        };
        let at =
            |message: &str| Box::new(SRC012.finding(message).at(Location::file(file.as_str())));
        if !matches!(entry.kind, EntryKind::File { .. }) {
            return Err(at(&format!("`{file}` is not a regular file")));
        }
        let text = tree
            .text(file)
            .ok_or_else(|| at(&format!("`{file}` is too large")))?;
        let text = std::str::from_utf8(text).map_err(|_| at(&format!("`{file}` is not UTF-8")))?;
        let ignore = Self::read(file, text)?;
        let letters: usize = ignore.patterns.iter().map(|p| p.text.len()).sum();
        let paths: usize = tree.entries.keys().map(String::len).sum();
        match ignore.patterns.len() > PATTERNS_MAX || letters.saturating_mul(paths) > WORK_MAX {
            true => Err(at(&format!("`{file}` has too many patterns"))),
            false => Ok(ignore),
        }
    }

    fn read(file: &str, text: &str) -> Result<Self, Box<Finding>> {
        let mut patterns = Vec::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (line, whole) in (1..).zip(text.lines()) {
            let written = whole.trim();
            if whole.starts_with('#') || written.is_empty() {
                continue;
            }
            let (keeps, path) = match written.strip_prefix('!') {
                Some(path) => (true, path.trim()),
                None => (false, written),
            };
            let tokens = match path {
                "" => None,
                path => Tokens::read(&rooted(path)),
            };
            let Some(tokens) = tokens else {
                let message = format!("`{}` is no pattern", written.escape_debug());
                let location = Location::line(file, line).with_text(whole.trim_end());
                return Err(Box::new(SRC012.finding(message).at(location)));
            };
            patterns.push(Pattern {
                line,
                text: written.to_owned(),
                keeps,
                tokens,
            });
        }
        Ok(Self {
            file: file.to_owned(),
            patterns,
        })
    }

    /// Why a file is left out of the build context; `None` if it is part of it.
    pub fn why(&self, path: &str) -> Option<Reason<'_>> {
        let mut by: Option<&Pattern> = None;
        for pattern in &self.patterns {
            // Only a pattern that would change the verdict is compared.
            if pattern.keeps == by.is_some() && pattern.tokens.matches(path) {
                by = (!pattern.keeps).then_some(pattern);
            }
        }
        by.map(|pattern| Reason {
            file: &self.file,
            line: pattern.line,
            pattern: &pattern.text,
        })
    }

    /// Every file of the tree that is left out, with the reason.
    pub(super) fn left_out<'a>(&'a self, tree: &'a SourceTree) -> BTreeMap<&'a str, Reason<'a>> {
        let paths = tree.entries.keys().map(String::as_str);
        match self.patterns.is_empty() {
            true => BTreeMap::new(),
            false => paths.filter_map(|p| Some((p, self.why(p)?))).collect(),
        }
    }
}

/// A path as Go's `filepath.Clean` writes it, without the `/` at its start.
fn rooted(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match (part, parts.last()) {
            ("" | ".", _) => {}
            ("..", None) if absolute => {}
            ("..", Some(last)) if *last != ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    match parts.is_empty() {
        true if absolute => "/".to_owned(),
        true => ".".to_owned(),
        false => parts.join("/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept<'a>(patterns: &str, paths: &[&'a str]) -> Vec<&'a str> {
        let ignore = Ignore::read(FILE, patterns).unwrap();
        let paths = paths.iter().copied();
        paths.filter(|p| ignore.why(p).is_none()).collect()
    }

    const TREE: [&str; 8] = [
        "README.md",
        "a.log",
        "data/a.log",
        "data/deep/a.log",
        "data/deep/keep.txt",
        "data/x",
        "main.py",
        "src/data",
    ];

    #[test]
    fn patterns_mean_what_they_mean_to_docker() {
        for (patterns, expected) in [
            ("", &TREE[..]),
            ("# *\n\n  \n", &TREE[..]),
            ("data", &["README.md", "a.log", "main.py", "src/data"]),
            ("/data/\n", &["README.md", "a.log", "main.py", "src/data"]),
            (
                "./src/../data",
                &["README.md", "a.log", "main.py", "src/data"],
            ),
            ("**", &[]),
            ("*\n!main.py", &["main.py"]),
            ("*\n! main.py \r\n", &["main.py"]),
            ("*\n!data/deep", &["data/deep/a.log", "data/deep/keep.txt"]),
            ("*\n!**/keep.txt", &["data/deep/keep.txt"]),
            ("!main.py\n*", &[]),
            (
                "data/**\n!data/x",
                &["README.md", "a.log", "data/x", "main.py", "src/data"],
            ),
            (".", &TREE[..]),
            ("/", &TREE[..]),
        ] {
            assert_eq!(kept(patterns, &TREE), expected, "{patterns:?}");
        }
        assert_eq!(kept("*.log", &TREE).len(), 7);
        assert_eq!(kept("**/*.log", &TREE).len(), 5);
        assert_eq!(kept("**/data", &TREE), ["README.md", "a.log", "main.py"]);
        assert_eq!(kept("*/*.log", &TREE).len(), 7);
    }

    #[test]
    fn the_last_pattern_that_matches_is_the_reason() {
        let ignore = Ignore::read(FILE, "*.bin\n!a.bin\n  a*\n").unwrap();
        let reason = ignore.why("a.bin").unwrap();
        assert_eq!((reason.line, reason.pattern), (3, "a*"));
        assert_eq!(ignore.why("b.bin").unwrap().line, 1);
        assert_eq!(ignore.why("main.py"), None);
    }

    #[test]
    fn what_is_no_pattern_is_told_with_its_line() {
        for bad in ["!", "a[", "[]", "[a-]", "[-a]", "x\\", "! "] {
            let finding = Ignore::read(FILE, &format!("ok\n{bad}\n")).unwrap_err();
            assert_eq!(finding.code, "SRC012", "{bad}");
            assert_eq!(finding.location.unwrap().line, Some(2), "{bad}");
        }
    }
}
