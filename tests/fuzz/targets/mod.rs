//! The invariants of every parser of untrusted bytes: one function per parser, which must hold for all bytes.
//!
//! A function panics if an invariant is violated. The first invariant of every parser is that it never panics. An
//! ordinary test runs the functions with seeds and changed seeds, and libFuzzer runs them with its own inputs.

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

/// The name of a parser, and the function that checks its invariants.
pub type Target = (&'static str, fn(&[u8]));

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

/// Runs the target with this name.
#[cfg_attr(test, expect(dead_code, reason = "used only by the programs for libFuzzer"))]
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(target, _)| *target == name);
    target.expect("a target").1(bytes);
}

/// Every finding is complete and has a line of the file. Together they are not longer than a multiple of the file and
/// 1,000 bytes per finding.
fn assert_fit_to_show(findings: &[Finding], bytes: &[u8]) {
    let lines = bytes.iter().filter(|b| **b == b'\n').count() + 1;
    let mut length = 0;
    for finding in findings {
        assert!(!finding.code.is_empty() && !finding.message.is_empty(), "{finding:?}");
        let line = finding.location.as_ref().and_then(|location| location.line);
        assert!(line.is_none_or(|line| (1..=lines).contains(&(line as usize))), "{finding:?}");
        length += finding.message.len() + finding.help.len();
    }
    assert!(findings.len() <= 500, "{} findings", findings.len());
    let length_max = 16 * bytes.len() + 1000 * findings.len();
    assert!(length <= length_max, "{length} bytes about {}", bytes.len());
}
