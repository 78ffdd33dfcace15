//! Rules for every path of a commit: SRC004 to SRC006, SRC008, SRC009.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{EntryKind, Finding, Location, SourceTree, limits};
use crate::rules::catalogue::{Rule, SRC004, SRC005, SRC006, SRC008, SRC009};

/// Paths that get a finding of their own for one rule; the rest are counted.
const SHOWN: usize = 10;
/// Paths that a misspelled one is compared with.
pub(super) const CANDIDATES: usize = 500;
/// Links that one link may lead over.
const LINKS_MAX: usize = 8;
/// Symbolic links of a commit: to follow one costs as much as its target is long.
const LINKS_FOLLOWED: usize = 1000;
/// How every pointer of Git LFS begins.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1";

pub(super) fn check(tree: &SourceTree) -> Vec<Finding> {
    let mut findings = names(tree);
    let submodules = tree
        .entries
        .iter()
        .filter(|(_, e)| e.kind == EntryKind::Submodule);
    findings.extend(listed(
        &SRC004,
        submodules.map(|(path, _)| (path, format!("`{path}` is a submodule and is not fetched"))),
    ));
    findings.extend(links(tree));
    findings.extend(collisions(tree));
    findings
}

fn links(tree: &SourceTree) -> Vec<Finding> {
    let all: Vec<(&String, &String)> = tree
        .entries
        .iter()
        .filter_map(|(path, entry)| match &entry.kind {
            EntryKind::Symlink(target) => Some((path, target)),
            _ => None,
        })
        .collect();
    if all.len() > LINKS_FOLLOWED {
        let message = format!("The repository has more than {LINKS_FOLLOWED} symbolic links");
        return vec![SRC006.finding_with(message, "Replace links by the files themselves.")];
    }
    let out = all
        .into_iter()
        .filter(|(path, target)| leads_out(tree, path, target));
    let message =
        |path| format!("The symbolic link `{path}` leads out of the repository, or in a circle");
    listed(&SRC006, out.map(|(path, _)| (path, message(path))))
}

/// Pointers of Git LFS; an error where the Dockerfile copies the file by name.
pub(super) fn pointers(tree: &SourceTree, copied: &BTreeSet<String>) -> Vec<Finding> {
    let all = || {
        tree.entries
            .iter()
            .filter(|(_, e)| {
                matches!(e.kind, EntryKind::File { .. }) && e.head.starts_with(POINTER)
            })
            .map(|(path, _)| path)
    };
    let message = |path: &String| format!("`{path}` is only a pointer of Git LFS");
    let mut findings: Vec<Finding> = all()
        .filter(|path| copied.contains(*path))
        .map(|path| {
            let mut finding =
                SRC005.finding(format!("{}, and the Dockerfile copies it", message(path)));
            finding.severity = crate::model::Severity::Error;
            finding.at(Location::file(path.as_str()))
        })
        .collect();
    let others = all().filter(|path| !copied.contains(*path));
    findings.extend(listed(&SRC005, others.map(|path| (path, message(path)))));
    findings
}

/// A finding for each of the first paths, and one that counts the rest.
fn listed<'a>(rule: &Rule, faults: impl Iterator<Item = (&'a String, String)>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut more = 0;
    for (path, message) in faults {
        if findings.len() < SHOWN {
            findings.push(rule.finding(message).at(Location::file(path.as_str())));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        findings.push(rule.finding(format!("The same for {more} more")));
    }
    findings
}

fn names(tree: &SourceTree) -> Vec<Finding> {
    let odd: Vec<&String> = tree.entries.keys().filter(|path| is_odd(path)).collect();
    let mut findings: Vec<Finding> = odd
        .iter()
        .take(SHOWN)
        .map(|path| {
            let shown: String = path.escape_debug().take(80).collect();
            SRC009.finding(format!("The name `{shown}` is not allowed"))
        })
        .collect();
    if odd.len() > SHOWN {
        findings.push(SRC009.finding(format!("The same for {} more", odd.len() - SHOWN)));
    }
    findings
}

/// Git refuses most of these itself; a hostile client does not.
fn is_odd(path: &str) -> bool {
    let odd_letter = |c: char| {
        c.is_control()
            || matches!(c, '\u{fffd}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    // File systems drop invisible letters: `.g\u{200c}it` is `.git` on some.
    let bare = |part: &str| -> String {
        part.chars()
            .filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}'))
            .collect()
    };
    path.contains(odd_letter)
        || path.split('/').any(|part| {
            matches!(
                bare(part).to_ascii_lowercase().as_str(),
                "" | "." | ".." | ".git" | "git~1"
            )
        })
}

fn collisions(tree: &SourceTree) -> Vec<Finding> {
    let mut seen: BTreeMap<String, &String> = BTreeMap::new();
    let mut pairs = Vec::new();
    for path in tree.entries.keys() {
        if let Some(first) = seen.insert(path.to_lowercase(), path) {
            pairs.push((path, format!("`{first}` and `{path}` differ only in case")));
        }
    }
    listed(&SRC008, pairs.into_iter())
}

/// Whether something lies below this path.
pub(super) fn is_directory(tree: &SourceTree, path: &str) -> bool {
    let below = format!("{path}/");
    tree.entries
        .range(below.clone()..)
        .next()
        .is_some_and(|(next, _)| next.starts_with(&below))
}

/// Follows a link through the listing, over other links too.
fn leads_out(tree: &SourceTree, link: &str, target: &str) -> bool {
    let parent = |path: &str| {
        path.rsplit_once('/')
            .map(|(parent, _)| parent.len())
            .unwrap_or(0)
    };
    if target.starts_with('/') || target.is_empty() || target.len() > limits::SOURCE_PATH_CHARS_MAX
    {
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
            if links > LINKS_MAX
                || next.starts_with('/')
                || next.len() > limits::SOURCE_PATH_CHARS_MAX
            {
                return true;
            }
            at.truncate(parent(&at));
            ahead.extend(next.split('/').rev());
        }
    }
    false
}
