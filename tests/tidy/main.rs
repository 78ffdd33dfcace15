//! The architecture and the language, enforced by reading the files of the repository.
//!
//! Each test is one check and reports all violations at once, with file and line. The checks read words and lines, not
//! Rust: code that a macro produces stays unseen.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic in a test is its report")]

mod architecture;
mod circles;
mod commands;
mod conventions;
mod dependencies;
mod imports;
mod layers;
mod rates;
mod searches;
mod shapes;
mod source;
mod texts;
mod words;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use layers::Language;
use shapes::FileLengths;
use source::{Source, Violation};

/// Folders that no check reads: builds, recorded deliveries and everything outside the repository.
const UNREAD_FOLDERS: [&str; 4] = ["target", "shared", "webhook-fixtures/gitea", "webhook-fixtures/forgejo"];
/// Files whose subject is the refused words.
const ABOUT_WORDS: [&str; 3] = ["tests/tidy/rates.rs", "tests/tidy/words.rs", "tests/tidy/words.toml"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files in a language that a check reads, by path and text.
static FILES: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let mut paths = Vec::new();
    walk(root(), &mut paths);
    paths.sort();
    let name = |path: &Path| path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
});

/// All Rust sources of the package: `src`, `tests` and `benches`.
static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let sources: Vec<Source> =
        FILES.iter().filter(|(path, _)| path.ends_with(".rs")).map(|(path, text)| Source::new(path, text)).collect();
    assert!(sources.len() > 50, "the walk did not find the sources");
    sources
});

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if hidden || UNREAD_FOLDERS.iter().any(|unread| name.starts_with(unread)) || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            walk(&path, found);
        } else if Language::of(&name).is_some() {
            found.push(path);
        }
    }
}

fn each(check: impl Fn(&Source) -> Vec<Violation>) -> Vec<Violation> {
    SOURCES.iter().flat_map(check).collect()
}

/// Panics with all violations of a check.
fn assert_clean(check: &str, violations: &[Violation]) {
    let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{check}: {} violations:\n{}", lines.len(), lines.join("\n"));
}

fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn modules_import_from_lower_levels_and_libraries_have_one_keeper() {
    let manifest = include_str!("../../Cargo.toml");
    assert_clean("levels", &each(|source| architecture::check(source, manifest)));
}

#[test]
fn kinds_of_forges_and_executors_are_named_inside_their_module_alone() {
    assert_clean("boundaries", &each(architecture::boundaries));
}

#[test]
fn files_form_no_circle_of_imports() {
    assert_clean("circles", &circles::check(&SOURCES));
}

#[test]
fn files_follow_the_conventions() {
    assert_clean("conventions", &each(conventions::check));
}

#[test]
fn files_and_functions_are_short() {
    assert_clean("lengths", &each(shapes::lengths));
}

#[test]
fn most_files_are_short() {
    let problem = FileLengths::new(&SOURCES).problem();
    assert_none(problem.as_slice());
}

#[test]
fn lines_are_narrow() {
    let texts = FILES.iter().filter(|(path, _)| path.ends_with(".rs") || path.ends_with(".md"));
    let found: Vec<Violation> = texts.flat_map(|(path, text)| shapes::widths(path, text)).collect();
    assert_clean("widths", &found);
}

#[test]
fn parameters_have_names_and_bools_have_if() {
    assert_clean("idioms", &each(shapes::idioms));
}

#[test]
fn each_command_has_its_own_file() {
    assert_clean("commands", &commands::check(&SOURCES));
}

#[test]
fn words_are_standard() {
    let terms = words::Terms::new(include_str!("words.toml"));
    let found: Vec<Violation> = FILES
        .iter()
        .filter(|(path, _)| !ABOUT_WORDS.contains(&path.as_str()))
        .flat_map(|(path, text)| terms.check(path, text))
        .collect();
    assert_clean("words", &found);
}

#[test]
fn comments_avoid_words_that_are_hard_to_read() {
    assert_none(&rates::check(&SOURCES));
}

#[test]
fn a_search_for_a_standard_word_finds_its_file() {
    assert_none(&searches::check(&SOURCES));
}

/// Every package that is built on this machine, as cargo lists it. Nothing is downloaded.
fn dependencies() -> dependencies::Dependencies {
    let tree = ["tree", "--offline", "--locked", "--all-features", "--prefix", "none"];
    let output = std::process::Command::new(env!("CARGO"))
        .current_dir(root())
        .args(tree)
        .args(["--format", "{p}\t{l}"])
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let licences = text.lines().filter_map(|line| line.split_once('\t'));
    dependencies::Dependencies {
        // Where cargo lists a package again, `(*)` follows its licence.
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
fn dependencies_are_allowed() {
    let dependencies = dependencies();
    assert!(dependencies.licences.len() > 200, "cargo listed too few packages");
    let deny = include_str!("../../deny.toml").parse().unwrap();
    assert_none(&dependencies::check(&dependencies, &deny));
}

#[test]
fn every_text_stands_in_a_snapshot() {
    let modules = texts::by_module(&SOURCES);
    assert!(modules.len() >= 8, "the texts were not found");
    for (module, texts) in modules {
        insta::assert_snapshot!(format!("texts_{module}"), texts);
    }
}
