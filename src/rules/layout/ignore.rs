//! `.dockerignore`: which files of a commit are not part of the build context.
//!
//! Patterns have Docker's meaning (moby/patternmatcher). A pattern that matches a directory matches everything below
//! it, `**` matches any number of directories, `!` includes a file again, and the last matching pattern decides. A
//! client's walk through the directories plays no role: `!**/keep.txt` includes a file also from an ignored directory.

use std::collections::BTreeMap;

use super::glob::Glob;
use crate::model::{EntryKind, Finding, Location, SourceTree};
use crate::rules::catalogue::SRC012;

/// The file at the root of the repository.
pub const FILE: &str = ".dockerignore";
/// Patterns of one file.
const PATTERNS_MAX: usize = 1000;
/// Characters of all patterns times characters of all paths: the maximum cost of the comparison.
const WORK_MAX: usize = 2_000_000_000;

/// The patterns for one Dockerfile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DockerIgnore {
    file: String,
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    line: u32,
    text: String,
    /// Whether the pattern starts with `!`.
    includes: bool,
    glob: Glob,
}

/// The pattern that excludes a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IgnoreReason<'a> {
    /// `.dockerignore`, or the Dockerfile's own ignore file.
    pub file: &'a str,
    pub line: u32,
    /// As written.
    pub pattern: &'a str,
}

impl DockerIgnore {
    /// The patterns for a Dockerfile. They come from `<dockerfile>.dockerignore` if that file exists, as in BuildKit,
    /// and otherwise from `.dockerignore`.
    ///
    /// # Errors
    /// The finding SRC012, if the file is not usable.
    pub fn for_dockerfile(tree: &SourceTree, dockerfile: &str) -> Result<Self, Box<Finding>> {
        let own = format!("{dockerfile}.dockerignore");
        let Some((file, entry)) = [own.as_str(), FILE].into_iter().find_map(|name| tree.entries.get_key_value(name))
        else {
            return Ok(Self::default());
        };
        let refuse = |problem: &str| {
            let message = format!("`{file}` {problem}");
            Box::new(SRC012.finding(message).at(Location::file(file.as_str())))
        };
        if !matches!(entry.kind, EntryKind::File { .. }) {
            return Err(refuse("is not a regular file"));
        }
        let text = tree.text(file).ok_or_else(|| refuse("is too large"))?;
        let text = std::str::from_utf8(text).map_err(|_| refuse("is not UTF-8"))?;
        let ignore = Self::parse(file, text)?;
        let pattern_bytes: usize = ignore.patterns.iter().map(|p| p.text.len()).sum();
        let path_bytes: usize = tree.entries.keys().map(String::len).sum();
        let work = pattern_bytes.saturating_mul(path_bytes);
        if ignore.patterns.len() > PATTERNS_MAX || work > WORK_MAX {
            return Err(refuse("has too many patterns"));
        }
        Ok(ignore)
    }

    fn parse(file: &str, text: &str) -> Result<Self, Box<Finding>> {
        let mut patterns = Vec::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (line, whole) in (1..).zip(text.lines()) {
            let written = whole.trim();
            if whole.starts_with('#') || written.is_empty() {
                continue;
            }
            let (includes, path) = match written.strip_prefix('!') {
                Some(path) => (true, path.trim()),
                None => (false, written),
            };
            let glob = match path {
                "" => None,
                path => Glob::of_ignore_file(&cleaned(path)),
            };
            let Some(glob) = glob else {
                let message = format!("`{}` is not a valid pattern", written.escape_debug());
                let location = Location::line(file, line).with_text(whole.trim_end());
                return Err(Box::new(SRC012.finding(message).at(location)));
            };
            patterns.push(Pattern { line, text: written.to_owned(), includes, glob });
        }
        Ok(Self { file: file.to_owned(), patterns })
    }

