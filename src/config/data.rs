//! The paths of a challenge's data, and the cases in it.
//!
//! Only names are read. No image is opened, and the content of files is not checked.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::reader::{CONTRADICTION, INVALID_VALUE, PATH_MISSING, display_path, read_file};
use crate::model::{Case, CaseId, Challenge, Finding, InputSelection, Location, OutputCheck, PathPattern, Phase, Task};

/// A file beside `inputs/` with the cluster and stratum of each case.
const CASES_CSV: &str = "cases.csv";

/// Inputs of a task in a phase: `<data>/<task>/inputs`, or the `<data>/inputs` that all tasks share.
pub fn inputs_of(phase: &Phase, task: &Task) -> PathBuf {
    shared_inputs(&phase.data.join(task.slug.as_str()))
}

/// Ground truth of a task in a phase. Only the scorer reads it.
pub fn ground_truth_of(phase: &Phase, task: &Task) -> PathBuf {
    phase.data.join(task.slug.as_str()).join("truth")
}

/// Public inputs of a task: `<sample>/inputs`, or `inputs` beside the sample directory.
pub fn sample_inputs(task: &Task) -> PathBuf {
    inputs_of_sample(&task.sample)
}

/// Public inputs of the task whose sample is in this directory.
pub(super) fn inputs_of_sample(sample: &Path) -> PathBuf {
    shared_inputs(sample)
}

/// Public ground truth of a task.
pub fn sample_ground_truth(task: &Task) -> PathBuf {
    task.sample.join("truth")
}

/// `inputs` in the directory or, if it does not exist, in the parent directory.
fn shared_inputs(directory: &Path) -> PathBuf {
    let own = directory.join("inputs");
    let parent = directory.parent().map(|p| p.join("inputs"));
    match parent {
        Some(shared) if !own.is_dir() && shared.is_dir() => shared,
        _ => own,
    }
}

/// The cases of an `inputs/` directory, sorted by name.
///
/// One entry is one case. The case is named after the file, up to the first dot, or after the whole name of the
/// directory. Hidden entries are ignored. A `cases.csv` beside the directory adds cluster and stratum.
///
/// # Errors
/// The directory cannot be read or is empty, a name is not a valid case name, two entries belong to the same case, or
/// `cases.csv` does not match the entries.
pub fn cases(inputs: &Path) -> Result<Vec<Case>, Vec<Finding>> {
    let mut findings = Vec::new();
    let entries = entries_of(inputs).map_err(|e| {
        let message = format!("The inputs cannot be read: {e}.");
        let help = "Copy the cases there, or correct the path.";
        vec![Finding::error(PATH_MISSING, message, help).at(Location::file(display_path(inputs)))]
    })?;
    let mut cases: BTreeMap<CaseId, Case> = BTreeMap::new();
    for (entry, stem) in entries {
        let location = Location::file(display_path(&inputs.join(&entry)));
        match CaseId::new(stem) {
            Err(invalid) => {
                let help = "Rename the entry. Its name up to the first dot is the name of the case.";
                findings.push(Finding::error(INVALID_VALUE, format!("{invalid}."), help).at(location));
            }
            Ok(id) if cases.contains_key(&id) => {
                let message = format!("The case `{id}` has more than one entry.");
                let help = "Keep one file or directory per case.";
                findings.push(Finding::error(CONTRADICTION, message, help).at(location));
            }
            Ok(id) => {
                let case = Case { id: id.clone(), entry, cluster: None, stratum: None };
                cases.insert(id, case);
            }
        }
    }
    if cases.is_empty() && findings.is_empty() {
        let help = "Copy one file or directory per case there.";
        let finding = Finding::error(PATH_MISSING, "The directory has no cases.", help);
        findings.push(finding.at(Location::file(display_path(inputs))));
    }
    let table = inputs.with_file_name(CASES_CSV);
    if table.is_file() {
        match read_file(&table) {
            Ok(text) => findings.extend(add_groups(&mut cases, &text, &display_path(&table))),
            Err(problems) => findings.extend(problems),
        }
    }
    if findings.is_empty() { Ok(cases.into_values().collect()) } else { Err(findings) }
}

