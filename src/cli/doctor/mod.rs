//! `referee doctor`: checks everything that a working installation needs. For each problem it prints the observation,
//! the expectation and a way to fix it.
//!
//! Like `serve`, it creates the state directory and the database if they are missing. It runs small jobs that exceed
//! limits on purpose. It changes nothing else and leaves nothing on the engine.

mod engines;
mod forge;

use std::process::ExitCode;

use clap::Args;

use super::forge::OwnerToken;
use super::{SettingsFile, terminal};
use crate::config::{self, ForgeSettings, Settings};
use crate::forge::kind;
use crate::model::Challenge;
use crate::model::diagnosis::{Check, CheckSeverity};
use crate::model::finding::any_error;
use crate::model::text::counted;
use crate::report::style::{self, Paint, Style};
use crate::store::Store;

/// The lines of a check are indented by the width of its result, `ERROR` for example.
const INDENT: &str = "       ";

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee doctor                                        # after the installation
  referee doctor --strict                               # in a script: fail on warnings as well")]
pub(super) struct Options {
    #[command(flatten)]
    settings: SettingsFile,
    /// Exit with code 1 on warnings as well.
    #[arg(long)]
    strict: bool,
    // The forge shows webhooks to owners alone.
    #[command(flatten)]
    owner: OwnerToken,
}

pub(super) async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    terminal::start_logs(terminal::Logs::Quiet);
    terminal::install_tls();
    let path = &options.settings.path;
    let (installation, findings) = config::inspect_installation(path);
    terminal::show_findings(&findings);
    let Some(installation) = installation.filter(|_| !any_error(&findings)) else {
        eprintln!("{} has errors, so nothing else was checked.", path.display());
        return Ok(ExitCode::FAILURE);
    };
    let (settings, challenges) = (installation.settings, installation.challenges);
    let mut checks = vec![check_challenges(path, &challenges, findings.len())];
    checks.extend(challenges.iter().map(check_data));
    checks.push(check_state_directory(&settings));
    checks.push(check_database(&settings).await);
    checks.push(check_git(&settings));
    for challenge in &challenges {
        checks.extend(forge::look(&settings, challenge, &options.owner).await);
    }
    checks.extend(engines::check_engines(&settings, &challenges).await);
    let style = terminal::style_of(std::io::IsTerminal::is_terminal(&std::io::stdout()));
    for check in &checks {
        println!("{}", lines_of(check, style));
    }
    let (message, healthy) = verdict(&checks, options.strict);
    println!("\n{message}");
    Ok(ExitCode::from(u8::from(!healthy)))
}

/// A check as lines without a final newline: its result and observation, then the expectation and the fix of a problem.
fn lines_of(check: &Check, style: Style) -> String {
    let (paint, result) = match check.problem.as_ref().map(|problem| problem.severity) {
        None => (Paint::Green, "ok   "),
        Some(CheckSeverity::Warning) => (Paint::Yellow, "warn "),
        Some(CheckSeverity::Error) => (Paint::Red, "ERROR"),
    };
    let hang = |label: &str, message: &str| {
        let deep = " ".repeat(INDENT.len() + label.len() + 1);
        style::wrap(&format!("{INDENT}{label} {message}"), style::COLUMNS, &deep)
    };
    // Wrapped without the colours, which take no columns.
    let observation = hang(&format!("{}:", check.name), &check.seen);
    let result = style.paint(paint, result);
    let mut lines = vec![format!("{result}  {}", observation.trim_start())];
    if let Some(problem) = &check.problem {
        lines.push(hang("  expected:", &problem.expected));
        lines.push(hang("  to do:   ", &problem.help));
    }
    lines.join("\n")
}

/// The last line, and whether the installation may be used.
fn verdict(checks: &[Check], strict: bool) -> (String, bool) {
    let count = |severity| {
        let has_it = |c: &&Check| c.problem.as_ref().is_some_and(|p| p.severity == severity);
        checks.iter().filter(has_it).count()
    };
    let (errors, warnings) = (count(CheckSeverity::Error), count(CheckSeverity::Warning));
    let all = checks.len();
    if errors + warnings == 0 {
        return (format!("All {all} checks passed."), true);
    }
    let warned = counted(warnings, "warning");
    if errors > 0 {
        let failed = counted(errors, "error");
        let message = format!("{all} checks, {failed}, {warned}. Fix the errors first.");
        (message, false)
    } else if strict {
        let message = format!("{all} checks, {warned}: with --strict, a warning is a failure.");
        (message, false)
    } else {
        let message = format!("{all} checks, {warned}. Submissions can be run.");
        (message, true)
    }
}