    /// The pattern that excludes a file from the build context. `None` if the file is part of it.
    pub fn ignored_by(&self, path: &str) -> Option<IgnoreReason<'_>> {
        let mut excluded_by: Option<&Pattern> = None;
        for pattern in &self.patterns {
            // Only a pattern that would change the result needs a comparison.
            if pattern.includes == excluded_by.is_some() && pattern.glob.matches(path) {
                excluded_by = (!pattern.includes).then_some(pattern);
            }
        }
        excluded_by.map(|pattern| IgnoreReason { file: &self.file, line: pattern.line, pattern: &pattern.text })
    }

    /// All ignored files of the tree, each with its reason.
    pub(super) fn ignored_files<'a>(&'a self, tree: &'a SourceTree) -> BTreeMap<&'a str, IgnoreReason<'a>> {
        if self.patterns.is_empty() {
            return BTreeMap::new();
        }
        let paths = tree.entries.keys().map(String::as_str);
        paths.filter_map(|p| Some((p, self.ignored_by(p)?))).collect()
    }
}

/// The path as Go's `filepath.Clean` writes it, without a `/` at its start.
fn cleaned(path: &str) -> String {
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
    match (parts.is_empty(), absolute) {
        (false, _) => parts.join("/"),
        (true, true) => "/".to_owned(),
        (true, false) => ".".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn included<'a>(patterns: &str, paths: &[&'a str]) -> Vec<&'a str> {
        let ignore = DockerIgnore::parse(FILE, patterns).unwrap();
        let paths = paths.iter().copied();
        paths.filter(|p| ignore.ignored_by(p).is_none()).collect()
    }

    const TREE: [&str; 8] =
        ["README.md", "a.log", "data/a.log", "data/deep/a.log", "data/deep/keep.txt", "data/x", "main.py", "src/data"];

    #[test]
    fn patterns_have_dockers_meaning() {
        for (patterns, expected) in [
            ("", &TREE[..]),
            ("# *\n\n  \n", &TREE[..]),
            ("data", &["README.md", "a.log", "main.py", "src/data"]),
            ("/data/\n", &["README.md", "a.log", "main.py", "src/data"]),
            ("./src/../data", &["README.md", "a.log", "main.py", "src/data"]),
            ("**", &[]),
            ("*\n!main.py", &["main.py"]),
            ("*\n! main.py \r\n", &["main.py"]),
            ("*\n!data/deep", &["data/deep/a.log", "data/deep/keep.txt"]),
            ("*\n!**/keep.txt", &["data/deep/keep.txt"]),
            ("!main.py\n*", &[]),
            ("data/**\n!data/x", &["README.md", "a.log", "data/x", "main.py", "src/data"]),
            (".", &TREE[..]),
            ("/", &TREE[..]),
        ] {
            assert_eq!(included(patterns, &TREE), expected, "{patterns:?}");
        }
        assert_eq!(included("*.log", &TREE).len(), 7);
        assert_eq!(included("**/*.log", &TREE).len(), 5);
        assert_eq!(included("**/data", &TREE), ["README.md", "a.log", "main.py"]);
        assert_eq!(included("*/*.log", &TREE).len(), 7);
    }

    #[test]
    fn the_last_matching_pattern_is_the_reason() {
        let ignore = DockerIgnore::parse(FILE, "*.bin\n!a.bin\n  a*\n").unwrap();
        let reason = ignore.ignored_by("a.bin").unwrap();
        assert_eq!((reason.line, reason.pattern), (3, "a*"));
        assert_eq!(ignore.ignored_by("b.bin").unwrap().line, 1);
        assert_eq!(ignore.ignored_by("main.py"), None);
    }

    #[test]
    fn an_invalid_pattern_is_reported_with_its_line() {
        for invalid in ["!", "a[", "[]", "[a-]", "[-a]", "x\\", "! "] {
            let finding = DockerIgnore::parse(FILE, &format!("ok\n{invalid}\n")).unwrap_err();
            assert_eq!(finding.code, "SRC012", "{invalid}");
            assert_eq!(finding.location.unwrap().line, Some(2), "{invalid}");
        }
    }
}