/// The names of all entries, each with the name of its case, sorted.
fn entries_of(inputs: &Path) -> std::io::Result<Vec<(String, String)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(inputs)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        // A link to a directory counts as a directory, because data is often arranged by links.
        let stem = match fs::metadata(inputs.join(&name)) {
            Ok(metadata) if metadata.is_dir() => name.clone(),
            _ => name.split('.').next().unwrap_or_default().to_owned(),
        };
        entries.push((name, stem));
    }
    entries.sort();
    Ok(entries)
}

/// The inputs of a case that a check selects, as paths relative to the directory of inputs, sorted.
///
/// # Errors
/// A directory cannot be read. A directory that does not exist has no inputs.
pub fn matching_inputs(directory: &Path, selected: &InputSelection, case: &CaseId) -> io::Result<Vec<String>> {
    let mut found = paths_matching(directory, &selected.pattern, case)?;
    found.retain(|path| selected.includes(case, path));
    Ok(found)
}

/// A key of a check that selects no input of some case.
pub(super) struct MissingInput {
    pub key: &'static str,
    pub message: String,
}

/// The keys of a check that select no input of some case.
pub(super) fn missing_inputs(directory: &Path, check: &OutputCheck, cases: &[Case]) -> Vec<MissingInput> {
    let mut missing = Vec::new();
    for (key, selected) in check.inputs() {
        let has_none = |case: &&Case| {
            let found = matching_inputs(directory, &selected, &case.id);
            found.map_or(true, |found| found.is_empty())
        };
        if let Some(case) = cases.iter().find(has_none) {
            let (pattern, id) = (&selected.pattern, &case.id);
            let message = format!("No input of the case `{id}` matches `{pattern}` of `{key}`.");
            missing.push(MissingInput { key, message });
        }
    }
    missing
}

/// The inputs of a case that match a pattern.
fn paths_matching(inputs: &Path, pattern: &PathPattern, case: &CaseId) -> io::Result<Vec<String>> {
    let full = pattern.for_case(case);
    let mut found = vec![String::new()];
    for part in full.split('/') {
        let mut deeper = Vec::new();
        for folder in &found {
            deeper.extend(entries_matching(inputs, folder, part)?);
        }
        found = deeper;
    }
    found.retain(|path| pattern.matches(case, path) && inputs.join(path).is_file());
    found.sort();
    Ok(found)
}

/// The entries of a folder that one part of a pattern may match.
fn entries_matching(inputs: &Path, folder: &str, part: &str) -> io::Result<Vec<String>> {
    let path = |name: &str| match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    };
    if !part.contains('*') {
        let path = path(part);
        let exists = inputs.join(&path).exists();
        return Ok(exists.then_some(path).into_iter().collect());
    }
    let directory = inputs.join(folder);
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let start = part.split('*').next().unwrap_or_default();
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && name.starts_with(start) {
            found.push(path(&name));
        }
    }
    Ok(found)
}

