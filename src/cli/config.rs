//! `referee config`: looks at configuration, changes none.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::terminal;
use crate::config::{self, CHALLENGE_TOML, REFEREE_TOML};
use crate::model::finding::{Location, any_error};
use crate::model::{Finding, Severity};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee config check my-challenge                     # one challenge
  referee config check                                  # ./referee.toml with all its challenges
  referee config show challenge                         # every key of challenge.toml")]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check referee.toml with all its challenges, or one challenge; all mistakes at once.
    ///
    /// Hidden data is looked for, too; `referee check` does not need it. Exits with 1 on errors.
    Check {
        /// `referee.toml`, or the folder of a challenge.
        #[arg(env = "REFEREE_CONFIG", default_value = "referee.toml")]
        path: PathBuf,
    },
    /// Print every key with its default and its meaning.
    Show {
        /// Which file.
        #[arg(value_enum, default_value_t = File::Referee)]
        file: File,
    },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum File {
    /// referee.toml
    Referee,
    /// challenge.toml
    Challenge,
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    match &options.command {
        Command::Show { file } => {
            print!(
                "{}",
                match file {
                    File::Referee => REFEREE_TOML,
                    File::Challenge => CHALLENGE_TOML,
                }
            );
            Ok(ExitCode::SUCCESS)
        }
        Command::Check { path } => {
            let findings = check(path);
            terminal::show_findings(&findings);
            let message = format!("{}: {}", path.display(), summary(&findings));
            match any_error(&findings) {
                true => eprintln!("{message}"),
                false => println!("{message}"),
            }
            Ok(ExitCode::from(u8::from(any_error(&findings))))
        }
    }
}

/// `fine`, or how much of what there is.
fn summary(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|f| f.is_error()).count();
    let counted = |n: usize, one: &str| match n {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {one}s")),
    };
    let parts = [
        counted(errors, "error"),
        counted(findings.len() - errors, "warning"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match (errors, parts.is_empty()) {
        (_, true) => "fine".to_owned(),
        (0, _) => format!("fine, with {}", parts.join(", ")),
        _ => parts.join(", "),
    }
}

fn check(path: &std::path::Path) -> Vec<Finding> {
    let with_paths = |challenge: &crate::model::Challenge, findings: &mut Vec<Finding>| {
        findings.extend(config::check_paths(challenge));
        findings.extend(idle_weights(challenge));
    };
    if path.is_dir() && path.join("challenge.toml").exists() {
        let (challenge, mut findings) = config::inspect_challenge(path);
        if let Some(challenge) = challenge {
            with_paths(&challenge, &mut findings);
        }
        return findings;
    }
    let file = match path.is_dir() {
        true => path.join("referee.toml"),
        false => path.to_owned(),
    };
    let (installation, mut findings) = config::inspect_installation(&file);
    for challenge in installation.iter().flat_map(|i| &i.challenges) {
        with_paths(challenge, &mut findings);
    }
    findings
}

/// Weights for rules that do not exist, or cannot be lighter, would be weights for nothing.
fn idle_weights(challenge: &crate::model::Challenge) -> Vec<Finding> {
    let file = challenge.directory.join("challenge.toml");
    let location = Location::file(file.display().to_string());
    let idle = |(code, weight): (&String, &Severity)| match crate::rules::rule(code) {
        None => Some(Finding::error(
            "CFG005",
            format!("There is no rule `{code}`."),
            "`referee rules` lists all rules with their codes.",
        )),
        Some(rule) if !rule.overridable && *weight < rule.severity => Some(Finding::error(
            "CFG005",
            format!(
                "The rule `{code}` cannot be made lighter than {}.",
                rule.severity
            ),
            "Delete the line: the rule protects the server, the data or the reading itself.",
        )),
        Some(_) => None,
    };
    let found = challenge.rules.iter().filter_map(idle);
    found.map(|finding| finding.at(location.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_that_weigh_nothing_are_told() {
        let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nuclei");
        let mut challenge = config::read_challenge(&example).unwrap();
        let weights = [
            ("DF020", Severity::Advice),
            ("DF041", Severity::Error),
            ("QTA005", Severity::Warning),
            ("RUN002", Severity::Error),
            ("XX001", Severity::Error),
        ];
        challenge.rules = weights.map(|(code, s)| (code.to_owned(), s)).into();
        let message: Vec<String> = idle_weights(&challenge)
            .into_iter()
            .map(|f| f.message)
            .collect();
        assert_eq!(
            message,
            [
                "The rule `DF020` cannot be made lighter than error.",
                "There is no rule `XX001`.",
            ]
        );
    }
}
