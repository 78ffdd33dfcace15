//! `referee config check` and `referee init`: all mistakes are reported at once, each with its line.

use super::program::{Folder, ROOT};

/// A file of the project with changes. Each change must find its text.
fn changed(file: &str, changes: &[(&str, &str)]) -> String {
    let mut text = std::fs::read_to_string(format!("{ROOT}/{file}")).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{file} has no `{from}`");
        text = text.replacen(from, to, 1);
    }
    text
}

/// A new challenge in the folder `new`, as `referee init` creates it.
fn initialized() -> Folder {
    let folder = Folder::new();
    let ran = folder.referee(&["init", "new"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    folder
}

#[test]
fn a_new_challenge_is_valid_and_lists_the_next_steps() {
    let folder = Folder::new();
    insta::assert_snapshot!("init", folder.referee(&["init", "new"]).shown());
    for path in ["new/challenge", "new/referee.toml", "new"] {
        let ran = folder.referee(&["config", "check", path]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
        let last = ran.stdout.lines().last();
        assert_eq!(last, Some(format!("{path}: valid").as_str()));
    }
    insta::assert_snapshot!("init-again", folder.referee(&["init", "new"]).shown());
}

#[test]
fn five_mistakes_of_a_challenge_are_reported_at_once() {
    let folder = initialized();
    let text = changed(
        "examples/nuclei/challenge.toml",
        &[
            ("teams = \"nuclei/team-*\"", "teams = \"nuclei/team\""),
            ("direction = \"max\"", "direction = \"up\""),
            ("bounds = [0.0, 1.0]", "bounds = [1.0, 0.0]"),
            ("memory = \"512MiB\"", "memroy = \"512MiB\""),
            ("closes = \"2099-12-31", "closes = \"2023-12-31"),
        ],
    );
    folder.write("new/challenge/challenge.toml", &text);
    let ran = folder.referee(&["config", "check", "new/challenge"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let locations = ran.stderr.matches("--> new/challenge/challenge.toml:");
    assert_eq!(locations.count(), 5, "{}", ran.stderr);
    insta::assert_snapshot!("five-mistakes", ran.shown());
}

/// Settings hold secrets. Findings name the key and never show the value.
#[test]
fn mistakes_of_the_settings_are_reported_without_their_values() {
    let folder = initialized();
    let settings = "\
challenges = [\"chalenge\"]

[server]
listen = \"8030\"
pubic-url = \"https://referee.example.org\"

[forge.gitea]
kind = \"gitea\"
url = \"git.example.org\"
webhook-secrets = [\"hunter2\"]

[builder]
memory = \"4 gigs\"
";
    folder.write("new/referee.toml", settings);
    let ran = folder.referee(&["config", "check", "new/referee.toml"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(!ran.shown().contains("hunter2"), "{ran:?}");
    insta::assert_snapshot!("settings-mistakes", ran.shown());
}

#[test]
fn a_syntax_error_is_reported_with_its_line() {
    let folder = initialized();
    folder.write("new/referee.toml", "challenges = []\n[server\nlisten = 1\n");
    let ran = folder.referee(&["config", "check", "new/referee.toml"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    insta::assert_snapshot!("settings-syntax", ran.shown());
}

/// What lies among the hidden inputs becomes a case, so the command prints what it understood and names what is odd.
#[test]
fn odd_data_of_a_board_is_named() {
    let folder = initialized();
    for file in ["inputs/README.txt", "inputs/.DS_Store", "inputs/two\nlines.png", "truth/stray.png"] {
        folder.write(&format!("new/challenge/data/test/segmentation/{file}"), "");
    }
    insta::assert_snapshot!("name-with-line-end", folder.referee(&["config", "check", "new/challenge"]).shown());
    std::fs::remove_file(folder.path("new/challenge/data/test/segmentation/inputs/two\nlines.png")).unwrap();
    insta::assert_snapshot!("odd-data", folder.referee(&["config", "check", "new/challenge"]).shown());
}
