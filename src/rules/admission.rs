//! A commit against all the static rules, in one call, all findings at once.
//!
//! `referee check` and the daemon call the same function with the same values: what passes on a
//! laptop passes here.

use std::collections::BTreeMap;

use super::dockerfile::{self, Dockerfile};
use super::layout::{self, Used};
use super::policy::Policy;
use super::submission_toml::{self, FILE};
use crate::model::{Challenge, EntryKind, Finding, Place, SourceTree, TaskSlug};
use crate::rules::catalogue::SUB001;

/// What the static rules say of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// Everything that was found, by file and line, what concerns the whole commit first.
    pub findings: Vec<Finding>,
    /// The tasks that it enters, each with the path of its Dockerfile.
    pub tasks: Vec<(TaskSlug, String)>,
    /// The Dockerfiles that may be built, by path.
    pub dockerfiles: BTreeMap<String, Dockerfile>,
}

/// Checks a commit. `template` is what team repositories of the challenge start from.
pub fn check(
    tree: &SourceTree,
    challenge: &Challenge,
    policy: &Policy,
    template: Option<&SourceTree>,
) -> Admission {
    let tasks: Vec<TaskSlug> = challenge.tasks.iter().map(|t| t.slug.clone()).collect();
    let (entries, mut findings) = match toml(tree) {
        Ok(bytes) => submission_toml::read(bytes, &tasks),
        Err(finding) => (submission_toml::read(None, &tasks).0, vec![*finding]),
    };
    let mut checked = BTreeMap::new();
    for path in entries.dockerfiles() {
        match layout::dockerfile(tree, path) {
            Ok(bytes) => {
                checked.insert(path.to_owned(), dockerfile::check(path, bytes, policy));
            }
            Err(faults) => findings.extend(faults),
        }
    }
    let used: Vec<Used<'_>> = checked
        .iter()
        .map(|(path, checked)| Used {
            path,
            dockerfile: &checked.seen,
        })
        .collect();
    findings.extend(layout::check(tree, &used, template));
    let mut findings: Vec<Finding> = findings.into_iter().map(|f| policy.weigh(f)).collect();
    let mut dockerfiles = BTreeMap::new();
    for (path, one) in checked {
        findings.extend(one.findings);
        dockerfiles.extend(one.parsed.map(|parsed| (path, parsed)));
    }
    // Stable, so that findings about one line keep their order.
    findings.sort_by_key(|f| f.place.as_ref().map(|p| (p.file.clone(), p.line)));
    Admission {
        findings,
        tasks: entries.tasks,
        dockerfiles,
    }
}

/// The content of `submission.toml`, if there is one.
fn toml(tree: &SourceTree) -> Result<Option<&[u8]>, Box<Finding>> {
    let Some(entry) = tree.entries.get(FILE) else {
        return Ok(None);
    };
    match (&entry.kind, tree.text(FILE)) {
        (EntryKind::File { .. }, Some(text)) => Ok(Some(text)),
        (EntryKind::File { .. }, None) => Err(Box::new(
            SUB001
                .says_with(
                    format!("{FILE} is too large"),
                    "Keep only the keys that are known.",
                )
                .at(Place::file(FILE)),
        )),
        _ => Err(Box::new(
            SUB001
                .says_with(
                    format!("{FILE} is not a regular file"),
                    "Commit the file itself.",
                )
                .at(Place::file(FILE)),
        )),
    }
}
