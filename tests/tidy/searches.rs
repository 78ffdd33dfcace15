//! A developer who is new to the code searches a standard word and finds the file that does the work.

use std::cmp::Reverse;

use regex::RegexBuilder;

use crate::source::Source;

/// The position up to which the file counts as found.
const POSITION_MAX: usize = 3;

/// The words that a developer would search, and the file that does the work.
const SEARCHES: [(&str, &str); 10] = [
    ("commit status", "src/pipeline/publish/commit_status.rs"),
    ("leaderboard", "src/pipeline/view/board.rs"),
    ("quota", "src/rules/quota.rs"),
    ("deadline", "src/rules/quota.rs"),
    ("retry", "src/pipeline/lease.rs"),
    ("sandbox", "src/executor/docker/sandbox/mod.rs"),
    ("secret", "src/config/secret.rs"),
    ("webhook signature", "src/forge/signature.rs"),
    ("rerun", "src/model/rerun.rs"),
    ("disclosure", "src/pipeline/disclosure.rs"),
];

/// A file that a search finds. Files with the words in their path come first, then files with most matching lines, as
/// `grep -ric` counts them, then files in the order of their paths.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Hit<'a> {
    not_in_path: bool,
    lines: Reverse<usize>,
    path: &'a str,
}

/// One message for each search that does not find its file among the first hits. Tests do not count.
pub(crate) fn check(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for (words, file) in SEARCHES {
        let hits = search(sources, words);
        let position = hits.iter().position(|hit| hit.path == file);
        if position.is_none_or(|position| position >= POSITION_MAX) {
            let position = position.map_or("not found".into(), |n| format!("at position {}", n + 1));
            let first: Vec<String> =
                hits.iter().take(POSITION_MAX).map(|hit| format!("{} ({} lines)", hit.path, hit.lines.0)).collect();
            let first = first.join(", ");
            found.push(format!("`{words}`: {file} is {position}; the first are {first}"));
        }
    }
    found
}

fn search<'a>(sources: &'a [Source], words: &str) -> Vec<Hit<'a>> {
    let pattern = words.replace(' ', "[ _-]?");
    let mut builder = RegexBuilder::new(&pattern);
    let pattern = builder.case_insensitive(true).build().unwrap();
    let mut hits: Vec<Hit> = sources
        .iter()
        .filter(|source| source.path.starts_with("src/") && !source.is_unit_test())
        .map(|source| Hit {
            not_in_path: !pattern.is_match(&source.path),
            lines: Reverse(source.lines.iter().filter(|line| pattern.is_match(line)).count()),
            path: &source.path,
        })
        .filter(|hit| !hit.not_in_path || hit.lines.0 > 0)
        .collect();
    hits.sort();
    hits
}

#[test]
fn hits_are_sorted_by_path_and_by_lines() {
    let sources = [
        ("src/a.rs", "retry"),
        ("src/b.rs", "Retry\nretry"),
        ("src/c.rs", "again"),
        ("src/retry_time.rs", ""),
        ("tests/d.rs", "retry"),
    ];
    let sources = sources.map(|(path, text)| Source::new(path, text));
    let paths = |words: &str| search(&sources, words).iter().map(|hit| hit.path).collect::<Vec<_>>();
    assert_eq!(paths("retry"), ["src/retry_time.rs", "src/b.rs", "src/a.rs"]);
    assert_eq!(paths("retry time"), ["src/retry_time.rs"]);
    assert_eq!(check(&sources).len(), SEARCHES.len());
}
