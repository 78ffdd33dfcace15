//! `--help` of every command, and the commands that print documentation.

use clap::{Command, CommandFactory as _};
use referee::cli::Cli;

use super::program::{Folder, ROOT};

/// The words of every command, without hidden commands and the `help` of clap.
fn commands() -> Vec<Vec<String>> {
    fn below(command: &Command, words: &[String], all: &mut Vec<Vec<String>>) {
        all.push(words.to_vec());
        let shown = command.get_subcommands().filter(|c| !c.is_hide_set());
        for inner in shown.filter(|c| c.get_name() != "help") {
            let mut words = words.to_vec();
            words.push(inner.get_name().to_owned());
            below(inner, &words, all);
        }
    }
    let mut all = Vec::new();
    below(&Cli::command(), &[], &mut all);
    all
}

#[test]
fn every_command_has_help() {
    let folder = Folder::new();
    let commands = commands();
    assert!(commands.len() > 15, "{commands:?}");
    for words in commands {
        let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        let name = format!("help {}", words.join(" ")).trim().replace(' ', "-");
        arguments.push("--help");
        let ran = folder.referee(&arguments);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{name}");
        insta::assert_snapshot!(name, ran.stdout);
    }
}

/// Each command of the first level shows an example that the program accepts.
#[test]
fn every_command_of_the_first_level_has_an_example() {
    let mut command = Cli::command();
    let names: Vec<String> = command
        .get_subcommands()
        .filter(|c| !c.is_hide_set() && c.get_name() != "help")
        .map(|c| c.get_name().to_owned())
        .collect();
    for name in names {
        let one = command.find_subcommand_mut(&name).unwrap();
        let help = one.render_long_help().to_string();
        let calls: Vec<_> = super::documents::calls(&help).collect();
        let own = calls.iter().filter(|(_, words)| words.get(1) == Some(&name));
        assert!(own.count() > 0, "{name} has no example of itself:\n{help}");
        for (_, words) in calls {
            super::documents::parses(&words).unwrap_or_else(|e| panic!("in {name}: {e}"));
        }
    }
}

#[test]
fn rules_are_listed_and_explained() {
    let folder = Folder::new();
    insta::assert_snapshot!("rules", folder.referee(&["rules"]).shown());
    insta::assert_snapshot!("rules-df020", folder.referee(&["rules", "df020"]).shown());
}

#[test]
fn completions_contain_the_commands() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish"] {
        let ran = folder.referee(&["completions", shell]);
        assert_eq!(ran.code, Some(0), "{shell}");
        for word in ["referee", "doctor", "rules-only", "submission"] {
            assert!(ran.stdout.contains(word), "{shell} without {word}");
        }
    }
}

#[test]
fn config_show_prints_the_annotated_defaults() {
    let folder = Folder::new();
    for (file, source) in
        [("referee", "src/config/server/referee.toml"), ("challenge", "src/config/challenge/challenge.toml")]
    {
        let ran = folder.referee(&["config", "show", file]);
        let text = std::fs::read_to_string(format!("{ROOT}/{source}")).unwrap();
        assert_eq!((ran.code, ran.stdout), (Some(0), text));
    }
    assert_eq!(folder.referee(&["config", "show"]).stdout, folder.referee(&["config", "show", "referee"]).stdout);
}
