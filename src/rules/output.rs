//! What was written, against what the task asks for: OUT001 to OUT007.
//!
//! Looks at names and sizes only; opens nothing. Names that could break a page were dropped by the
//! reader and are never repeated. Never says more than which limit or which expected file.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::{OUT001, OUT002, OUT003, OUT004, OUT005, OUT006, OUT007};
use super::exit::bytes;
use crate::model::{
    CaseId, Contract, Finding, Outcome, OutputLimitHit, OutputListing, PathPattern, RunLimits,
};

/// Missing or irregular files that get a finding of their own; the rest are counted.
const SHOWN: usize = 5;

/// What came of looking at an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Everything that was found.
    pub findings: Vec<Finding>,
    /// How the submission ends, if it does.
    pub outcome: Option<Outcome>,
}

/// Looks at the output of a run over these cases.
pub fn check(
    listing: &OutputListing,
    contract: &Contract,
    cases: &[CaseId],
    limits: &RunLimits,
) -> Checked {
    let mut findings = exceeded(listing, contract, limits);
    if !findings.is_empty() {
        // What is missing may be missing because there was no room left.
        return Checked {
            findings,
            outcome: Some(Outcome::OutputLimit),
        };
    }
    findings.extend(irregular(listing));
    if listing.bad_names > 0 {
        let (names, are) = if listing.bad_names == 1 {
            ("name", "is")
        } else {
            ("names", "are")
        };
        findings.push(OUT005.finding(format!(
            "{} file {names} {are} not allowed",
            listing.bad_names
        )));
    }
    if listing.files.is_empty() && findings.is_empty() {
        findings.push(OUT006.finding(format!("No output was written to {}", contract.output)));
    } else {
        let extra = unexpected(listing, contract, cases);
        findings.extend(missing(listing, contract, cases, &extra));
        findings.extend(extra.first().map(|first| {
            OUT007.finding(match extra.len() {
                1 => format!("`{first}` is not asked for"),
                n => format!("{n} files are not asked for, such as `{first}`"),
            })
        }));
    }
    let outcome = crate::model::finding::any_error(&findings).then_some(Outcome::OutputInvalid);
    Checked { findings, outcome }
}

fn exceeded(listing: &OutputListing, contract: &Contract, limits: &RunLimits) -> Vec<Finding> {
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
        let deepest = contract
            .expect
            .iter()
            .map(|e| e.0.matches('/').count())
            .max()
            .unwrap_or(0);
        findings.push(OUT004.finding_with(
            "The output has directories too deep",
            format!("Write files as the task asks for them, at most {deepest} directories deep."),
        ));
    }
    findings
}

fn irregular(listing: &OutputListing) -> Vec<Finding> {
    let mut findings: Vec<Finding> = listing
        .others
        .iter()
        .take(SHOWN)
        .map(|(path, what)| OUT002.finding(format!("`{path}` is no regular file but a {what}")))
        .collect();
    if listing.others.len() > SHOWN {
        findings.push(OUT002.finding(format!(
            "{} more are no regular files",
            listing.others.len() - SHOWN
        )));
    }
    findings
}

fn missing(
    listing: &OutputListing,
    contract: &Contract,
    cases: &[CaseId],
    extra: &[&String],
) -> Vec<Finding> {
    let demanded = contract.expect.len() * cases.len();
    let all: Vec<(&CaseId, String)> = demands(contract, cases)
        .filter(|(case, pattern)| !is_there(listing, pattern, case))
        .map(|(case, pattern)| (case, pattern.for_case(case)))
        .collect();
    let mut findings: Vec<Finding> = all
        .iter()
        .take(SHOWN)
        .map(|(case, expected)| match near_miss(expected, case, extra) {
            Some(near) => OUT001.finding_with(
                format!("Found `{near}`, expected `{expected}`"),
                "Write the file under the expected name, relative to the output directory.",
            ),
            None => OUT001.finding(format!("`{expected}` is missing")),
        })
        .collect();
    if all.len() > SHOWN {
        findings.push(OUT001.finding(format!(
            "{} more are missing, {} of {demanded} in all",
            all.len() - SHOWN,
            all.len()
        )));
    }
    if let Some(path) = single_file(listing, &all, cases) {
        findings.insert(0, OUT001.finding_with(
            format!("There is one file, `{path}`, for {} cases", cases.len()),
            "Put the name of the case into the name of the file, so that the cases do not overwrite each other.",
        ));
    }
    findings
}

