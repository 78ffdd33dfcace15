//! A developer who is new to the code searches a standard word and finds the file that does the work.

use std::cmp::Reverse;

use regex::RegexBuilder;

use crate::source::Source;

/// The position up to which the file counts as found.
const POSITION_MAX: usize = 3;

/// The words that a developer would search, and the file that does the work.
const SEARCHES: [(&str, &str); 10] = [
    ("commit status", "src/report/status.rs"),
    ("leaderboard", "src/pipeline/view/board.rs"),
    ("quota", "src/rules/quota.rs"),
    ("deadline", "src/model/challenge.rs"),
    ("retry", "src/pipeline/lease.rs"),
    ("sandbox", "src/executor/docker/sandbox.rs"),
    ("secret", "src/config/secret.rs"),
    ("webhook signature", "src/forge/signature.rs"),
    ("rerun", "src/model/rerun.rs"),
    ("disclosure", "src/store/disclosure.rs"),
];

/// One message for each search that does not lead to its file. `grep -ric` counts the same lines: the files with the
/// most of them come first, and files of equal count in the order of their paths. Tests do not count.
pub fn check(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for (words, file) in SEARCHES {
        let pattern = words.replace(' ', "[ _-]?");
        let pattern = RegexBuilder::new(&pattern)
            .case_insensitive(true)
            .build()
            .unwrap();
        let mut hits: Vec<(Reverse<usize>, &str)> = sources
            .iter()
            .filter(|source| source.path.starts_with("src/") && !source.is_unit_test())
            .map(|source| {
                let lines = source.lines.iter().filter(|line| pattern.is_match(line));
                (Reverse(lines.count()), source.path.as_str())
            })
            .filter(|(Reverse(lines), _)| *lines > 0)
            .collect();
        hits.sort();
        let position = hits.iter().position(|(_, path)| *path == file);
        if position.is_none_or(|position| position >= POSITION_MAX) {
            let first: Vec<String> = hits
                .iter()
                .take(POSITION_MAX)
                .map(|(Reverse(lines), path)| format!("{path} ({lines} lines)"))
                .collect();
            let position =
                position.map_or("not found".to_owned(), |n| format!("at position {}", n + 1));
            let first = first.join(", ");
            found.push(format!(
                "`{words}`: {file} is {position}; the first are {first}"
            ));
        }
    }
    found
}
