//! The files of a commit: SRC001 to SRC013.
//!
//! Looks at a listing, the beginnings of files and a few small texts; never at a disk. Links are
//! followed in the listing only, to see where they lead.

mod copies;
pub mod ignore;
mod scripts;
#[cfg(test)]
mod tests;
mod tokens;
mod tree;

pub use ignore::Ignore;

use super::catalogue::{DF001, SRC001, SRC002, SRC003, SRC007, SRC013};
use super::dockerfile::Dockerfile;
use crate::model::{EntryKind, Finding, Location, SourceTree, limits, suggest};

/// A Dockerfile that the submission uses.
#[derive(Debug, Clone, Copy)]
pub struct Used<'a> {
    /// Its path.
    pub path: &'a str,
    /// What could be understood of it.
    pub dockerfile: &'a Dockerfile,
}

/// What marks a file of the template that must be replaced.
pub const TEMPLATE_MARK: &str = "TEMPLATE:";

/// The commit breaks a bound of the reader; `what` completes "the repository has …".
pub fn too_large(what: &str) -> Finding {
    SRC003.finding(format!("The repository is too large: {what}"))
}

/// The commit was taken back before it could be read.
pub fn gone() -> Finding {
    SRC013.finding("The commit is no longer in the repository, so it cannot be read".to_owned())
}

/// Everything about the files but the Dockerfile's own content.
pub fn check(tree: &SourceTree, used: &[Used<'_>], template: Option<&SourceTree>) -> Vec<Finding> {
    let mut findings = tree::check(tree);
    let copied = used
        .iter()
        .flat_map(|u| copies::named_files(tree, u.dockerfile))
        .collect();
    findings.extend(tree::pointers(tree, &copied));
    let mut started = Vec::new();
    for one in used {
        match Ignore::of(tree, one.path) {
            Ok(ignore) => findings.extend(copies::missing(tree, *one, &ignore)),
            Err(finding) => findings.push(*finding),
        }
        started.extend(scripts::started(tree, one.dockerfile));
    }
    findings.extend(scripts::check(tree, &started));
    findings.extend(
        template
            .map(|template| untouched(tree, template))
            .unwrap_or_default(),
    );
    findings.dedup();
    findings
}

/// The content of the Dockerfile at a path, or why there is none.
///
/// # Errors
/// With the findings SRC001, SRC002 or DF001.
pub fn dockerfile<'a>(tree: &'a SourceTree, path: &str) -> Result<&'a [u8], Vec<Finding>> {
    let twins: Vec<&String> = tree
        .entries
        .keys()
        .filter(|other| *other != path && other.to_lowercase() == path.to_lowercase())
        .collect();
    let at = |finding: Finding| vec![finding.at(Location::file(path))];
    match tree
        .entries
        .get(path)
        .map(|entry| (&entry.kind, entry.bytes))
    {
        Some((EntryKind::File { .. }, _)) if !twins.is_empty() => Err(at(SRC001.finding_with(
            format!("There are both `{path}` and `{}`", twins[0]),
            "Delete one of them: on some machines they are the same file.",
        ))),
        Some((EntryKind::File { .. }, bytes)) => match tree.text(path) {
            Some(text) => Ok(text),
            None if bytes > limits::DOCKERFILE_BYTES_MAX as u64 => Err(at(DF001.finding_with(
                format!(
                    "`{path}` has more than {} KiB",
                    limits::DOCKERFILE_BYTES_MAX / 1024
                ),
                "Move data and long scripts into files of their own and COPY them.",
            ))),
            None => Err(at(SRC002.finding(format!("`{path}` could not be read")))),
        },
        Some((EntryKind::Symlink(_), _)) => {
            Err(at(SRC002.finding(format!("`{path}` is a symbolic link"))))
        }
        Some((EntryKind::Submodule, _)) => {
            Err(at(SRC002.finding(format!("`{path}` is a submodule"))))
        }
        None if tree::is_directory(tree, path) => {
            Err(at(SRC002.finding(format!("`{path}` is a directory"))))
        }
        None => Err(vec![no_dockerfile(tree, path)]),
    }
}

fn no_dockerfile(tree: &SourceTree, path: &str) -> Finding {
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let wanted = name(path);
    let paths = || {
        tree.entries
            .keys()
            .filter(|p| name(p).contains("dockerfile") || name(p) == wanted)
    };
    let near = paths()
        .find(|p| p.to_lowercase() == path.to_lowercase())
        .or_else(|| paths().find(|p| name(p).starts_with(&format!("{wanted}."))))
        .or_else(|| paths().find(|p| name(p) == wanted))
        .map(String::as_str)
        .or_else(|| suggest::nearest(path, paths().take(tree::CANDIDATES).map(String::as_str)));
    match near {
        Some(near) => SRC001
            .finding_with(
                format!("There is no file named `{path}`, but there is `{near}`"),
                format!("Rename it, or write `dockerfile = \"{near}\"` into submission.toml."),
            )
            .at(Location::file(near)),
        None => SRC001.finding(format!("There is no file named `{path}`")),
    }
}

/// Files of the template that still carry its mark and were not changed.
fn untouched(tree: &SourceTree, template: &SourceTree) -> Vec<Finding> {
    template
        .texts
        .iter()
        .filter(|(path, text)| tree.text(path) == Some(text.as_slice()))
        .filter_map(|(path, text)| {
            let text = String::from_utf8_lossy(text);
            let (line, mark) = (1..)
                .zip(text.lines())
                .find(|(_, l)| l.contains(TEMPLATE_MARK))?;
            let location = Location::line(path.as_str(), line).with_text(mark.trim_end());
            Some(
                SRC007
                    .finding(format!("`{path}` is still the template's"))
                    .at(location),
            )
        })
        .collect()
}