fn check_challenges(path: &std::path::Path, challenges: &[Challenge], warnings: usize) -> Check {
    let names: Vec<_> = challenges.iter().map(|c| c.slug.as_str()).collect();
    let file = path.display();
    let check = |message: String| Check::ok("configuration", format!("{file}, {message}"));
    if names.is_empty() {
        check("no challenge".to_owned()).with_problem(
            CheckSeverity::Warning,
            "at least one challenge",
            "Create one with `referee init DIR`, and add its folder to `challenges`.",
        )
    } else if warnings == 0 {
        check(format!("challenges: {}", names.join(", ")))
    } else {
        check(format!("warnings, printed above: {warnings}")).with_problem(
            CheckSeverity::Warning,
            "no warnings",
            "Follow the help of each warning. `referee config check` prints them again.",
        )
    }
}

fn check_data(challenge: &Challenge) -> Check {
    let name = format!("data of {}", challenge.slug);
    let findings = config::check_data(challenge).findings;
    if findings.is_empty() {
        let phases: Vec<_> = challenge.phases.iter().map(|p| p.slug.as_str()).collect();
        let seen = format!("inputs and ground truth of every task in {}", phases.join(", "));
        return Check::ok(name, seen);
    }
    let locations: Vec<String> = findings
        .iter()
        .map(|f| match &f.location {
            Some(location) => format!("{location}: {}", f.message),
            None => f.message.clone(),
        })
        .collect();
    let mut helps: Vec<&str> = findings.iter().map(|f| f.help.as_str()).collect();
    helps.dedup();
    let severity = if any_error(&findings) { CheckSeverity::Error } else { CheckSeverity::Warning };
    Check::ok(name, locations.join(" ")).with_problem(
        severity,
        "inputs and ground truth of every task in every phase",
        helps.join(" "),
    )
}

fn check_state_directory(settings: &Settings) -> Check {
    let (name, directory) = ("state directory", settings.data.display());
    match std::fs::create_dir_all(&settings.data) {
        Ok(()) => Check::ok(name, directory.to_string()),
        Err(error) => Check::ok(name, format!("{directory} cannot be created: {error}")).with_problem(
            CheckSeverity::Error,
            "a directory that the daemon may write to",
            "Let the daemon's user write to the parent directory, or set `[server] data` to another directory.",
        ),
    }
}

async fn check_database(settings: &Settings) -> Check {
    match Store::open(settings.database.expose()).await {
        Ok(_) => Check::ok("database", "it answers, and has the schema of this version"),
        Err(error) => Check::ok("database", error.to_string()).with_problem(
            CheckSeverity::Error,
            "a database that answers and has the schema of this version",
            "Start the database, or correct `[server] database`. A database of another version of Referee needs that \
             version.",
        ),
    }
}

/// Teams push to local repositories with git. The daemon itself does not need git.
fn check_git(settings: &Settings) -> Check {
    let answer = std::process::Command::new("git").arg("--version").output();
    let version = answer.ok().filter(|output| output.status.success());
    if let Some(output) = version {
        let version = String::from_utf8_lossy(&output.stdout);
        let version = version.trim().trim_start_matches("git version ");
        return Check::ok("git", version);
    }
    let local = |forge: &ForgeSettings| kind::of(forge).hosts_repositories();
    if settings.forges.values().any(local) {
        Check::ok("git", "not found").with_problem(
            CheckSeverity::Error,
            "git, because teams push to local repositories with it",
            "Install it: `apt-get install git`.",
        )
    } else {
        Check::ok("git", "not found, and no forge here needs it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned() -> Check {
        let check = Check::ok("engine version", "20.10.24");
        check.with_problem(CheckSeverity::Warning, "29.5.1 or newer", "Install a newer one.")
    }

    fn failed() -> Check {
        Check::ok("git", "not found").with_problem(CheckSeverity::Error, "git", "Install it.")
    }

    #[test]
    fn errors_fail_and_warnings_fail_with_strict_alone() {
        let passed = Check::ok("git", "2.39.5");
        let healthy = |checks: &[Check], strict| verdict(checks, strict).1;
        assert!(healthy(std::slice::from_ref(&passed), true));
        assert!(healthy(&[passed.clone(), warned()], false));
        assert!(!healthy(&[passed.clone(), warned()], true));
        assert!(!healthy(&[passed, warned(), failed()], false));
    }

    #[test]
    fn a_problem_is_shown_with_observation_expectation_and_help() {
        assert_eq!(
            lines_of(&warned(), Style::Plain),
            "warn   engine version: 20.10.24\n         expected: 29.5.1 or newer\n         \
             to do:    Install a newer one."
        );
        assert_eq!(lines_of(&Check::ok("git", "2.39.5"), Style::Plain), "ok     git: 2.39.5");
        assert!(lines_of(&failed(), Style::Plain).starts_with("ERROR  git: not found\n"));
    }
}