/// Every pattern for every case.
fn demands<'a>(
    contract: &'a Contract,
    cases: &'a [CaseId],
) -> impl Iterator<Item = (&'a CaseId, &'a PathPattern)> {
    cases
        .iter()
        .flat_map(|case| contract.expect.iter().map(move |pattern| (case, pattern)))
}

/// Links and pipes have their own finding: they need not be missing as well.
fn is_there(listing: &OutputListing, pattern: &PathPattern, case: &CaseId) -> bool {
    matching(&listing.files, pattern, case).next().is_some()
        || matching(&listing.others, pattern, case).next().is_some()
}

/// The paths that a pattern demands for a case. Looks only where they can be: thousands of cases
/// with thousands of files are common.
pub fn matching<'a, T>(
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

/// All cases wrote to the same place, and the last one won.
fn single_file<'a>(
    listing: &'a OutputListing,
    missing: &[(&CaseId, String)],
    cases: &[CaseId],
) -> Option<&'a str> {
    let mut paths = listing.files.keys();
    let path = paths.next()?;
    let only = paths.next().is_none();
    let names_a_case = cases.iter().any(|case| path.contains(case.as_str()));
    (only && cases.len() > 1 && missing.len() >= cases.len() && !names_a_case).then_some(path)
}

/// A file that nobody asked for and that differs from the expected one in the way that people get wrong: in case, in the
/// extension, in the directory.
fn near_miss<'a>(expected: &str, case: &CaseId, extra: &[&'a String]) -> Option<&'a String> {
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let stem = |path: &str| name(path).split('.').next().unwrap_or_default().to_owned();
    let lower = expected.to_ascii_lowercase();
    let candidates = || extra.iter().copied();
    candidates()
        .find(|path| path.to_ascii_lowercase() == lower)
        .or_else(|| candidates().find(|path| name(path) == name(expected)))
        .or_else(|| {
            let plain = !stem(expected).contains('*') && !stem(expected).is_empty();
            candidates().find(|path| plain && stem(path) == stem(expected))
        })
        .or_else(|| {
            let case = case.as_str().to_ascii_lowercase();
            candidates().find(|path| stem(path) == case)
        })
}

