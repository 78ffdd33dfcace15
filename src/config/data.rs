//! Where the data of a challenge lies, and which cases it has.
//!
//! Looks at names only: opens no image and follows no rule of any task.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::reader::{BAD_VALUE, CONTRADICTION, PATH_MISSING, shown, text_of};
use crate::model::{
    Case, CaseId, Challenge, Finding, InputSelection, Location, OutputCheck, PathPattern, Phase,
    Task,
};

/// File beside `inputs/` that names each case's cluster and stratum.
const CASES_CSV: &str = "cases.csv";

/// Inputs of a task in a phase: `<data>/<task>/inputs`, or `<data>/inputs` shared by all tasks.
pub fn inputs_of(phase: &Phase, task: &Task) -> PathBuf {
    shared_inputs(&phase.data.join(task.slug.as_str()))
}

/// Truth of a task in a phase. Seen by the scorer alone.
pub fn ground_truth_of(phase: &Phase, task: &Task) -> PathBuf {
    phase.data.join(task.slug.as_str()).join("truth")
}

/// Public inputs of a task: `<sample>/inputs`, or `inputs` beside the sample directory.
pub fn sample_inputs(task: &Task) -> PathBuf {
    inputs_of_sample(&task.sample)
}

/// Public inputs of the task with this sample.
pub(super) fn inputs_of_sample(sample: &Path) -> PathBuf {
    shared_inputs(sample)
}

/// Public truth of a task.
pub fn sample_ground_truth(task: &Task) -> PathBuf {
    task.sample.join("truth")
}

/// `inputs` in the directory, or where there is none, in its parent.
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
/// One entry is one case: a file's name up to its first dot, or a directory's whole name. Hidden
/// entries are ignored. `cases.csv` beside the directory, if there, gives cluster and stratum.
///
/// # Errors
/// When the directory cannot be read or is empty, when a name is no case name, when two entries
/// are the same case, or when `cases.csv` does not fit.
pub fn cases(inputs: &Path) -> Result<Vec<Case>, Vec<Finding>> {
    let mut findings = Vec::new();
    let entries = entries_of(inputs).map_err(|e| {
        let message = format!("The inputs cannot be read: {e}.");
        let help = "Put the cases there, or correct the path.";
        vec![Finding::error(PATH_MISSING, message, help).at(Location::file(shown(inputs)))]
    })?;
    let mut cases: BTreeMap<CaseId, Case> = BTreeMap::new();
    for (entry, stem) in entries {
        let location = Location::file(shown(&inputs.join(&entry)));
        match CaseId::new(stem) {
            Err(invalid) => {
                let help = "Rename the entry; its name up to the first dot is the case.";
                findings.push(Finding::error(BAD_VALUE, format!("{invalid}."), help).at(location));
            }
            Ok(id) if cases.contains_key(&id) => {
                let message = format!("There is another entry for the case `{id}`.");
                let help = "Leave one file or directory for each case.";
                findings.push(Finding::error(CONTRADICTION, message, help).at(location));
            }
            Ok(id) => {
                let case = Case {
                    id: id.clone(),
                    entry,
                    cluster: None,
                    stratum: None,
                };
                cases.insert(id, case);
            }
        }
    }
    if cases.is_empty() && findings.is_empty() {
        let help = "Put one file or directory there for each case.";
        let finding = Finding::error(PATH_MISSING, "There are no cases.", help);
        findings.push(finding.at(Location::file(shown(inputs))));
    }
    let table = inputs.with_file_name(CASES_CSV);
    if table.is_file() {
        match text_of(&table) {
            Ok(text) => findings.extend(group(&mut cases, &text, &shown(&table))),
            Err(problems) => findings.extend(problems),
        }
    }
    match findings.is_empty() {
        true => Ok(cases.into_values().collect()),
        false => Err(findings),
    }
}

/// Names of all entries with the name of their case, sorted.
fn entries_of(inputs: &Path) -> std::io::Result<Vec<(String, String)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(inputs)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        // A link to a directory is a directory: data is often laid out by links.
        let stem = match fs::metadata(inputs.join(&name)) {
            Ok(about) if about.is_dir() => name.clone(),
            _ => name.split('.').next().unwrap_or_default().to_owned(),
        };
        entries.push((name, stem));
    }
    entries.sort();
    Ok(entries)
}

/// These inputs of a case, as paths relative to the directory of inputs, sorted.
///
/// # Errors
/// When a directory cannot be read. One that is not there holds none.
pub fn chosen(directory: &Path, which: &InputSelection, case: &CaseId) -> io::Result<Vec<String>> {
    let mut found = matching(directory, &which.pattern, case)?;
    found.retain(|path| which.includes(case, path));
    Ok(found)
}

