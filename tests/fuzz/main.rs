//! The promises of every reader of foreign bytes, about seeds and about seeds that were changed.
//!
//! The changes are the same in every run. `tests/fuzz/run.sh` lets libFuzzer look for more.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic in a test is its report"
)]

mod change;
mod targets;

use change::Changes;
use targets::{TARGETS, seeds};

/// Changed seeds for each target.
const CHANGED: usize = 1500;
/// Longer ones are cut: long texts have tests of their own.
const BYTES_MAX: usize = 16 * 1024;

fn keeps_its_promises(name: &str) {
    let (_, keeps) = TARGETS.iter().find(|(target, _)| *target == name).unwrap();
    let seeds = seeds::of(name);
    assert!(seeds.len() >= 3, "{} seeds", seeds.len());
    let mut changes = Changes::new(name);
    let changed = (0..CHANGED).map(|_| changes.changed(&seeds, BYTES_MAX));
    for bytes in seeds.iter().cloned().chain(changed.collect::<Vec<_>>()) {
        if std::panic::catch_unwind(|| keeps(&bytes)).is_err() {
            panic!("{name} breaks a promise about\n{}", bytes.escape_ascii());
        }
    }
}

#[test]
fn commands() {
    keeps_its_promises("commands");
}

#[test]
fn delivery() {
    keeps_its_promises("delivery");
}

#[test]
fn dockerfile() {
    keeps_its_promises("dockerfile");
}

#[test]
fn escape() {
    keeps_its_promises("escape");
}

#[test]
fn layer() {
    keeps_its_promises("layer");
}

#[test]
fn manifest() {
    keeps_its_promises("manifest");
}

#[test]
fn metrics() {
    keeps_its_promises("metrics");
}

#[test]
fn output() {
    keeps_its_promises("output");
}

#[test]
fn submission() {
    keeps_its_promises("submission");
}

#[test]
fn no_target_is_left_out() {
    let here = include_str!("main.rs");
    let list = include_str!("Cargo.toml");
    for (name, _) in TARGETS {
        assert!(
            here.contains(&format!("keeps_its_promises(\"{name}\")")),
            "{name}"
        );
        assert!(
            list.contains(&format!("path = \"bins/{name}.rs\"")),
            "{name}"
        );
    }
}
