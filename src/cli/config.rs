//! `referee config`: checks and explains the configuration. It changes nothing.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::terminal;
use crate::config::{self, BoardData, CHALLENGE_TOML, REFEREE_TOML};
use crate::model::finding::{Location, any_error};
use crate::model::text::counted;
use crate::model::{AcrossMetrics, Challenge, Finding, Pick, Severity, Task};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee config check my-challenge                     # one challenge
  referee config check                                  # ./referee.toml with all its challenges
  referee config show challenge                         # every key of challenge.toml")]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check referee.toml with all its challenges, or one challenge, and report all mistakes at once
    ///
    /// Also reads the names of the hidden data, which `referee check` does not need, and prints the cases of
    /// each leaderboard. Exits with 1 on errors.
    Check {
        /// `referee.toml`, or the folder of a challenge
        #[arg(env = "REFEREE_CONFIG", default_value = "referee.toml")]
        path: PathBuf,
    },
    /// Print every key with its default and its meaning
    Show {
        /// The file whose keys are printed
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

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
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
            let ConfigCheck { boards, findings } = check(path);
            terminal::show_findings(&findings);
            boards.iter().for_each(|board| println!("{board}"));
            let message = format!("{}: {}", path.display(), summary(&findings));
            if any_error(&findings) {
                eprintln!("{message}");
                return Ok(ExitCode::FAILURE);
            }
            println!("{message}");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// `valid`, or the number of errors and warnings.
fn summary(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|f| f.is_error()).count();
    let parts = [(errors, "error"), (findings.len() - errors, "warning")];
    let parts: Vec<String> = parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, noun)| counted(n, noun)).collect();
    match (errors, parts.is_empty()) {
        (_, true) => "valid".to_owned(),
        (0, _) => format!("valid, with {}", parts.join(", ")),
        _ => parts.join(", "),
    }
}

/// What `referee config check` found.
#[derive(Default)]
struct ConfigCheck {
    boards: Vec<BoardData>,
    findings: Vec<Finding>,
}

impl ConfigCheck {
    fn add(&mut self, challenge: &Challenge) {
        let data = config::check_data(challenge);
        self.boards.extend(data.boards);
        self.findings.extend(data.findings);
        self.findings.extend(ineffective_severities(challenge));
        self.findings.extend(undeclared_choices(challenge));
    }
}

fn check(path: &Path) -> ConfigCheck {
    if path.is_dir() && path.join("challenge.toml").exists() {
        let (challenge, findings) = config::inspect_challenge(path);
        let mut check = ConfigCheck { findings, ..ConfigCheck::default() };
        challenge.iter().for_each(|challenge| check.add(challenge));
        return check;
    }
    let file = if path.is_dir() { path.join("referee.toml") } else { path.to_owned() };
    let (installation, findings) = config::inspect_installation(&file);
    let mut check = ConfigCheck { findings, ..ConfigCheck::default() };
    installation.iter().flat_map(|i| &i.challenges).for_each(|challenge| check.add(challenge));
    check
}

/// Tasks whose ranking has no natural order of a team's own submissions, and which declare none.
fn undeclared_choices(challenge: &Challenge) -> Vec<Finding> {
    let location = Location::file(challenge.directory.join("challenge.toml").display().to_string());
    let picks_best = challenge.phases.iter().any(|phase| phase.pick != Pick::Last);
    let is_undeclared = |task: &&Task| {
        let by_all_metrics = task.metrics.len() > 1 && task.ranking.across_metrics == AcrossMetrics::MeanRank;
        by_all_metrics && task.best_by.is_none() && picks_best
    };
    let undeclared = challenge.tasks.iter().filter(is_undeclared);
    let findings = undeclared.map(|task| {
        let metrics: Vec<String> = task.metrics.iter().map(|metric| format!("\"{}\"", metric.name)).collect();
        let message = format!(
            "The task `{}` ranks by several metrics, but `best-by` does not declare by which of them a submission is \
             the best of its team.",
            task.slug
        );
        let help = format!(
            "Add `best-by = [{}]` to `[task.ranking]`, with the most important metric first. Without it the metrics \
             count in this order.",
            metrics.join(", ")
        );
        Finding::error("CFG006", message, help).at(location.clone())
    });
    findings.collect()
}

/// Severities in `[rules]` without an effect: the rule does not exist, or its severity cannot be lowered.
fn ineffective_severities(challenge: &Challenge) -> Vec<Finding> {
    let file = challenge.directory.join("challenge.toml");
    let location = Location::file(file.display().to_string());
    let ineffective = |(code, severity): (&String, &Severity)| match crate::rules::rule(code) {
        None => Some(Finding::error(
            "CFG005",
            format!("Unknown rule `{code}`."),
            "`referee rules` lists all rules with their codes.",
        )),
        Some(rule) if !rule.overridable && *severity < rule.severity => Some(Finding::error(
            "CFG005",
            format!("The severity of the rule `{code}` cannot be lower than {}.", rule.severity),
            "Remove the line. The rule protects the server, the hidden data or the check itself.",
        )),
        Some(_) => None,
    };
    let found = challenge.rules.iter().filter_map(ineffective);
    found.map(|finding| finding.at(location.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_without_effect_are_reported() {
        let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nuclei");
        let mut challenge = config::read_challenge(&example).unwrap();
        let severities = [
            ("DF020", Severity::Advice),
            ("DF041", Severity::Error),
            ("QTA005", Severity::Warning),
            ("RUN002", Severity::Error),
            ("XX001", Severity::Error),
        ];
        challenge.rules = severities.map(|(code, s)| (code.to_owned(), s)).into();
        let messages: Vec<String> = ineffective_severities(&challenge).into_iter().map(|f| f.message).collect();
        assert_eq!(
            messages,
            ["The severity of the rule `DF020` cannot be lower than error.", "Unknown rule `XX001`.",]
        );
    }
}
