//! Checks a commit against all static rules, in one call, with all findings at once.
//!
//! `referee check` and the daemon call the same function with the same values. A commit that passes locally passes on
//! the server.

use std::collections::BTreeMap;

use super::dockerfile::{self, Dockerfile};
use super::layout::{self, UsedDockerfile};
use super::policy::Policy;
use super::submission_toml::{self, FILE};
use crate::model::{Challenge, EntryKind, Finding, Location, SourceTree, TaskSlug};
use crate::rules::catalogue::SUB001;

/// The result of the static rules for a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// By file and line. Findings for the whole commit come first.
    pub findings: Vec<Finding>,
    /// The entered tasks, each with the path of its Dockerfile.
    pub tasks: Vec<(TaskSlug, String)>,
    /// The Dockerfiles that may be built, by path.
    pub dockerfiles: BTreeMap<String, Dockerfile>,
}

/// Checks a commit. `template` has the files that team repositories of the challenge start from.
pub fn check_commit(
    tree: &SourceTree,
    challenge: &Challenge,
    policy: &Policy,
    template: Option<&SourceTree>,
) -> Admission {
    let tasks: Vec<TaskSlug> = challenge.tasks.iter().map(|t| t.slug.clone()).collect();
    let (entries, mut findings) = match toml_bytes(tree) {
        Ok(bytes) => submission_toml::read_submission_toml(bytes, &tasks),
        Err(finding) => {
            let (entries, _) = submission_toml::read_submission_toml(None, &tasks);
            (entries, vec![*finding])
        }
    };
    let mut checked = BTreeMap::new();
    for path in entries.dockerfiles() {
        match layout::dockerfile_bytes(tree, path) {
            Ok(bytes) => {
                let file = dockerfile::check_dockerfile(path, bytes, policy);
                checked.insert(path.to_owned(), file);
            }
            Err(found) => findings.extend(found),
        }
    }
    let used: Vec<UsedDockerfile<'_>> =
        checked.iter().map(|(path, checked)| UsedDockerfile { path, dockerfile: &checked.seen }).collect();
    findings.extend(layout::check_layout(tree, &used, template));
    let mut findings: Vec<Finding> = findings.into_iter().map(|f| policy.apply_severity(f)).collect();
    let mut dockerfiles = BTreeMap::new();
    for (path, one) in checked {
        findings.extend(one.findings);
        dockerfiles.extend(one.parsed.map(|parsed| (path, parsed)));
    }
    // The sort is stable, so that the findings of one line keep their order.
    findings.sort_by_key(|f| f.location.as_ref().map(|p| (p.file.clone(), p.line)));
    Admission { findings, tasks: entries.tasks, dockerfiles }
}

/// The content of `submission.toml`, if the commit has one.
fn toml_bytes(tree: &SourceTree) -> Result<Option<&[u8]>, Box<Finding>> {
    let Some(entry) = tree.entries.get(FILE) else {
        return Ok(None);
    };
    let (problem, help) = match (&entry.kind, tree.text(FILE)) {
        (EntryKind::File { .. }, Some(text)) => return Ok(Some(text)),
        (EntryKind::File { .. }, None) => ("is too large", "Keep only the known keys."),
        _ => ("is not a regular file", "Commit the file itself."),
    };
    let finding = SUB001.finding_with(format!("{FILE} {problem}"), help);
    Err(Box::new(finding.at(Location::file(FILE))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Entry, Severity};
    use crate::rules::samples;

    fn tree(files: &[(&str, &str)]) -> SourceTree {
        let mut tree = SourceTree::default();
        for (path, text) in files {
            let head = text.as_bytes().to_vec();
            let kind = EntryKind::File { executable: false };
            let bytes = head.len() as u64;
            tree.texts.insert((*path).to_owned(), head.clone());
            tree.entries.insert((*path).to_owned(), Entry { kind, bytes, head });
        }
        tree
    }

    fn admitted(files: &[(&str, &str)], severities: &[(&str, Severity)]) -> Admission {
        let challenge = samples::challenge(&["one", "two"]);
        let severities = severities.iter().map(|(c, s)| ((*c).to_owned(), *s)).collect();
        let policy = Policy::new(["base"], challenge.tasks.iter().map(|t| &t.contract)).with_severities(severities);
        check_commit(&tree(files), &challenge, &policy, None)
    }

    fn codes(admission: &Admission) -> Vec<String> {
        let location = |f: &Finding| f.location.as_ref().map_or(String::new(), |p| format!(" {p}"));
        admission.findings.iter().map(|f| format!("{}{}", f.code, location(f))).collect()
    }

    const GOOD: &str = "FROM base\nCOPY main.py /app/\nUSER 65534\nCMD [\"/app/main.py\"]\n";

    #[test]
    fn a_good_commit_enters_every_task() {
        let admission = admitted(&[("Dockerfile", GOOD), ("main.py", "#!/bin/sh\n")], &[]);
        // The only finding: the script is not executable.
        assert_eq!(codes(&admission), ["SRC010 main.py:1"]);
        assert_eq!(admission.tasks.len(), 2);
        assert!(admission.dockerfiles.contains_key("Dockerfile"));
    }

    #[test]
    fn the_findings_of_all_files_come_at_once_and_in_order() {
        let files = [
            ("submission.toml", "memory = 1\ntasks = [\"one\", \"tow\"]\ndockerfiles = { one = \"d/File\" }"),
            ("d/File", "FROM base\nADD a b\nCOPY main.py /\nWORKDIR /output\nUSER 1\nCMD [\"x\"]"),
            ("model.bin", "version https://git-lfs.github.com/spec/v1\n"),
        ];
        let admission = admitted(&files, &[]);
        assert_eq!(
            codes(&admission),
            [
                "DF020 d/File:2",
                "SRC011 d/File:3",
                "DF042 d/File:4",
                "SRC005 model.bin",
                "SUB002 submission.toml:1:1",
                "SUB003 submission.toml:2:17",
            ]
        );
        assert_eq!(admission.tasks[0].1, "d/File");
        assert_eq!(admission.tasks.len(), 1);
        assert!(admission.dockerfiles.is_empty());
    }

    #[test]
    fn submission_toml_must_be_a_small_regular_file() {
        let mut files = tree(&[("submission.toml", "")]);
        files.texts.clear();
        let mut findings = vec![*toml_bytes(&files).unwrap_err()];
        files.entries.get_mut("submission.toml").unwrap().kind = EntryKind::Submodule;
        findings.push(*toml_bytes(&files).unwrap_err());
        insta::assert_snapshot!("toml", samples::block("submission.toml", &findings));
    }

    #[test]
    fn a_challenge_may_set_its_own_severities() {
        let files = [("Dockerfile", GOOD), ("main.py", "#!/bin/sh\n")];
        let strict = admitted(&files, &[("SRC010", Severity::Error)]);
        assert!(strict.findings[0].is_error());
        let without = [("Dockerfile", GOOD)];
        assert_eq!(codes(&admitted(&without, &[])), ["SRC011 Dockerfile:2"]);
        let lax = admitted(&without, &[("SRC011", Severity::Warning)]);
        assert!(!lax.findings[0].is_error() && !lax.dockerfiles.is_empty());
        assert_eq!(codes(&admitted(&[], &[])), ["SRC001"]);
    }
}