/// Adds the cluster and stratum of each case from the text of `cases.csv`.
///
/// The file has a header with `case` and any of `cluster` and `stratum`, then one line per case. Fields are separated
/// by commas and have no quotes.
fn add_groups(cases: &mut BTreeMap<CaseId, Case>, text: &str, file: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut report = |line: usize, message: String, help: &str| {
        let line = u32::try_from(line + 1).unwrap_or(u32::MAX);
        let finding = Finding::error(INVALID_VALUE, message, help);
        findings.push(finding.at(Location::line(file, line)));
    };
    let text = text.trim_start_matches('\u{feff}');
    let header = fields(text.lines().next().unwrap_or_default());
    let column = |name: &str| header.iter().position(|h| *h == name);
    let known = |h: &&str| matches!(*h, "case" | "cluster" | "stratum");
    let (Some(case_column), true) = (column("case"), header.iter().all(known)) else {
        let help = "Write the header `case,cluster,stratum`. The last two columns are optional.";
        report(0, "The header is not valid.".to_owned(), help);
        return findings;
    };
    let mut listed = Vec::new();
    for (number, line) in text.lines().enumerate().skip(1) {
        if line.trim().is_empty() {
            continue;
        }
        let row = fields(line);
        if line.contains('"') {
            let help = "Write the fields without quotes.";
            report(number, "The line contains a quote.".to_owned(), help);
            continue;
        }
        if row.len() != header.len() {
            let (expected, found) = (header.len(), row.len());
            let message = format!("Expected {expected} fields, found {found}.");
            report(number, message, "Write as many fields as the header has.");
            continue;
        }
        let case = CaseId::new(row[case_column]).ok();
        match case.and_then(|id| cases.get_mut(&id)) {
            None => {
                let help = "Remove the line, or add the input.";
                report(number, "This case has no input.".to_owned(), help);
            }
            Some(case) if listed.contains(&case.id) => {
                let message = format!("The case `{}` is listed twice.", case.id);
                report(number, message, "Remove one of the lines.");
            }
            Some(case) => {
                let filled = |name| {
                    let field = row[column(name)?];
                    (!field.is_empty()).then(|| field.to_owned())
                };
                case.cluster = filled("cluster");
                case.stratum = filled("stratum");
                listed.push(case.id.clone());
            }
        }
    }
    for id in cases.keys().filter(|id| !listed.contains(id)) {
        let message = format!("The case `{id}` has no line.");
        report(0, message, "List every case, or remove the file.");
    }
    findings
}

/// The fields of a line of `cases.csv`.
fn fields(line: &str) -> Vec<&str> {
    line.split(',').map(str::trim).collect()
}

