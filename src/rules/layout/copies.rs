//! What COPY takes from the repository: SRC011. What `.dockerignore` leaves out cannot be taken.
//!
//! Only sources that are written out are judged; a variable could be anything.

use std::collections::{BTreeMap, BTreeSet};

use super::ignore::{self, Ignore, Reason};
use super::{Used, tree};
use crate::model::{EntryKind, Finding, Location, SourceTree, suggest};
use crate::rules::catalogue::SRC011;
use crate::rules::dockerfile::{Dockerfile, Instruction};

/// Sources of one Dockerfile that are looked up; each costs a look at every path.
const SOURCES_MAX: usize = 200;
/// Missing sources that get a finding.
const SHOWN: usize = 10;

/// A source of a COPY that takes from the repository.
struct Source<'a> {
    line: u32,
    text: &'a str,
    /// Whether the instruction names nothing else.
    alone: bool,
}

/// The first sources of a Dockerfile that name something of the repository.
fn sources(file: &Dockerfile) -> impl Iterator<Item = Source<'_>> {
    let copies = file
        .steps
        .iter()
        .filter_map(|step| match &step.instruction {
            Instruction::Copy {
                from: None,
                sources,
                ..
            } => Some((step.line, sources)),
            _ => None,
        });
    copies
        .flat_map(|(line, sources)| {
            let alone = sources.len() == 1;
            sources.iter().map(move |text| Source { line, text, alone })
        })
        .take(SOURCES_MAX)
}

/// A source as a path of the listing: `.` is empty. None if it is not written out.
pub(super) fn plain(source: &str) -> Option<String> {
    if source.contains(['$', '"', '\'', '\\']) || source.contains("..") || source.contains("://") {
        return None;
    }
    let parts: Vec<&str> = source
        .split('/')
        .filter(|p| !matches!(*p, "" | "."))
        .collect();
    Some(parts.join("/"))
}

fn has_wildcard(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// Files that COPY names themselves, not by their directory.
pub(super) fn named_files(tree: &SourceTree, file: &Dockerfile) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for source in sources(file).filter_map(|source| plain(source.text)) {
        if tree.entries.contains_key(&source) {
            named.insert(source);
        } else if has_wildcard(&source) {
            named.extend(
                tree.entries
                    .keys()
                    .filter(|path| matches(&source, path))
                    .cloned(),
            );
        }
    }
    named
}

/// Sources that are not there, or left out of the build.
pub(super) fn missing(tree: &SourceTree, used: Used<'_>, ignore: &Ignore) -> Vec<Finding> {
    let left_out = ignore.left_out(tree);
    sources(used.dockerfile)
        .filter_map(|source| Some((plain(source.text)?, source)))
        // A pattern may match nothing if another source of the line is there.
        .filter(|(path, source)| source.alone || !has_wildcard(path))
        .filter_map(|(path, source)| {
            let (message, help) = match is_there(tree, &path) {
                false => absent(tree, &path, source.text),
                true => ignored(tree, &path, (source.text, &left_out))?,
            };
            let location = location(tree, used.path, source.line, source.text);
            Some(SRC011.finding_with(message, help).at(location))
        })
        .take(SHOWN)
        .collect()
}

fn absent(tree: &SourceTree, path: &str, written: &str) -> (String, String) {
    let help = match nearest(tree, path) {
        Some(near) => format!("Did you mean `{near}`? Names are case-sensitive."),
        None => SRC011.help.to_owned(),
    };
    (format!("`{written}` is not in the repository"), help)
}