/// Files that no pattern demands for any case.
fn unexpected<'a>(
    listing: &'a OutputListing,
    contract: &Contract,
    cases: &[CaseId],
) -> Vec<&'a String> {
    let wanted: BTreeSet<&str> = demands(contract, cases)
        .flat_map(|(case, pattern)| matching(&listing.files, pattern, case))
        .map(String::as_str)
        .collect();
    listing
        .files
        .keys()
        .filter(|path| !wanted.contains(path.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::samples;

    fn told(listing: &OutputListing, expect: &str, cases: usize) -> (Vec<String>, Option<Outcome>) {
        let contract = samples::contract(expect);
        let cases: Vec<_> = (1..=cases)
            .map(|n| CaseId::new(format!("tile_{n:02}")).unwrap())
            .collect();
        let checked = check(listing, &contract, &cases, &samples::limits());
        (
            checked
                .findings
                .iter()
                .map(|f| format!("{} {}", f.code, f.message))
                .collect(),
            checked.outcome,
        )
    }

    fn files(names: &[&str]) -> OutputListing {
        OutputListing {
            files: names.iter().map(|n| ((*n).to_owned(), 10)).collect(),
            bytes: 10 * names.len() as u64,
            ..OutputListing::default()
        }
    }

    #[test]
    fn what_was_asked_for_passes() {
        assert_eq!(
            told(&files(&["tile_01.png", "tile_02.png"]), "{case}.png", 2),
            (vec![], None)
        );
        let (message, outcome) = told(&files(&["tile_01.png", "log.txt"]), "{case}.png", 1);
        assert_eq!(
            (message, outcome),
            (vec!["OUT007 `log.txt` is not asked for".into()], None)
        );
    }

    #[test]
    fn near_misses_are_named() {
        for (written, expect, message) in [
            (
                "tile_01.tif",
                "{case}.png",
                "Found `tile_01.tif`, expected `tile_01.png`",
            ),
            ("Tile_01.PNG", "{case}.png", "Found `Tile_01.PNG`"),
            (
                "masks/tile_01.png",
                "{case}.png",
                "Found `masks/tile_01.png`",
            ),
            (
                "tile_01_mask.png",
                "{case}/{case}_mask.png",
                "Found `tile_01_mask.png`, expected `tile_01/tile_01_mask.png`",
            ),
            (
                "tile_01.png",
                "{case}/{case}_mask.png",
                "Found `tile_01.png`",
            ),
        ] {
            let (found, outcome) = told(&files(&[written]), expect, 1);
            assert!(
                found[0].starts_with("OUT001") && found[0].contains(message),
                "{found:?}"
            );
            assert_eq!(outcome, Some(Outcome::OutputInvalid));
        }
        // Another case's file is no near miss.
        let (found, _) = told(&files(&["tile_02/mask.png"]), "{case}/mask.png", 2);
        assert_eq!(found, ["OUT001 `tile_01/mask.png` is missing"]);
        let (found, _) = told(&files(&["result.png"]), "{case}.png", 3);
        assert_eq!(
            found[0],
            "OUT001 There is one file, `result.png`, for 3 cases"
        );
    }

    #[test]
    fn many_missing_files_are_counted() {
        let (found, _) = told(&files(&["tile_01.png"]), "{case}.png", 9);
        assert_eq!(found.len(), SHOWN + 1);
        assert_eq!(found[SHOWN], "OUT001 3 more are missing, 8 of 9 in all");
    }

    #[test]
    fn links_names_and_emptiness() {
        let mut links = OutputListing::default();
        links.others.insert("tile_01.png".into(), "symlink".into());
        assert_eq!(
            told(&links, "{case}.png", 1),
            (
                vec!["OUT002 `tile_01.png` is no regular file but a symlink".into()],
                Some(Outcome::OutputInvalid)
            )
        );
        let named = OutputListing {
            bad_names: 1,
            ..files(&["tile_01.png"])
        };
        let expected = (
            vec!["OUT005 1 file name is not allowed".into()],
            Some(Outcome::OutputInvalid),
        );
        assert_eq!(told(&named, "{case}.png", 1), expected);
        let empty = told(&OutputListing::default(), "{case}.png", 4);
        assert_eq!(empty.0, ["OUT006 No output was written to /output"]);
    }

    #[test]
    fn limits_come_before_everything_else() {
        for (listing, code) in [
            (
                OutputListing {
                    bytes: 1001,
                    ..files(&["a"])
                },
                "OUT003",
            ),
            (
                OutputListing {
                    truncated: Some(OutputLimitHit::Bytes),
                    ..files(&[])
                },
                "OUT003",
            ),
            (
                files(&["a", "b", "c", "d", "e", "f", "g", "h", "i"]),
                "OUT004",
            ),
            (
                OutputListing {
                    truncated: Some(OutputLimitHit::Files),
                    ..files(&[])
                },
                "OUT004",
            ),
            (
                OutputListing {
                    truncated: Some(OutputLimitHit::Depth),
                    ..files(&[])
                },
                "OUT004",
            ),
        ] {
            let (found, outcome) = told(&listing, "{case}.png", 1);
            assert_eq!((found.len(), outcome), (1, Some(Outcome::OutputLimit)));
            assert!(found[0].starts_with(code), "{found:?}");
        }
    }
}
