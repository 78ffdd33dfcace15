//! Checks every path of a commit: SRC004 to SRC006, SRC008, SRC009.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{EntryKind, Finding, Location, SourceTree, limits};
use crate::rules::catalogue::{Rule, SRC004, SRC005, SRC006, SRC008, SRC009};

/// Paths that get a separate finding for one rule. The rest is only counted.
const FINDINGS_MAX: usize = 10;
/// Paths that are compared with a mistyped one.
pub(super) const COMPARED_PATHS_MAX: usize = 500;
/// Links that one link may lead through.
const LINK_CHAIN_MAX: usize = 8;
/// Symbolic links of a commit. Following one costs time in proportion to the length of its target.
const LINKS_MAX: usize = 1000;
/// The first bytes of every Git LFS pointer.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1";
/// Characters of a refused name that a message shows.
const NAME_CHARS_MAX: usize = 80;

pub(super) fn check_paths(tree: &SourceTree) -> Vec<Finding> {
    let mut findings = check_names(tree);
    let submodules = tree.entries.iter().filter(|(_, e)| e.kind == EntryKind::Submodule);
    let message = |path| format!("`{path}` is a submodule, and Referee does not fetch submodules");
    findings.extend(first_findings(&SRC004, submodules.map(|(path, _)| (path, message(path)))));
    findings.extend(check_links(tree));
    findings.extend(check_case(tree));
    findings
}

fn check_links(tree: &SourceTree) -> Vec<Finding> {
    let all: Vec<(&String, &String)> = tree
        .entries
        .iter()
        .filter_map(|(path, entry)| match &entry.kind {
            EntryKind::Symlink(target) => Some((path, target)),
            _ => None,
        })
        .collect();
    if all.len() > LINKS_MAX {
        let message = format!("The repository has more than {LINKS_MAX} symbolic links");
        return vec![SRC006.finding_with(message, "Replace links with the files themselves.")];
    }
    let out = all.into_iter().filter(|(path, target)| leads_out(tree, path, target));
    let message = |path| format!("The symbolic link `{path}` leads out of the repository, or in a circle");
    first_findings(&SRC006, out.map(|(path, _)| (path, message(path))))
}

/// Reports Git LFS pointers. They are errors if the Dockerfile copies the file by name.
pub(super) fn check_pointers(tree: &SourceTree, copied: &BTreeSet<String>) -> Vec<Finding> {
    let all = || {
        tree.entries
            .iter()
            .filter(|(_, e)| matches!(e.kind, EntryKind::File { .. }) && e.head.starts_with(POINTER))
            .map(|(path, _)| path)
    };
    let message = |path: &String| format!("`{path}` is only a Git LFS pointer");
    let mut findings: Vec<Finding> = all()
        .filter(|path| copied.contains(*path))
        .map(|path| {
            let mut finding = SRC005.finding(format!("{}, and the Dockerfile copies it", message(path)));
            finding.severity = crate::model::Severity::Error;
            finding.at(Location::file(path.as_str()))
        })
        .collect();
    let others = all().filter(|path| !copied.contains(*path));
    findings.extend(first_findings(&SRC005, others.map(|path| (path, message(path)))));
    findings
}

/// A finding for each of the first paths, and one with the number of the others.
fn first_findings<'a>(rule: &Rule, messages: impl Iterator<Item = (&'a String, String)>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut more = 0;
    for (path, message) in messages {
        if findings.len() < FINDINGS_MAX {
            findings.push(rule.finding(message).at(Location::file(path.as_str())));
        } else {
            more += 1;
        }
    }
    findings.extend((more > 0).then(|| rule.finding(more_paths(more))));
    findings
}

fn more_paths(more: usize) -> String {
    match more {
        1 => "1 more path has the same problem".to_owned(),
        n => format!("{n} more paths have the same problem"),
    }
}

fn check_names(tree: &SourceTree) -> Vec<Finding> {
    let refused: Vec<&String> = tree.entries.keys().filter(|path| is_refused_name(path)).collect();
    let mut findings: Vec<Finding> = refused
        .iter()
        .take(FINDINGS_MAX)
        .map(|path| {
            let escaped: String = path.escape_debug().take(NAME_CHARS_MAX).collect();
            SRC009.finding(format!("The name `{escaped}` is not allowed"))
        })
        .collect();
    let more = refused.len().saturating_sub(FINDINGS_MAX);
    findings.extend((more > 0).then(|| SRC009.finding(more_paths(more))));
    findings
}

/// Git itself refuses most of these names, but a hostile client does not.
fn is_refused_name(path: &str) -> bool {
    let odd_letter =
        |c: char| c.is_control() || matches!(c, '\u{fffd}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    // Some file systems drop invisible characters, so that `.g\u{200c}it` is `.git`.
    let bare = |part: &str| -> String {
        part.chars().filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}')).collect()
    };
    path.contains(odd_letter)
        || path
            .split('/')
            .any(|part| matches!(bare(part).to_ascii_lowercase().as_str(), "" | "." | ".." | ".git" | "git~1"))
}

fn check_case(tree: &SourceTree) -> Vec<Finding> {
    let mut seen: BTreeMap<String, &String> = BTreeMap::new();
    let mut pairs = Vec::new();
    for path in tree.entries.keys() {
        if let Some(first) = seen.insert(path.to_lowercase(), path) {
            pairs.push((path, format!("`{first}` and `{path}` differ only in case")));
        }
    }
    first_findings(&SRC008, pairs.into_iter())
}

/// Whether there is an entry below this path.
pub(super) fn is_directory(tree: &SourceTree, path: &str) -> bool {
    let below = format!("{path}/");
    tree.entries.range(below.clone()..).next().is_some_and(|(next, _)| next.starts_with(&below))
}

/// Follows a link through the listing, including other links.
fn leads_out(tree: &SourceTree, link: &str, target: &str) -> bool {
    let parent = |path: &str| path.rsplit_once('/').map(|(parent, _)| parent.len()).unwrap_or(0);
    if target.starts_with('/') || target.is_empty() || target.len() > limits::SOURCE_PATH_CHARS_MAX {
        return true;
    }
    let mut at = link[..parent(link)].to_owned();
    let mut ahead: Vec<&str> = target.split('/').rev().collect();
    let mut links = 0;
    while let Some(part) = ahead.pop() {
        if matches!(part, "" | ".") {
            continue;
        }
        if part == ".." {
            if at.is_empty() {
                return true;
            }
            at.truncate(parent(&at));
            continue;
        }
        if !at.is_empty() {
            at.push('/');
        }
        at.push_str(part);
        if let Some(EntryKind::Symlink(next)) = tree.entries.get(&at).map(|e| &e.kind) {
            links += 1;
            if links > LINK_CHAIN_MAX || next.starts_with('/') || next.len() > limits::SOURCE_PATH_CHARS_MAX {
                return true;
            }
            at.truncate(parent(&at));
            ahead.extend(next.split('/').rev());
        }
    }
    false
}
