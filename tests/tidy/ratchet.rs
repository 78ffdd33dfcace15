//! Files that a check does not cover yet. The list of a check can only become shorter.
//!
//! `tests/tidy/<check>-open.txt` lists one path per line. A listed file that has become clean fails the check, until
//! its line is removed. `REFEREE_TIDY=update cargo test --test tidy` removes such lines; no mode adds one.
//! `REFEREE_TIDY=all` reports the violations of the listed files too.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::source::Violation;

/// Panics with the violations outside the open files, and with the open files that are clean.
pub fn assert_clean(check: &str, violations: &[Violation]) {
    let mode = mode();
    let open = if mode == "all" {
        BTreeSet::new()
    } else {
        read(check)
    };
    let unclean: BTreeSet<&str> = violations.iter().map(|v| v.path.as_str()).collect();
    let (kept, clean): (Vec<&String>, Vec<&String>) = open
        .iter()
        .partition(|path| unclean.contains(path.as_str()));
    let mut failures: Vec<String> = violations
        .iter()
        .filter(|violation| !open.contains(&violation.path))
        .map(ToString::to_string)
        .collect();
    if mode == "update" {
        write(check, &kept);
    } else {
        failures.extend(clean.iter().map(|path| {
            format!("{path}: is clean now: remove it from {check}-open.txt (REFEREE_TIDY=update)")
        }));
    }
    assert!(
        failures.is_empty(),
        "{check}: {} violations:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
fn mode() -> String {
    std::env::var("REFEREE_TIDY").unwrap_or_default()
}

fn file(check: &str) -> PathBuf {
    crate::root().join(format!("tests/tidy/{check}-open.txt"))
}

fn read(check: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(file(check)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn write(check: &str, open: &[&String]) {
    let lines: String = open.iter().map(|path| format!("{path}\n")).collect();
    if lines.is_empty() {
        // The file may be missing already.
        let _ = std::fs::remove_file(file(check));
    } else {
        std::fs::write(file(check), lines).unwrap();
    }
}
