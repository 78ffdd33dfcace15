//! Compares the names and sizes of the outputs with the contract of the task: OUT001 to OUT007.
//!
//! Opens no file. The reader of the output has dropped names that could break a page, and messages never repeat them.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::{OUT001, OUT002, OUT003, OUT004, OUT005, OUT006, OUT007};
use super::exit::bytes;
use crate::model::{CaseId, Contract, Finding, Outcome, OutputLimitHit, OutputListing, PathPattern, RunLimits};

/// Missing or irregular files that get a separate finding. The rest is only counted.
const FINDINGS_MAX: usize = 5;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedOutput {
    pub findings: Vec<Finding>,
    /// Set if the submission ends.
    pub outcome: Option<Outcome>,
}

/// Checks the output of a run over these cases.
pub fn check_output(
    listing: &OutputListing,
    contract: &Contract,
    cases: &[CaseId],
    limits: &RunLimits,
) -> CheckedOutput {
    let mut findings = check_limits(listing, contract, limits);
    if !findings.is_empty() {
        // Files may be missing because there was no space left, so they are not reported.
        return CheckedOutput { findings, outcome: Some(Outcome::OutputLimit) };
    }
    findings.extend(check_kinds(listing));
    findings.extend(match listing.refused_names {
        0 => None,
        1 => Some(OUT005.finding("1 file name is not allowed")),
        n => Some(OUT005.finding(format!("{n} file names are not allowed"))),
    });
    if listing.files.is_empty() && findings.is_empty() {
        let message = format!("The container wrote no output to {}", contract.output);
        findings.push(OUT006.finding(message));
    } else {
        let unexpected = unexpected_files(listing, contract, cases);
        findings.extend(check_expected(listing, contract, cases, &unexpected));
        findings.extend(unexpected.first().map(|first| {
            OUT007.finding(match unexpected.len() {
                1 => format!("`{first}` is not expected"),
                n => format!("{n} files are not expected, such as `{first}`"),
            })
        }));
    }
    let outcome = crate::model::finding::any_error(&findings).then_some(Outcome::OutputInvalid);
    CheckedOutput { findings, outcome }
}

fn check_limits(listing: &OutputListing, contract: &Contract, limits: &RunLimits) -> Vec<Finding> {
    let mut findings = Vec::new();
    let hit = listing.truncated;
    if listing.bytes > limits.output || hit == Some(OutputLimitHit::Bytes) {
        findings.push(OUT003.finding(format!("The output exceeds {}", bytes(limits.output))));
    }
    let entries = (listing.files.len() + listing.others.len()) as u64;
    if entries > limits.files || hit == Some(OutputLimitHit::Files) {
        findings.push(OUT004.finding(format!("The output has more than {} files", limits.files)));
    }
    if hit == Some(OutputLimitHit::Depth) {
        let deepest = contract.expect.iter().map(|e| e.0.matches('/').count()).max().unwrap_or(0);
        findings.push(OUT004.finding_with(
            "The directories of the output are nested too deeply",
            format!("Write the files that the task requires. They are at most {deepest} directories deep."),
        ));
    }
    findings
}

/// Reports links, pipes and other irregular files.
fn check_kinds(listing: &OutputListing) -> Vec<Finding> {
    let mut findings: Vec<Finding> = listing
        .others
        .iter()
        .take(FINDINGS_MAX)
        .map(|(path, kind)| OUT002.finding(format!("`{path}` is a {kind}, not a regular file")))
        .collect();
    let more = listing.others.len().saturating_sub(FINDINGS_MAX);
    if more > 0 {
        findings.push(OUT002.finding(format!("{more} more outputs are not regular files")));
    }
    findings
}

/// Reports missing files.
fn check_expected(
    listing: &OutputListing,
    contract: &Contract,
    cases: &[CaseId],
    unexpected: &[&String],
) -> Vec<Finding> {
    let missing: Vec<(&CaseId, String)> = expected_patterns(contract, cases)
        .filter(|(case, pattern)| !exists(listing, pattern, case))
        .map(|(case, pattern)| (case, pattern.for_case(case)))
        .collect();
    let mut findings: Vec<Finding> = missing
        .iter()
        .take(FINDINGS_MAX)
        .map(|(case, expected)| match similar_file(expected, case, unexpected) {
            Some(similar) => OUT001.finding_with(
                format!("Found `{similar}` instead of `{expected}`"),
                "Write the file under the expected name, relative to the output directory.",
            ),
            None => OUT001.finding(format!("`{expected}` is missing")),
        })
        .collect();
    if missing.len() > FINDINGS_MAX {
        findings.push(OUT001.finding(format!(
            "{} more files are missing, {} of {} in total",
            missing.len() - FINDINGS_MAX,
            missing.len(),
            contract.expect.len() * cases.len()
        )));
    }
    if let Some(path) = single_file(listing, &missing, cases) {
        findings.insert(
            0,
            OUT001.finding_with(
                format!("There is only one file, `{path}`, for {} cases", cases.len()),
                "Put the name of the case into the name of the file, so that the cases do not overwrite each other.",
            ),
        );
    }
    findings
}

