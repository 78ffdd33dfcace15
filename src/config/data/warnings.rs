//! Data that organizers probably did not mean: leftovers among the inputs, links that a container cannot follow, names
//! that are cut, ground truth without a case.
//!
//! Only names and links are read. Whether a job can read the files is tested in the sandbox, not here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::super::reader::{PATH_MISSING, SUSPICIOUS_DATA, display_path};
use super::first_of;
use crate::model::text::counted;
use crate::model::{Case, Finding, Location};

/// Names in one finding.
const NAMES_MAX: usize = 5;
/// Endings that contain a dot and do not end a name by mistake.
const DOUBLE_ENDINGS: [&str; 8] =
    [".nii.gz", ".ome.tif", ".ome.tiff", ".ome.zarr", ".tar.gz", ".seg.nrrd", ".csv.gz", ".json.gz"];
/// The ending of a name without one.
const NO_ENDING: &str = "without an ending";
/// The ending of a folder.
const FOLDER: &str = "folder";

/// All warnings about the inputs of a board, or of a sample.
pub(super) fn of_inputs(inputs: &Path, cases: &[Case]) -> Vec<Finding> {
    let location = || Location::file(display_path(inputs));
    let warning = |message: String, help: &str| Finding::warning(SUSPICIOUS_DATA, message, help).at(location());
    let entry = |case| Entry::new(inputs, case);
    let entries: Vec<Entry<'_>> = cases.iter().map(entry).collect();
    let mut findings = Vec::new();
    findings.extend(several_endings(&entries).map(|message| {
        warning(message, "Remove or rename the entries that are not cases. Give all cases the same ending.")
    }));
    findings.extend(names_with_inner_dots(&entries).map(|message| {
        warning(
            message,
            "Rename the entries if their cases should have longer names: use `-` or `_` instead of the dot.",
        )
    }));
    findings.extend(channels(&entries).map(|message| {
        warning(message, "If the files are the channels of one case, put them into a folder with the name of the case.")
    }));
    findings.extend(
        same_but_case(&entries).map(|message| {
            warning(message, "Rename them: some file systems and metrics treat such names as the same.")
        }),
    );
    match unusual_entries(inputs) {
        Err(error) => findings.push(
            Finding::error(PATH_MISSING, format!("The inputs cannot be read: {error}."), "Check the permissions.")
                .at(location()),
        ),
        Ok(unusual) => {
            if let Some(names) = quoted(&unusual.hidden) {
                let message = format!("Referee ignores hidden entries among the inputs: {names}.");
                findings.push(warning(message, "Delete them, if no container needs them."));
            }
            if let Some(names) = quoted(&unusual.broken) {
                let message = format!("Links among the inputs lead to nothing: {names}.");
                let help = "Replace each link by the file.";
                findings.push(Finding::error(PATH_MISSING, message, help).at(location()));
            }
            if let Some(names) = quoted(&unusual.leaving) {
                let message = format!(
                    "Links lead out of the directory of inputs, and a container has only this directory: {names}."
                );
                findings.push(warning(message, "Replace each link by the file, or mount the data with bind mounts."));
            }
        }
    }
    findings
}

/// The first names in quotes. `None` if there is none.
fn quoted<'a>(names: impl IntoIterator<Item = &'a String>) -> Option<String> {
    listed(names.into_iter().map(|name| quote(name)).collect())
}

fn quote(name: &str) -> String {
    format!("`{}`", name.escape_debug())
}

/// The first items. `None` if there is none.
fn listed(items: Vec<String>) -> Option<String> {
    (!items.is_empty()).then(|| first_of(NAMES_MAX, items))
}

/// An entry of the inputs, which is a case.
struct Entry<'a> {
    name: &'a str,
    /// The name of the case.
    case: &'a str,
    /// The ending in lower case with its dot, [`FOLDER`] or [`NO_ENDING`].
    ending: String,
}

impl<'a> Entry<'a> {
    fn new(inputs: &Path, case: &'a Case) -> Self {
        let name = case.entry.as_str();
        let lower = name.to_ascii_lowercase();
        let ending = if inputs.join(name).is_dir() {
            FOLDER.to_owned()
        } else if let Some(double) = DOUBLE_ENDINGS.iter().find(|double| lower.ends_with(**double)) {
            (*double).to_owned()
        } else {
            lower.rsplit_once('.').map_or(NO_ENDING.to_owned(), |(_, ending)| format!(".{ending}"))
        };
        Self { name, case: case.id.as_str(), ending }
    }

    /// Whether the name has a dot before its ending.
    fn has_inner_dot(&self) -> bool {
        let ending = if self.ending.starts_with('.') { self.ending.len() } else { 0 };
        self.ending != FOLDER && self.name[..self.name.len() - ending].contains('.')
    }
}