/// What keeps a check from being made on these inputs: the key that names them, and a sentence.
pub(super) fn misses(
    directory: &Path,
    check: &OutputCheck,
    cases: &[Case],
) -> Vec<(&'static str, String)> {
    let mut misses = Vec::new();
    for (key, which) in check.inputs() {
        let none = |case: &&Case| {
            let found = chosen(directory, &which, &case.id);
            found.map_or(true, |found| found.is_empty())
        };
        if let Some(case) = cases.iter().find(none) {
            let (pattern, id) = (&which.pattern, &case.id);
            let message = format!("No input of the case `{id}` fits `{pattern}` of `{key}`.");
            misses.push((key, message));
        }
    }
    misses
}

/// Inputs of a case that fit a pattern.
fn matching(inputs: &Path, pattern: &PathPattern, case: &CaseId) -> io::Result<Vec<String>> {
    let full = pattern.for_case(case);
    let mut found = vec![String::new()];
    for part in full.split('/') {
        let mut deeper = Vec::new();
        for folder in &found {
            deeper.extend(within(inputs, folder, part)?);
        }
        found = deeper;
    }
    found.retain(|path| pattern.matches(case, path) && inputs.join(path).is_file());
    found.sort();
    Ok(found)
}

/// Entries of a folder that one part of a pattern may mean.
fn within(inputs: &Path, folder: &str, part: &str) -> io::Result<Vec<String>> {
    let path = |name: &str| match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    };
    if !part.contains('*') {
        let path = path(part);
        let there = inputs.join(&path).exists();
        return Ok(there.then_some(path).into_iter().collect());
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

/// Reads `cases.csv` (a header with `case` and any of `cluster` and `stratum`, commas, no quotes)
/// into the cases.
fn group(cases: &mut BTreeMap<CaseId, Case>, text: &str, file: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut bad = |line: usize, message: String, help: &str| {
        let line = u32::try_from(line + 1).unwrap_or(u32::MAX);
        let finding = Finding::error(BAD_VALUE, message, help);
        findings.push(finding.at(Location::line(file, line)));
    };
    let fields = |line: &str| -> Vec<String> {
        line.split(',')
            .map(|field| field.trim().to_owned())
            .collect()
    };
    let text = text.trim_start_matches('\u{feff}');
    let header = fields(text.lines().next().unwrap_or_default());
    let column = |name: &str| header.iter().position(|h| h == name);
    let known = |h: &String| matches!(h.as_str(), "case" | "cluster" | "stratum");
    let (Some(case_at), true) = (column("case"), header.iter().all(known)) else {
        let help = "Write the header `case,cluster,stratum`; the last two are optional.";
        bad(0, "The header is not understood.".to_owned(), help);
        return findings;
    };
    let mut listed = Vec::new();
    for (number, line) in text.lines().enumerate().skip(1) {
        let row = fields(line);
        let filled = |name| Some(row.get(column(name)?)?.clone()).filter(|f| !f.is_empty());
        let case = row
            .get(case_at)
            .and_then(|name| CaseId::new(name.as_str()).ok());
        if line.trim().is_empty() {
            continue;
        }
        if row.len() != header.len() || line.contains('"') {
            let help = "Write as many fields as the header has, without quotes.";
            bad(number, format!("There are {} fields.", row.len()), help);
            continue;
        }
        match case.and_then(|id| cases.get_mut(&id)) {
            None => {
                let help = "Remove the line, or add the input.";
                bad(number, "There is no input of this case.".to_owned(), help);
            }
            Some(case) if listed.contains(&case.id) => {
                let message = format!("The case `{}` is listed twice.", case.id);
                bad(number, message, "Remove one of the lines.");
            }
            Some(case) => {
                case.cluster = filled("cluster");
                case.stratum = filled("stratum");
                listed.push(case.id.clone());
            }
        }
    }
    for id in cases.keys().filter(|id| !listed.contains(id)) {
        let message = format!("The case `{id}` has no line.");
        bad(0, message, "List every case, or remove the file.");
    }
    findings
}

/// Looks for the data of every phase, which a laptop that only checks submissions does not have.
pub fn check_paths(challenge: &Challenge) -> Vec<Finding> {
    let mut findings = Vec::new();
    for phase in &challenge.phases {
        if !phase.data.is_dir() {
            let message = format!("The data of the phase `{}` is not there.", phase.slug);
            let help = "Mount or copy it, or correct `data` of the phase.";
            let finding = Finding::error(PATH_MISSING, message, help);
            findings.push(finding.at(Location::file(shown(&phase.data))));
            continue;
        }
        for task in &challenge.tasks {
            let inputs = inputs_of(phase, task);
            match cases(&inputs) {
                Err(problems) => findings.extend(problems),
                Ok(cases) => {
                    let all = task.checks.iter().flat_map(|c| misses(&inputs, c, &cases));
                    findings.extend(all.map(|(_, message)| {
                        let help = "Correct the pattern in `task.check`, or add the input.";
                        let finding = Finding::error(PATH_MISSING, message, help);
                        finding.at(Location::file(shown(&inputs)))
                    }));
                }
            }
            let ground_truth = ground_truth_of(phase, task);
            if !ground_truth.is_dir() {
                let message = format!(
                    "The truth of `{}` in `{}` is not there.",
                    task.slug, phase.slug
                );
                let help = "The scorer needs this directory, also when it is empty.";
                let finding = Finding::error(PATH_MISSING, message, help);
                findings.push(finding.at(Location::file(shown(&ground_truth))));
            }
        }
    }
    // Tasks that share their inputs share their problems.
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
    fn an_entry_is_a_case() {
        let (_folder, inputs) = inputs(&["b.nii.gz", "Video_01.x/", ".hidden", "a"], None);
        let cases = cases(&inputs).unwrap();
        let names: Vec<_> = cases
            .iter()
            .map(|c| (c.id.as_str(), c.entry.as_str()))
            .collect();
        assert_eq!(
            names,
            [("Video_01.x", "Video_01.x"), ("a", "a"), ("b", "b.nii.gz")]
        );
        assert!(
            cases
                .iter()
                .all(|c| c.cluster.is_none() && c.stratum.is_none())
        );
    }

    #[test]
    fn inputs_of_a_case_are_found_by_a_pattern() {
        let entries = ["v/", "v/a/", "v/b/", "v/b/n/", "w/", "w.png"];
        let (_folder, inputs) = inputs(&entries, None);
        for file in [
            "v/a/2.png",
            "v/a/1.png",
            "v/a/1.txt",
            "v/b/3.png",
            "v/b/.4.png",
        ] {
            fs::write(inputs.join(file), "").unwrap();
        }
        let found = |case: &str, pattern: &str| {
            let case = CaseId::new(case).unwrap();
            matching(&inputs, &PathPattern(pattern.to_owned()), &case).unwrap()
        };
        assert_eq!(
            found("v", "{case}/*/*.png"),
            ["v/a/1.png", "v/a/2.png", "v/b/3.png"]
        );
        assert_eq!(found("v", "{case}/b/*"), ["v/b/3.png"]);
        assert_eq!(found("w", "{case}.png"), ["w.png"]);
        assert_eq!(found("w", "{case}/*/*.png"), [""; 0]);
        assert_eq!(found("x", "{case}/*"), [""; 0]);
    }

    #[test]
    fn a_table_groups_the_cases() {
        let table = "\u{feff}stratum,case,cluster\r\n x , a,p1\r\n\r\n,b,p1\r\n";
        let (_folder, inputs) = inputs(&["a.png", "b.png"], Some(table));
        let cases = cases(&inputs).unwrap();
        assert_eq!(cases[0].stratum.as_deref(), Some("x"));
        assert_eq!(cases[1].stratum, None);
        assert_eq!(cases[1].cluster.as_deref(), Some("p1"));
    }

    #[test]
    fn what_is_no_set_of_cases_is_refused() {
        assert_eq!(problems(&[], None), ["…/inputs CFG007 There are no cases."]);
        assert_eq!(
            problems(&["a.png", "a.jpg", "a b.png"], None),
            [
                "…/inputs/a b.png CFG005 `a b` is not a valid case: only A-Z, a-z, 0-9, `-`, `_` \
                 and `.` are allowed, not starting with `.`.",
                "…/inputs/a.png CFG006 There is another entry for the case `a`.",
            ]
        );
        let table = "case,cluster\na,1\na,2\nc,1\nb\n";
        assert_eq!(
            problems(&["a.png", "b.png"], Some(table)),
            [
                "…/cases.csv:3 CFG005 The case `a` is listed twice.",
                "…/cases.csv:4 CFG005 There is no input of this case.",
                "…/cases.csv:5 CFG005 There are 1 fields.",
                "…/cases.csv:1 CFG005 The case `b` has no line.",
            ]
        );
        for header in ["", "cluster\n", "case,hospital\n", "case;cluster\n"] {
            let said = problems(&["a.png"], Some(header));
            assert_eq!(said, ["…/cases.csv:1 CFG005 The header is not understood."]);
        }
    }
}
