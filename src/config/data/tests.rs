//! Data folders on disk, as organizers arrange them.

use std::fs;

use super::*;

/// A folder with these inputs. A name that ends with `/` is a folder.
pub(super) fn folder_of_inputs(entries: &[&str]) -> (tempfile::TempDir, PathBuf) {
    inputs(entries, None)
}

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