/// What is wrong with a source that is in the repository, if nothing of it is in the build.
fn ignored(
    tree: &SourceTree,
    path: &str,
    (written, left_out): (&str, &BTreeMap<&str, Reason<'_>>),
) -> Option<(String, String)> {
    if path == ignore::FILE {
        return Some((
            format!("`{written}` is for the builder and no part of the build"),
            "Delete it from the line, or give the file another name.".to_owned(),
        ));
    }
    // Everything is somewhere; and what lies behind a link is the engine's to see.
    if left_out.is_empty() || path.is_empty() {
        return None;
    }
    let mut first = None;
    for file in taken(tree, path) {
        first = Some(left_out.get(file)?).or(first);
    }
    let reason = first?;
    let Reason {
        file,
        line,
        pattern,
    } = reason;
    Some((
        format!("`{written}` is left out of the build by `{pattern}` in {file}, line {line}"),
        format!("Delete that line, or write `!{path}` on a line below it."),
    ))
}

/// The files that a source takes.
fn taken<'a>(tree: &'a SourceTree, path: &'a str) -> impl Iterator<Item = &'a str> {
    let wild = has_wildcard(path) && !tree.entries.contains_key(path);
    let below = format!("{path}/");
    let from = if wild { "" } else { path };
    tree.entries
        .range(from.to_owned()..)
        .map(|(file, _)| file.as_str())
        // Names sort `a-b` between `a` and `a/b`; all begin with `a`.
        .take_while(move |file| wild || file.starts_with(path))
        .filter(move |file| match wild {
            false => *file == path || file.starts_with(&below),
            true => matches(path, file) || directories(file).any(|d| matches(path, d)),
        })
}

fn is_there(tree: &SourceTree, path: &str) -> bool {
    if path.is_empty() || tree.entries.contains_key(path) || tree::is_directory(tree, path) {
        return true;
    }
    if has_wildcard(path) {
        return tree.entries.keys().any(|entry| {
            matches(path, entry) || directories(entry).any(|directory| matches(path, directory))
        });
    }
    // Below a link: where it leads is the engine's to see.
    directories(path)
        .filter_map(|directory| tree.entries.get(directory))
        .any(|entry| matches!(entry.kind, EntryKind::Symlink(_)))
}

/// The directories that a path lies in.
fn directories(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(i, _)| &path[..i])
}

/// Patterns of Go's `filepath.Match`, generously: a class matches any one character.
fn matches(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(w), Some(g)) if component(w.as_bytes(), g.as_bytes()) => {}
            _ => return false,
        }
    }
}

/// Goes back to the last `*` only: linear in the text for each star.
fn component(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut retry) = (0, 0, None);
    loop {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                retry = Some((p, t));
                continue;
            }
            None if t == text.len() => return true,
            Some(c) if t < text.len() => {
                let class = (*c == b'[').then(|| pattern[p..].iter().position(|c| *c == b']'));
                if let (b'?', _) | (_, Some(Some(_))) = (*c, class) {
                    p += class.flatten().map_or(1, |length| length + 1);
                    t += character(&text[t..]);
                    continue;
                }
                if *c == text[t] {
                    (p, t) = (p + 1, t + 1);
                    continue;
                }
            }
            _ => {}
        }
        match retry {
            Some((after, from)) if from < text.len() => {
                retry = Some((after, from + 1));
                (p, t) = (after, from + 1);
            }
            _ => return false,
        }
    }
}

/// Bytes of the first character.
fn character(text: &[u8]) -> usize {
    1 + text[1..].iter().take_while(|b| **b & 0xc0 == 0x80).count()
}

fn nearest<'a>(tree: &'a SourceTree, path: &str) -> Option<&'a str> {
    if has_wildcard(path) {
        return None;
    }
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let beside = tree
        .entries
        .keys()
        .map(String::as_str)
        .filter(|p| p.rsplit_once('/').map_or("", |(d, _)| d) == directory)
        .take(tree::CANDIDATES);
    let paths = || tree.entries.keys().map(String::as_str);
    paths()
        .find(|p| p.to_lowercase() == path.to_lowercase())
        .or_else(|| paths().find(|p| name(p) == name(path)))
        .or_else(|| suggest::nearest(path, beside))
}

/// The physical line of an instruction that names a source.
fn location(tree: &SourceTree, path: &str, line: u32, source: &str) -> Location {
    let text = String::from_utf8_lossy(tree.text(path).unwrap_or_default()).into_owned();
    let from = (1..).zip(text.lines()).skip_while(|(n, _)| *n < line);
    let mut part = from
        .clone()
        .take_while(|(n, l)| *n == line || !l.trim().is_empty());
    let found = part
        .find(|(_, l)| l.contains(source))
        .or_else(|| from.clone().next());
    match found {
        Some((line, text)) => Location::line(path, line).with_text(text.trim_end()),
        None => Location::line(path, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_within_a_component() {
        for (pattern, path, expected) in [
            ("*.py", "main.py", true),
            ("*.py", "src/main.py", false),
            ("src/*.p?", "src/main.py", true),
            ("[a-m]ain.py", "main.py", true),
            ("[", "[", true),
            ("a*b*c", "axxbyybzc", true),
            ("a*b", "axxc", false),
            ("?.png", "é.png", true),
            ("[é]?", "ab", true),
            ("", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }
}
