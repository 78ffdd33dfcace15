//! What every reader of foreign bytes must keep to, whatever the bytes: one function for each.
//!
//! A function takes the bytes, and panics where a promise is broken; not panicking is the least of
//! the promises. Used twice: by an ordinary test with seeds and changed seeds, and by libFuzzer.

mod commands;
mod delivery;
mod dockerfile;
mod escape;
mod layer;
mod manifest;
mod metrics;
mod output;
pub mod seeds;
mod submission;

use referee::model::Finding;

/// A reader's name and its promises.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 9] = [
    ("commands", commands::keeps),
    ("delivery", delivery::keeps),
    ("dockerfile", dockerfile::keeps),
    ("escape", escape::keeps),
    ("layer", layer::keeps),
    ("manifest", manifest::keeps),
    ("metrics", metrics::keeps),
    ("output", output::keeps),
    ("submission", submission::keeps),
];

/// Runs the target of this name.
#[cfg_attr(test, expect(dead_code, reason = "for libFuzzer's programs"))]
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(target, _)| *target == name);
    target.expect("a target").1(bytes);
}

/// Findings are complete, point into the file, and are together no longer than what they are about
/// and a page for each.
fn assert_fit_to_show(findings: &[Finding], bytes: &[u8]) {
    let lines = bytes.iter().filter(|b| **b == b'\n').count() + 1;
    let mut length = 0;
    for finding in findings {
        assert!(
            !finding.code.is_empty() && !finding.message.is_empty(),
            "{finding:?}"
        );
        let line = finding.location.as_ref().and_then(|location| location.line);
        assert!(
            line.is_none_or(|line| (1..=lines).contains(&(line as usize))),
            "{finding:?}"
        );
        length += finding.message.len() + finding.help.len();
    }
    assert!(findings.len() <= 500, "{} findings", findings.len());
    let most = 16 * bytes.len() + 1000 * findings.len();
    assert!(length <= most, "{length} bytes about {}", bytes.len());
}
