//! One file per command: every file of the folder of commands is a command, or is listed here.

use crate::source::{Source, Violation};

const FOLDER: &str = "src/pipeline/commands/";

/// Files that serve several commands.
const SHARED: [&str; 1] = ["mod.rs"];

/// Files that are neither a command nor listed, and listed files that are missing. A command has a `SPEC`. As long as
/// no file has one, the folder is not built yet and nothing is checked.
pub fn check(sources: &[Source]) -> Vec<Violation> {
    let files: Vec<&Source> = sources
        .iter()
        .filter(|source| source.path.starts_with(FOLDER) && !source.is_unit_test())
        .collect();
    let is_command = |source: &Source| source.production_text().contains("const SPEC: ");
    if !files.iter().any(|source| is_command(source)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for source in &files {
        let shared = SHARED.contains(&&source.path[FOLDER.len()..]);
        if is_command(source) == shared {
            let message = "is neither a command with a `SPEC` nor a shared file of tests/tidy/commands.rs, or both";
            found.push(source.violation(1, message));
        }
    }
    for shared in SHARED {
        let path = format!("{FOLDER}{shared}");
        if !files.iter().any(|source| source.path == path) {
            found.push(Violation {
                path,
                line: 1,
                message: "is listed in tests/tidy/commands.rs and does not exist".to_owned(),
            });
        }
    }
    found
}

#[test]
fn a_file_of_the_folder_is_a_command_or_is_listed() {
    let source = |name: &str, text: &str| Source::new(&format!("{FOLDER}{name}"), text);
    let contents = || source("mod.rs", "mod pause;");
    assert_eq!(check(&[contents(), source("pause.rs", "")]), []);
    let command = || source("pause.rs", "pub const SPEC: Spec = Spec {};");
    assert_eq!(check(&[contents(), command()]), []);
    assert_eq!(
        check(&[contents(), command(), source("resume.rs", "")]).len(),
        1
    );
    assert_eq!(check(&[command()]).len(), 1);
}
