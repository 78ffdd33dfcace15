//! Files that a check does not cover yet. The list of a check can only become shorter.
//!
//! `tests/tidy/<check>-open.txt` lists one path per line. A listed file that has become clean fails the check, until
//! its line is removed. `REFEREE_TIDY=update cargo test --test tidy` removes such lines; nothing adds one.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::source::Violation;

/// Panics with all violations outside the open files, and with all open files that are clean.
pub fn assert_clean(check: &str, violations: &[Violation]) {
    let open = read(check);
    let unclean: BTreeSet<&str> = violations.iter().map(|v| v.path.as_str()).collect();
    let (kept, done): (Vec<&String>, Vec<&String>) = open
        .iter()
        .partition(|path| unclean.contains(path.as_str()));
    let mut failures: Vec<String> = violations
        .iter()
        .filter(|violation| !open.contains(&violation.path))
        .map(ToString::to_string)
        .collect();
    if updates() {
        write(check, &kept);
    } else {
        failures.extend(done.iter().map(|path| {
            format!("{path}: is clean now: remove it from {check}-open.txt, or run with REFEREE_TIDY=update")
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
fn updates() -> bool {
    std::env::var("REFEREE_TIDY").is_ok_and(|value| value == "update")
}

fn file(check: &str) -> PathBuf {
    crate::root().join(format!("tests/tidy/{check}-open.txt"))
}

fn read(check: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(file(check)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn write(check: &str, open: &[&String]) {
    if open.is_empty() {
        let _ = std::fs::remove_file(file(check));
    } else {
        let lines: String = open.iter().map(|path| format!("{path}\n")).collect();
        std::fs::write(file(check), lines).unwrap();
    }
}
