//! Checks the files of a commit: SRC001 to SRC013.
//!
//! Reads a listing, the beginnings of files and a few small texts, but no disk. Links are followed within the listing.

mod copies;
mod glob;
pub mod ignore;
mod scripts;
#[cfg(test)]
mod tests;
mod tree;

pub use ignore::DockerIgnore;

use super::catalogue::{DF001, SRC001, SRC002, SRC003, SRC007, SRC013};
use super::dockerfile::Dockerfile;
use crate::model::{EntryKind, Finding, Location, SourceTree, limits, suggest};

/// A Dockerfile that the submission uses.
#[derive(Debug, Clone, Copy)]
pub struct UsedDockerfile<'a> {
    pub path: &'a str,
    /// The instructions that could be read.
    pub dockerfile: &'a Dockerfile,
}

/// The text in a file of the template that the team must replace.
pub const PLACEHOLDER: &str = "TEMPLATE:";

/// The commit exceeds a limit of the reader. `reason` is the end of the message, for example "more than 20000 files".
pub fn repository_too_large(reason: &str) -> Finding {
    SRC003.finding(format!("The repository is too large: {reason}"))
}

/// The commit was removed before Referee could read it.
pub fn commit_gone() -> Finding {
    SRC013.finding("The commit is no longer in the repository, so Referee cannot read it")
}

/// Checks the files, except for the content of the Dockerfiles.
pub fn check_layout(tree: &SourceTree, used: &[UsedDockerfile<'_>], template: Option<&SourceTree>) -> Vec<Finding> {
    let mut findings = tree::check_paths(tree);
    let copied = used.iter().flat_map(|u| copies::named_files(tree, u.dockerfile)).collect();
    findings.extend(tree::check_pointers(tree, &copied));
    let mut started = Vec::new();
    for one in used {
        match DockerIgnore::for_dockerfile(tree, one.path) {
            Ok(ignore) => findings.extend(copies::missing_sources(tree, *one, &ignore)),
            Err(finding) => findings.push(*finding),
        }
        started.extend(scripts::started_script(tree, one.dockerfile));
    }
    findings.extend(scripts::check_scripts(tree, &started));
    findings.extend(template.into_iter().flat_map(|template| untouched_files(tree, template)));
    findings.dedup();
    findings
}

/// The content of the Dockerfile at a path.
///
/// # Errors
/// The findings SRC001, SRC002 or DF001, if there is no readable Dockerfile.
pub fn dockerfile_bytes<'a>(tree: &'a SourceTree, path: &str) -> Result<&'a [u8], Vec<Finding>> {
    let same_but_for_case = |other: &&String| *other != path && other.to_lowercase() == path.to_lowercase();
    let finding = match tree.entries.get(path) {
        Some(entry) => match &entry.kind {
            EntryKind::File { .. } => {
                if let Some(other) = tree.entries.keys().find(same_but_for_case) {
                    SRC001.finding_with(
                        format!("There are both `{path}` and `{other}`"),
                        "Delete one of them. On some machines they are the same file.",
                    )
                } else if let Some(text) = tree.text(path) {
                    return Ok(text);
                } else if entry.bytes > limits::DOCKERFILE_BYTES_MAX as u64 {
                    DF001.finding_with(
                        format!("`{path}` has more than {} KiB", limits::DOCKERFILE_BYTES_MAX / 1024),
                        "Move data and long scripts into separate files and COPY them.",
                    )
                } else {
                    SRC002.finding(format!("`{path}` could not be read"))
                }
            }
            EntryKind::Symlink(_) => SRC002.finding(format!("`{path}` is a symbolic link")),
            EntryKind::Submodule => SRC002.finding(format!("`{path}` is a submodule")),
        },
        None if tree::is_directory(tree, path) => SRC002.finding(format!("`{path}` is a directory")),
        None => return Err(vec![no_dockerfile(tree, path)]),
    };
    Err(vec![finding.at(Location::file(path))])
}

fn no_dockerfile(tree: &SourceTree, path: &str) -> Finding {
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let wanted = name(path);
    let paths = || tree.entries.keys().filter(|p| name(p).contains("dockerfile") || name(p) == wanted);
    let near = paths()
        .find(|p| p.to_lowercase() == path.to_lowercase())
        .or_else(|| paths().find(|p| name(p).starts_with(&format!("{wanted}."))))
        .or_else(|| paths().find(|p| name(p) == wanted))
        .map(String::as_str)
        .or_else(|| {
            let compared = paths().take(tree::COMPARED_PATHS_MAX);
            suggest::nearest(path, compared.map(String::as_str))
        });
    match near {
        Some(near) => SRC001
            .finding_with(
                format!("There is no file named `{path}`, but there is `{near}`"),
                format!("Rename the file, or write `dockerfile = \"{near}\"` into submission.toml."),
            )
            .at(Location::file(near)),
        None => SRC001.finding(format!("There is no file named `{path}`")),
    }
}

/// Reports files of the template that were not changed and still contain [`PLACEHOLDER`].
fn untouched_files(tree: &SourceTree, template: &SourceTree) -> Vec<Finding> {
    template
        .texts
        .iter()
        .filter(|(path, text)| tree.text(path) == Some(text.as_slice()))
        .filter_map(|(path, text)| {
            let text = String::from_utf8_lossy(text);
            let (line, text) = (1..).zip(text.lines()).find(|(_, l)| l.contains(PLACEHOLDER))?;
            let location = Location::line(path.as_str(), line).with_text(text.trim_end());
            Some(SRC007.finding(format!("`{path}` is identical to the template")).at(location))
        })
        .collect()
}
