//! The cases of a directory of inputs, with the clusters and strata of `cases.csv`.
//!
//! Only names are read. The content of files is not checked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::super::reader::{CONTRADICTION, INVALID_VALUE, PATH_MISSING, display_path, read_file};
use crate::model::{Case, CaseId, Finding, Location};

/// A file beside `inputs/` with the cluster and stratum of each case.
const CASES_CSV: &str = "cases.csv";

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
    let mut listed = BTreeSet::new();
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
                listed.insert(case.id.clone());
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