/// Every pattern for every case.
fn expected_patterns<'a>(
    contract: &'a Contract,
    cases: &'a [CaseId],
) -> impl Iterator<Item = (&'a CaseId, &'a PathPattern)> {
    cases.iter().flat_map(|case| contract.expect.iter().map(move |pattern| (case, pattern)))
}

/// Whether a file matches. Links and pipes count, because they already have a finding.
fn exists(listing: &OutputListing, pattern: &PathPattern, case: &CaseId) -> bool {
    matching_paths(&listing.files, pattern, case).next().is_some()
        || matching_paths(&listing.others, pattern, case).next().is_some()
}

/// The paths that match a pattern for a case. Only paths with the pattern's prefix are compared, because thousands of
/// cases with thousands of files are common.
pub fn matching_paths<'a, T>(
    paths: &'a BTreeMap<String, T>,
    pattern: &'a PathPattern,
    case: &'a CaseId,
) -> impl Iterator<Item = &'a String> {
    let full = pattern.for_case(case);
    let prefix = full.split('*').next().unwrap_or_default().to_owned();
    paths
        .range(prefix.clone()..)
        .map(|(path, _)| path)
        .take_while(move |path| path.starts_with(&prefix))
        .filter(|path| pattern.matches(case, path))
}

/// The only file, if it looks as if all cases overwrote it in turn.
fn single_file<'a>(listing: &'a OutputListing, missing: &[(&CaseId, String)], cases: &[CaseId]) -> Option<&'a str> {
    let mut paths = listing.files.keys();
    let path = paths.next()?;
    let only = paths.next().is_none();
    let names_a_case = cases.iter().any(|case| path.contains(case.as_str()));
    (only && cases.len() > 1 && missing.len() >= cases.len() && !names_a_case).then_some(path)
}

/// An unexpected file that differs from the expected one by a common mistake: upper and lower case, extension or
/// directory.
fn similar_file<'a>(expected: &str, case: &CaseId, unexpected: &[&'a String]) -> Option<&'a String> {
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let stem = |path: &str| name(path).split('.').next().unwrap_or_default().to_owned();
    let lower = expected.to_ascii_lowercase();
    let paths = || unexpected.iter().copied();
    paths()
        .find(|path| path.to_ascii_lowercase() == lower)
        .or_else(|| paths().find(|path| name(path) == name(expected)))
        .or_else(|| {
            let plain = !stem(expected).contains('*') && !stem(expected).is_empty();
            paths().find(|path| plain && stem(path) == stem(expected))
        })
        .or_else(|| {
            let case = case.as_str().to_ascii_lowercase();
            paths().find(|path| stem(path) == case)
        })
}