/// Checks that the data of every phase exists. A laptop that only checks submissions does not have it, so this is
/// separate from reading `challenge.toml`.
pub fn check_paths(challenge: &Challenge) -> Vec<Finding> {
    let mut findings = Vec::new();
    for phase in &challenge.phases {
        if !phase.data.is_dir() {
            let message = format!("The data of the phase `{}` does not exist.", phase.slug);
            let help = "Mount or copy the data, or correct `data` of the phase.";
            let finding = Finding::error(PATH_MISSING, message, help);
            findings.push(finding.at(Location::file(display_path(&phase.data))));
            continue;
        }
        for task in &challenge.tasks {
            let inputs = inputs_of(phase, task);
            match cases(&inputs) {
                Err(problems) => findings.extend(problems),
                Ok(cases) => {
                    let checks = task.checks.iter();
                    let missing = checks.flat_map(|c| missing_inputs(&inputs, c, &cases));
                    findings.extend(missing.map(|missing| {
                        let help = "Correct the pattern in `task.check`, or add the input.";
                        let finding = Finding::error(PATH_MISSING, missing.message, help);
                        finding.at(Location::file(display_path(&inputs)))
                    }));
                }
            }
            let ground_truth = ground_truth_of(phase, task);
            if !ground_truth.is_dir() {
                let message = format!(
                    "The ground truth of the task `{}` in the phase `{}` does not exist.",
                    task.slug, phase.slug
                );
                let help = "Create the directory. The scorer needs it even if it is empty.";
                let finding = Finding::error(PATH_MISSING, message, help);
                findings.push(finding.at(Location::file(display_path(&ground_truth))));
            }
        }
    }
    // Tasks that share their inputs have the same problems.
    findings.sort();
    findings.dedup();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(entries: &[&str], table: Option<&str>) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let inputs = folder.path().join("inputs");
        fs::create_dir(&inputs).unwrap();
        for entry in entries {
            match entry.strip_suffix('/') {
                Some(directory) => fs::create_dir(inputs.join(directory)).unwrap(),
                None => fs::write(inputs.join(entry), "").unwrap(),
            }
        }
        if let Some(table) = table {
            fs::write(folder.path().join("cases.csv"), table).unwrap();
        }
        (folder, inputs)
    }

    fn problems(entries: &[&str], table: Option<&str>) -> Vec<String> {
        let (folder, inputs) = inputs(entries, table);
        let findings = cases(&inputs).unwrap_err();
        let line = |f: Finding| {
            let location = f.location.map(|p| p.to_string()).unwrap_or_default();
            let location = location.replace(&folder.path().display().to_string(), "…");
            format!("{location} {} {}", f.code, f.message)
        };
        findings.into_iter().map(line).collect()
    }

    #[test]
    fn each_entry_is_a_case() {
        let (_folder, inputs) = inputs(&["b.nii.gz", "Video_01.x/", ".hidden", "a"], None);
        let cases = cases(&inputs).unwrap();
        let names: Vec<_> = cases.iter().map(|c| (c.id.as_str(), c.entry.as_str())).collect();
        assert_eq!(names, [("Video_01.x", "Video_01.x"), ("a", "a"), ("b", "b.nii.gz")]);
        assert!(cases.iter().all(|c| c.cluster.is_none() && c.stratum.is_none()));
    }

    #[test]
    fn a_pattern_selects_inputs_of_a_case() {
        let entries = ["v/", "v/a/", "v/b/", "v/b/n/", "w/", "w.png"];
        let (_folder, inputs) = inputs(&entries, None);
        for file in ["v/a/2.png", "v/a/1.png", "v/a/1.txt", "v/b/3.png", "v/b/.4.png"] {
            fs::write(inputs.join(file), "").unwrap();
        }
        let found = |case: &str, pattern: &str| {
            let case = CaseId::new(case).unwrap();
            paths_matching(&inputs, &PathPattern(pattern.to_owned()), &case).unwrap()
        };
        assert_eq!(found("v", "{case}/*/*.png"), ["v/a/1.png", "v/a/2.png", "v/b/3.png"]);
        assert_eq!(found("v", "{case}/b/*"), ["v/b/3.png"]);
        assert_eq!(found("w", "{case}.png"), ["w.png"]);
        assert_eq!(found("w", "{case}/*/*.png"), [""; 0]);
        assert_eq!(found("x", "{case}/*"), [""; 0]);
    }

    #[test]
    fn cases_csv_adds_cluster_and_stratum() {
        let table = "\u{feff}stratum,case,cluster\r\n x , a,p1\r\n\r\n,b,p1\r\n";
        let (_folder, inputs) = inputs(&["a.png", "b.png"], Some(table));
        let cases = cases(&inputs).unwrap();
        assert_eq!(cases[0].stratum.as_deref(), Some("x"));
        assert_eq!(cases[1].stratum, None);
        assert_eq!(cases[1].cluster.as_deref(), Some("p1"));
    }

    #[test]
    fn invalid_sets_of_cases_are_refused() {
        assert_eq!(problems(&[], None), ["…/inputs CFG007 The directory has no cases."]);
        assert_eq!(
            problems(&["a.png", "a.jpg", "a b.png"], None),
            [
                "…/inputs/a b.png CFG005 `a b` is not a valid case: only A-Z, a-z, 0-9, `-`, `_` \
                 and `.` are allowed, not starting with `.`.",
                "…/inputs/a.png CFG006 The case `a` has more than one entry.",
            ]
        );
        let table = "case,cluster\na,1\na,2\nc,1\nb\n";
        assert_eq!(
            problems(&["a.png", "b.png"], Some(table)),
            [
                "…/cases.csv:3 CFG005 The case `a` is listed twice.",
                "…/cases.csv:4 CFG005 This case has no input.",
                "…/cases.csv:5 CFG005 Expected 2 fields, found 1.",
                "…/cases.csv:1 CFG005 The case `b` has no line.",
            ]
        );
        for header in ["", "cluster\n", "case,hospital\n", "case;cluster\n"] {
            let found = problems(&["a.png"], Some(header));
            assert_eq!(found, ["…/cases.csv:1 CFG005 The header is not valid."]);
        }
    }
}
