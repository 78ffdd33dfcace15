//! The sources of COPY in the repository: SRC011. A file that `.dockerignore` excludes cannot be copied.
//!
//! Sources with variables are not checked, because their values are unknown.

use std::collections::{BTreeMap, BTreeSet};

use super::glob::Glob;
use super::ignore::{self, DockerIgnore, IgnoreReason};
use super::{UsedDockerfile, tree};
use crate::model::{EntryKind, Finding, Location, SourceTree, suggest};
use crate::rules::catalogue::SRC011;
use crate::rules::dockerfile::{Dockerfile, Instruction};

/// Sources of one Dockerfile that are checked. Each one is compared with every path.
const SOURCES_MAX: usize = 200;
/// Missing sources that are reported.
const FINDINGS_MAX: usize = 10;

/// A source of a COPY from the repository.
struct Source<'a> {
    line: u32,
    text: &'a str,
    /// Whether the instruction has no other source.
    alone: bool,
}

/// The first sources of a Dockerfile in the repository.
fn sources(file: &Dockerfile) -> impl Iterator<Item = Source<'_>> {
    let copies = file.steps.iter().filter_map(|step| match &step.instruction {
        Instruction::Copy { from: None, sources, .. } => Some((step.line, sources)),
        _ => None,
    });
    copies
        .flat_map(|(line, sources)| {
            let alone = sources.len() == 1;
            sources.iter().map(move |text| Source { line, text, alone })
        })
        .take(SOURCES_MAX)
}

/// A source as a path of the listing. `.` becomes an empty path. `None` if the source has variables, quotes or `..`.
pub(super) fn plain_path(source: &str) -> Option<String> {
    if source.contains(['$', '"', '\'', '\\']) || source.contains("..") || source.contains("://") {
        return None;
    }
    let parts: Vec<&str> = source.split('/').filter(|p| !matches!(*p, "" | ".")).collect();
    Some(parts.join("/"))
}

fn has_wildcard(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// The files that a COPY gives by name or pattern, not by their directory.
pub(super) fn named_files(tree: &SourceTree, file: &Dockerfile) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for source in sources(file).filter_map(|source| plain_path(source.text)) {
        if tree.entries.contains_key(&source) {
            named.insert(source);
        } else if has_wildcard(&source) {
            let glob = Glob::of_copy(&source);
            let depth = source.matches('/').count();
            let matching = tree.entries.keys().filter(|path| glob.matches(path));
            // A match at another depth is a match of a directory.
            named.extend(matching.filter(|path| path.matches('/').count() == depth).cloned());
        }
    }
    named
}

/// Reports sources that do not exist or are ignored.
pub(super) fn missing_sources(tree: &SourceTree, used: UsedDockerfile<'_>, ignore: &DockerIgnore) -> Vec<Finding> {
    let ignored = ignore.ignored_files(tree);
    sources(used.dockerfile)
        .filter_map(|source| Some((plain_path(source.text)?, source)))
        // A pattern may match nothing if the instruction has another source.
        .filter(|(path, source)| source.alone || !has_wildcard(path))
        .filter_map(|(path, source)| {
            let finding = if exists(tree, &path) {
                ignored_source(tree, &path, source.text, &ignored)?
            } else {
                absent_source(tree, &path, source.text)
            };
            let location = location(tree, used.path, source.line, source.text);
            Some(finding.at(location))
        })
        .take(FINDINGS_MAX)
        .collect()
}

fn absent_source(tree: &SourceTree, path: &str, written: &str) -> Finding {
    let message = format!("`{written}` is not in the repository");
    match nearest(tree, path) {
        Some(near) => {
            let help = format!("Did you mean `{near}`? Names are case-sensitive.");
            SRC011.finding_with(message, help)
        }
        None => SRC011.finding(message),
    }
}

/// Reports a source that is in the repository if all its files are ignored.
fn ignored_source(
    tree: &SourceTree,
    path: &str,
    written: &str,
    ignored: &BTreeMap<&str, IgnoreReason<'_>>,
) -> Option<Finding> {
    if path == ignore::FILE {
        return Some(SRC011.finding_with(
            format!("`{written}` configures the build and is not part of the build context"),
            "Delete it from the line, or give the file another name.",
        ));
    }
    // The root always exists, and only the engine sees the files behind a link.
    if ignored.is_empty() || path.is_empty() {
        return None;
    }
    let mut first = None;
    for file in files_of_source(tree, path) {
        first = Some(ignored.get(file)?).or(first);
    }
    let IgnoreReason { file, line, pattern } = first?;
    Some(SRC011.finding_with(
        format!("`{written}` is excluded from the build by `{pattern}` in {file}, line {line}"),
        format!("Delete that line, or write `!{path}` on a line below it."),
    ))
}

fn files_of_source<'a>(tree: &'a SourceTree, path: &'a str) -> impl Iterator<Item = &'a str> {
    let glob = (has_wildcard(path) && !tree.entries.contains_key(path)).then(|| Glob::of_copy(path));
    let below = format!("{path}/");
    let (from, wild) = match glob {
        Some(_) => ("", true),
        None => (path, false),
    };
    tree.entries
        .range(from.to_owned()..)
        .map(|(file, _)| file.as_str())
        // `a-b` sorts between `a` and `a/b`, but all start with `a`.
        .take_while(move |file| wild || file.starts_with(path))
        .filter(move |file| match &glob {
            Some(glob) => glob.matches(file),
            None => *file == path || file.starts_with(&below),
        })
}

fn exists(tree: &SourceTree, path: &str) -> bool {
    if path.is_empty() || tree.entries.contains_key(path) || tree::is_directory(tree, path) {
        return true;
    }
    if has_wildcard(path) {
        let glob = Glob::of_copy(path);
        return tree.entries.keys().any(|entry| glob.matches(entry));
    }
    // Only the engine sees the files behind a link.
    path.match_indices('/')
        .filter_map(|(i, _)| tree.entries.get(&path[..i]))
        .any(|entry| matches!(entry.kind, EntryKind::Symlink(_)))
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
        .take(tree::COMPARED_PATHS_MAX);
    let paths = || tree.entries.keys().map(String::as_str);
    paths()
        .find(|p| p.to_lowercase() == path.to_lowercase())
        .or_else(|| paths().find(|p| name(p) == name(path)))
        .or_else(|| suggest::nearest(path, beside))
}

/// The physical line of an instruction that contains a source.
fn location(tree: &SourceTree, path: &str, line: u32, source: &str) -> Location {
    let text = String::from_utf8_lossy(tree.text(path).unwrap_or_default()).into_owned();
    let from = (1..).zip(text.lines()).skip_while(|(n, _)| *n < line);
    let mut part = from.clone().take_while(|(n, l)| *n == line || !l.trim().is_empty());
    let found = part.find(|(_, l)| l.contains(source)).or_else(|| from.clone().next());
    match found {
        Some((line, text)) => Location::line(path, line).with_text(text.trim_end()),
        None => Location::line(path, line),
    }
}
