//! One file per command: every file of the folder of commands is a command, or is listed here.

use crate::source::{Source, Violation};

const FOLDER: &str = "src/pipeline/commands/";

/// Files that serve several commands.
const SHARED: [&str; 13] = [
    "board_settings.rs",
    "context.rs",
    "end_submission.rs",
    "execution.rs",
    "inbox.rs",
    "mod.rs",
    "permission.rs",
    "phase_bounds.rs",
    "refusal.rs",
    "rescore_preview.rs",
    "team_ranking.rs",
    "team_registration.rs",
    "wording.rs",
];

/// Files that are neither a command nor listed, and listed files that are missing. A command defines its `SPEC`. As
/// long as no file does, the folder is not built yet and nothing is checked.
pub(crate) fn check(sources: &[Source]) -> Vec<Violation> {
    let files: Vec<&Source> =
        sources.iter().filter(|source| source.path.starts_with(FOLDER) && !source.is_unit_test()).collect();
    let is_command = |source: &Source| {
        let mut lines = source.production();
        lines.any(|(_, line)| line.contains("const SPEC: ") && line.contains(" = "))
    };
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
    let shared = || SHARED.map(|name| source(name, "const SPEC: Spec;")).into_iter();
    let command = || source("pause.rs", "pub const SPEC: Spec = Spec {};");
    let other = || source("resume.rs", "");
    let found = |more: Vec<Source>| check(&shared().chain(more).collect::<Vec<_>>()).len();
    assert_eq!(found(vec![other()]), 0, "the folder is not built yet");
    assert_eq!(found(vec![command()]), 0);
    assert_eq!(found(vec![command(), other()]), 1);
    assert_eq!(check(&[command()]).len(), SHARED.len());
}