/// Files that match no pattern for any case.
fn unexpected_files<'a>(listing: &'a OutputListing, contract: &Contract, cases: &[CaseId]) -> Vec<&'a String> {
    let wanted: BTreeSet<&str> = expected_patterns(contract, cases)
        .flat_map(|(case, pattern)| matching_paths(&listing.files, pattern, case))
        .map(String::as_str)
        .collect();
    listing.files.keys().filter(|path| !wanted.contains(path.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::samples;

    fn checked(listing: &OutputListing, expect: &str, cases: usize) -> CheckedOutput {
        let contract = samples::contract(expect);
        let cases: Vec<_> = (1..=cases).map(|n| CaseId::new(format!("tile_{n:02}")).unwrap()).collect();
        check_output(listing, &contract, &cases, &samples::limits())
    }

    fn messages(listing: &OutputListing, expect: &str, cases: usize) -> (Vec<String>, Option<Outcome>) {
        let checked = checked(listing, expect, cases);
        let lines = checked.findings.iter();
        let lines = lines.map(|f| format!("{} {}", f.code, f.message));
        (lines.collect(), checked.outcome)
    }

    fn files(names: &[&str]) -> OutputListing {
        OutputListing {
            files: names.iter().map(|n| ((*n).to_owned(), 10)).collect(),
            bytes: 10 * names.len() as u64,
            ..OutputListing::default()
        }
    }

    #[test]
    fn expected_files_pass() {
        assert_eq!(messages(&files(&["tile_01.png", "tile_02.png"]), "{case}.png", 2), (vec![], None));
        let (message, outcome) = messages(&files(&["tile_01.png", "log.txt"]), "{case}.png", 1);
        assert_eq!((message, outcome), (vec!["OUT007 `log.txt` is not expected".into()], None));
    }

    #[test]
    fn all_findings() {
        let mut links = OutputListing::default();
        for n in 1..=7 {
            links.others.insert(format!("link_{n}"), "symlink".into());
        }
        let truncated = |hit| OutputListing { truncated: Some(hit), ..OutputListing::default() };
        let named = |refused_names| OutputListing { refused_names, ..files(&["tile_01.png"]) };
        let blocks = [
            ("unexpected files", files(&["tile_01.png", "a", "b"]), 1),
            ("another extension", files(&["tile_01.tif"]), 1),
            ("one file for all", files(&["result.png"]), 9),
            ("links", links, 1),
            ("one name", named(1), 1),
            ("names", named(3), 1),
            ("nothing", files(&[]), 1),
            ("bytes", truncated(OutputLimitHit::Bytes), 1),
            ("files", truncated(OutputLimitHit::Files), 1),
            ("depth", truncated(OutputLimitHit::Depth), 1),
        ]
        .map(|(name, listing, cases)| samples::block(name, &checked(&listing, "{case}.png", cases).findings));
        insta::assert_snapshot!("outputs", blocks.concat());
    }

    #[test]
    fn similar_files_are_named() {
        for (written, expect, message) in [
            ("tile_01.tif", "{case}.png", "Found `tile_01.tif` instead of `tile_01.png`"),
            ("Tile_01.PNG", "{case}.png", "Found `Tile_01.PNG`"),
            ("masks/tile_01.png", "{case}.png", "Found `masks/tile_01.png`"),
            (
                "tile_01_mask.png",
                "{case}/{case}_mask.png",
                "Found `tile_01_mask.png` instead of `tile_01/tile_01_mask.png`",
            ),
            ("tile_01.png", "{case}/{case}_mask.png", "Found `tile_01.png`"),
        ] {
            let (found, outcome) = messages(&files(&[written]), expect, 1);
            assert!(found[0].starts_with("OUT001") && found[0].contains(message), "{found:?}");
            assert_eq!(outcome, Some(Outcome::OutputInvalid));
        }
        // The file of another case is not similar.
        let (found, _) = messages(&files(&["tile_02/mask.png"]), "{case}/mask.png", 2);
        assert_eq!(found, ["OUT001 `tile_01/mask.png` is missing"]);
        let (found, _) = messages(&files(&["result.png"]), "{case}.png", 3);
        assert_eq!(found[0], "OUT001 There is only one file, `result.png`, for 3 cases");
    }

    #[test]
    fn many_missing_files_are_counted() {
        let (found, _) = messages(&files(&["tile_01.png"]), "{case}.png", 9);
        assert_eq!(found.len(), FINDINGS_MAX + 1);
        assert_eq!(found[FINDINGS_MAX], "OUT001 3 more files are missing, 8 of 9 in total");
    }

    #[test]
    fn links_refused_names_and_empty_outputs_are_reported() {
        let mut links = OutputListing::default();
        links.others.insert("tile_01.png".into(), "symlink".into());
        assert_eq!(
            messages(&links, "{case}.png", 1),
            (vec!["OUT002 `tile_01.png` is a symlink, not a regular file".into()], Some(Outcome::OutputInvalid))
        );
        let named = OutputListing { refused_names: 1, ..files(&["tile_01.png"]) };
        let expected = (vec!["OUT005 1 file name is not allowed".into()], Some(Outcome::OutputInvalid));
        assert_eq!(messages(&named, "{case}.png", 1), expected);
        let empty = messages(&OutputListing::default(), "{case}.png", 4);
        assert_eq!(empty.0, ["OUT006 The container wrote no output to /output"]);
    }

    #[test]
    fn exceeded_limits_are_reported_alone() {
        for (listing, code) in [
            (OutputListing { bytes: 1001, ..files(&["a"]) }, "OUT003"),
            (OutputListing { truncated: Some(OutputLimitHit::Bytes), ..files(&[]) }, "OUT003"),
            (files(&["a", "b", "c", "d", "e", "f", "g", "h", "i"]), "OUT004"),
            (OutputListing { truncated: Some(OutputLimitHit::Files), ..files(&[]) }, "OUT004"),
            (OutputListing { truncated: Some(OutputLimitHit::Depth), ..files(&[]) }, "OUT004"),
        ] {
            let (found, outcome) = messages(&listing, "{case}.png", 1);
            assert_eq!((found.len(), outcome), (1, Some(Outcome::OutputLimit)));
            assert!(found[0].starts_with(code), "{found:?}");
        }
    }
}
