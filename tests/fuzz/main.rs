//! The invariants of every parser of untrusted bytes, checked with seeds and with changed seeds.
//!
//! The changes are the same in every run. `tests/fuzz/run.sh` searches for more inputs with libFuzzer.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic in a test is its report")]

mod change;
#[expect(unreachable_pub, reason = "the package of libFuzzer builds this module as a library")]
mod targets;

use change::Changes;
use targets::{TARGETS, seeds};

/// Number of changed seeds per target.
const CHANGED: usize = 1500;
/// Longer inputs are truncated, because long texts have their own tests.
const BYTES_MAX: usize = 16 * 1024;

fn keeps_its_invariants(name: &str) {
    let (_, keeps) = TARGETS.iter().find(|(target, _)| *target == name).unwrap();
    let seeds = seeds::of(name);
    assert!(seeds.len() >= 3, "{} seeds", seeds.len());
    let mut changes = Changes::new(name);
    let changed = (0..CHANGED).map(|_| changes.changed(&seeds, BYTES_MAX));
    for bytes in seeds.iter().cloned().chain(changed.collect::<Vec<_>>()) {
        if std::panic::catch_unwind(|| keeps(&bytes)).is_err() {
            panic!("{name} violates an invariant for\n{}", bytes.escape_ascii());
        }
    }
}

#[test]
fn commands() {
    keeps_its_invariants("commands");
}

#[test]
fn delivery() {
    keeps_its_invariants("delivery");
}

#[test]
fn dockerfile() {
    keeps_its_invariants("dockerfile");
}

#[test]
fn escape() {
    keeps_its_invariants("escape");
}

#[test]
fn layer() {
    keeps_its_invariants("layer");
}

#[test]
fn manifest() {
    keeps_its_invariants("manifest");
}

#[test]
fn metrics() {
    keeps_its_invariants("metrics");
}

#[test]
fn output() {
    keeps_its_invariants("output");
}

#[test]
fn submission() {
    keeps_its_invariants("submission");
}

#[test]
fn every_target_has_a_test_and_a_program() {
    let here = include_str!("main.rs");
    let list = include_str!("Cargo.toml");
    for (name, _) in TARGETS {
        assert!(here.contains(&format!("keeps_its_invariants(\"{name}\")")), "{name}");
        assert!(list.contains(&format!("path = \"bins/{name}.rs\"")), "{name}");
    }
}