fn several_endings(entries: &[Entry<'_>]) -> Option<String> {
    let mut by_ending = BTreeMap::<&str, Vec<&str>>::new();
    for entry in entries {
        by_ending.entry(&entry.ending).or_default().push(entry.name);
    }
    if by_ending.len() < 2 {
        return None;
    }
    let mut endings: Vec<_> = by_ending.into_iter().collect();
    endings.sort_by_key(|(_, entries)| std::cmp::Reverse(entries.len()));
    let kinds = endings.iter().map(|(ending, entries)| {
        let kind = match *ending {
            FOLDER => counted(entries.len(), FOLDER),
            ending => format!("{} {ending}", entries.len()),
        };
        format!("{kind} ({})", quote(entries[0]))
    });
    listed(kinds.collect())
        .map(|kinds| format!("The inputs have different endings, and each entry is a case: {kinds}."))
}

fn names_with_inner_dots(entries: &[Entry<'_>]) -> Option<String> {
    let dotted = entries.iter().filter(|entry| entry.has_inner_dot());
    let dotted = dotted.map(|entry| format!("{} is the case {}", quote(entry.name), quote(entry.case)));
    listed(dotted.collect()).map(|names| format!("The name of a case ends at the first dot: {names}."))
}

/// Files of nnU-Net and similar tools: `c1_0000.nii.gz` and `c1_0001.nii.gz` are two channels of one case.
fn channels(entries: &[Entry<'_>]) -> Option<String> {
    let mut by_case = BTreeMap::<&str, Vec<String>>::new();
    for entry in entries {
        if let Some((case, number)) = entry.case.rsplit_once('_')
            && number.len() == 4
            && number.bytes().all(|digit| digit.is_ascii_digit())
        {
            by_case.entry(case).or_default().push(entry.name.to_owned());
        }
    }
    let (case, files) = by_case.iter().find(|(_, files)| files.len() > 1)?;
    let names = quoted(files)?;
    Some(format!("{names} look like channels of the case `{case}`, but each file is a case of its own."))
}

fn same_but_case(entries: &[Entry<'_>]) -> Option<String> {
    let mut by_name = BTreeMap::<String, Vec<String>>::new();
    for entry in entries {
        by_name.entry(entry.name.to_lowercase()).or_default().push(entry.name.to_owned());
    }
    let same: Vec<String> = by_name.into_values().filter(|names| names.len() > 1).flatten().collect();
    quoted(&same).map(|names| format!("Names of inputs differ only in upper and lower case: {names}."))
}

/// Entries at any depth, as paths in the directory.
#[derive(Default)]
struct UnusualEntries {
    hidden: BTreeSet<String>,
    /// Links whose target does not exist.
    broken: BTreeSet<String>,
    /// Links to a target outside of the directory.
    leaving: BTreeSet<String>,
}

fn unusual_entries(inputs: &Path) -> io::Result<UnusualEntries> {
    let mut unusual = UnusualEntries::default();
    let root = fs::canonicalize(inputs)?;
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let shown = path.to_string_lossy().into_owned();
            let kind = entry.file_type()?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                unusual.hidden.insert(shown);
            } else if kind.is_symlink() {
                match fs::canonicalize(entry.path()) {
                    Err(_) => drop(unusual.broken.insert(shown)),
                    Ok(target) if !target.starts_with(&root) => drop(unusual.leaving.insert(shown)),
                    Ok(_) => {}
                }
            } else if kind.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(unusual)
}

/// The ground truth of a board, by the names of its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroundTruth {
    /// The directory has no entries.
    Empty,
    /// No entry has the name of a case.
    Shared(Vec<String>),
    /// Entries have the names of cases.
    ByCase {
        /// The number of cases with an entry.
        cases: usize,
    },
}

/// The ground truth in this directory, with the warnings about it.
///
/// # Errors
/// The directory cannot be read.
pub(super) fn of_ground_truth(directory: &Path, cases: &[Case]) -> io::Result<(GroundTruth, Vec<Finding>)> {
    let mut without_case = Vec::new();
    let mut matched = BTreeSet::new();
    let known: BTreeSet<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let stem = name.split('.').next().unwrap_or_default();
        match known.get(name.as_str()).or_else(|| known.get(stem)) {
            Some(case) => drop(matched.insert(*case)),
            None => without_case.push(name),
        }
    }
    without_case.sort();
    if matched.is_empty() {
        let found = if without_case.is_empty() { GroundTruth::Empty } else { GroundTruth::Shared(without_case) };
        return Ok((found, Vec::new()));
    }
    let missing: Vec<String> =
        cases.iter().map(|case| case.id.to_string()).filter(|id| !matched.contains(id.as_str())).collect();
    let warning = |message: String, help: &str| {
        Finding::warning(SUSPICIOUS_DATA, message, help).at(Location::file(display_path(directory)))
    };
    let mut findings = Vec::new();
    if let Some(names) = quoted(&missing) {
        let message = format!("Cases without ground truth: {names}.");
        findings.push(warning(message, "Add their ground truth, or remove their inputs."));
    }
    if let Some(names) = quoted(&without_case) {
        let message = format!("The ground truth has names that are not names of cases: {names}.");
        findings.push(warning(message, "Remove them, or add their inputs."));
    }
    Ok((GroundTruth::ByCase { cases: matched.len() }, findings))
}

#[cfg(test)]
mod tests {
    use super::super::tests::folder_of_inputs;
    use super::*;

    fn messages(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(|f| format!("{}: {}", f.severity, f.message)).collect()
    }

    fn warnings(entries: &[&str]) -> Vec<String> {
        let (_folder, inputs) = folder_of_inputs(entries);
        messages(&of_inputs(&inputs, &super::super::cases(&inputs).unwrap()))
    }

    #[test]
    fn usual_inputs_have_no_warnings() {
        assert_eq!(warnings(&["a.nii.gz", "b.nii.gz"]), [""; 0]);
        assert_eq!(warnings(&["a.NII.GZ", "b.nii.gz", "c.nii.gz"]), [""; 0]);
        assert_eq!(warnings(&["v1.x/", "v2/"]), [""; 0]);
        assert_eq!(warnings(&["a_0000.nii.gz", "b_0000.nii.gz"]), [""; 0]);
    }

    #[test]
    fn leftovers_among_the_inputs_are_named() {
        assert_eq!(
            warnings(&["a.nii.gz", "b.nii.gz", "README.txt", "Thumbs.db", "extra/", "LICENSE"]),
            ["warning: The inputs have different endings, and each entry is a case: 2 .nii.gz (`a.nii.gz`), 1 .db \
                 (`Thumbs.db`), 1 .txt (`README.txt`), 1 folder (`extra`), 1 without an ending (`LICENSE`)."]
        );
        assert_eq!(
            warnings(&["a.png", ".DS_Store", "b.png"]),
            ["warning: Referee ignores hidden entries among the inputs: `.DS_Store`."]
        );
    }

    #[test]
    fn names_that_become_other_cases_are_named() {
        assert_eq!(
            warnings(&["scan.v2.nii.gz", "other.nii.gz"]),
            ["warning: The name of a case ends at the first dot: `scan.v2.nii.gz` is the case `scan`."]
        );
        assert_eq!(
            warnings(&["a_0000.png", "a_0001.png"]),
            ["warning: `a_0000.png`, `a_0001.png` look like channels of the case `a`, but each file is a case of \
                 its own."]
        );
        assert_eq!(
            warnings(&["Case1.png", "case1.png"]),
            ["warning: Names of inputs differ only in upper and lower case: `Case1.png`, `case1.png`."]
        );
    }

    #[test]
    fn links_that_a_container_cannot_follow_are_named() {
        let (folder, inputs) = folder_of_inputs(&["a/", "b/"]);
        fs::write(folder.path().join("far.png"), "").unwrap();
        fs::write(inputs.join("b/near.png"), "").unwrap();
        std::os::unix::fs::symlink("../b/near.png", inputs.join("a/near.png")).unwrap();
        std::os::unix::fs::symlink("../../far.png", inputs.join("a/far.png")).unwrap();
        std::os::unix::fs::symlink("nowhere", inputs.join("a/none.png")).unwrap();
        std::os::unix::fs::symlink(".", inputs.join("a/circle")).unwrap();
        let cases = super::super::cases(&inputs).unwrap();
        assert_eq!(
            messages(&of_inputs(&inputs, &cases)),
            [
                "error: Links among the inputs lead to nothing: `a/none.png`.",
                "warning: Links lead out of the directory of inputs, and a container has only this directory: \
                 `a/far.png`."
            ]
        );
    }

    #[test]
    fn ground_truth_is_compared_with_the_cases() {
        let found = |inputs: &[&str], names: &[&str]| {
            let (folder, inputs) = folder_of_inputs(inputs);
            let directory = folder.path().join("labels");
            fs::create_dir(&directory).unwrap();
            names.iter().for_each(|name| fs::write(directory.join(name), "").unwrap());
            let (ground_truth, findings) = of_ground_truth(&directory, &super::super::cases(&inputs).unwrap()).unwrap();
            (ground_truth, messages(&findings))
        };
        assert_eq!(found(&["a.png"], &[".keep"]), (GroundTruth::Empty, vec![]));
        let labels = vec!["labels.csv".to_owned()];
        assert_eq!(found(&["a.png", "b.png"], &["labels.csv"]), (GroundTruth::Shared(labels), vec![]));
        assert_eq!(found(&["a.png", "b.png"], &["a.png", "b.nii.gz"]), (GroundTruth::ByCase { cases: 2 }, vec![]));
        assert_eq!(
            found(&["a.png", "b.png"], &["a.png", "c.png"]),
            (
                GroundTruth::ByCase { cases: 1 },
                vec![
                    "warning: Cases without ground truth: `b`.".to_owned(),
                    "warning: The ground truth has names that are not names of cases: `c.png`.".to_owned()
                ]
            )
        );
    }
}
