//! The architecture, enforced by reading the sources: who may import whom, who may know which
//! foreign library, how long things may be, what may be depended on. Reports every violation at
//! once, with its place.
//!
//! It reads words and lines, not Rust: what a macro makes of them it does not see.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic in a test is its report"
)]

mod architecture;
mod dependencies;
mod house;
mod source;

use std::path::{Path, PathBuf};

use source::Source;

/// All Rust sources of the project, in the order of their names.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![root.join("build.rs")];
    for folder in ["src", "tests", "benches"] {
        walk(&root.join(folder), &mut paths);
    }
    paths.retain(|path| path.exists());
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root).unwrap().to_string_lossy();
            Source::new(&name, std::fs::read_to_string(&path).unwrap())
        })
        .collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => walk(&path, found),
            false if path.extension().is_some_and(|e| e == "rs") => found.push(path),
            false => {}
        }
    }
}

#[test]
fn the_tree_is_tidy() {
    let sources = sources();
    assert!(
        sources.len() > 50,
        "the sources are not where they are looked for"
    );
    let manifest = include_str!("../../Cargo.toml");
    let mut violations: Vec<String> = sources
        .iter()
        .flat_map(|source| {
            let mut found = architecture::check(source, manifest);
            found.extend(house::check(source));
            found
        })
        .collect();
    violations.sort();
    assert!(
        violations.is_empty(),
        "{} violations:\n{}",
        violations.len(),
        violations.join("\n")
    );
}

/// Every package that is built on this machine, by cargo's own word; nothing is downloaded.
fn dependencies() -> dependencies::Dependencies {
    let tree = [
        "tree",
        "--offline",
        "--locked",
        "--all-features",
        "--prefix",
        "none",
    ];
    let output = std::process::Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(tree)
        .args(["--format", "{p}\t{l}"])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "cargo tree: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let licences = text.lines().filter_map(|line| line.split_once('\t'));
    dependencies::Dependencies {
        // Where a package is listed again, its licence is followed by `(*)`.
        licences: licences
            .map(|(package, licence)| {
                let licence = licence.trim_end_matches(" (*)");
                (package.to_owned(), licence.to_owned())
            })
            .collect(),
        lock: include_str!("../../Cargo.lock").parse().unwrap(),
    }
}

#[test]
fn what_is_depended_on_is_allowed() {
    let dependencies = dependencies();
    assert!(dependencies.licences.len() > 200, "where are the packages?");
    let deny = include_str!("../../deny.toml").parse().unwrap();
    let violations = dependencies::check(&dependencies, &deny);
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}
