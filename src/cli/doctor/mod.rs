//! `referee doctor`: looks at everything that a working installation needs, and says of each part
//! what was seen, what should have been, and how to mend it.
//!
//! It makes the state directory and the database where there are none, as `serve` would, and runs
//! small jobs into limits on purpose; it changes nothing else and leaves nothing on the engine.

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
use crate::report::style::{self, Paint, Style};
use crate::store::Store;

/// Columns before what belongs to a check: those of its mark.
const INDENT: &str = "       ";

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  referee doctor                                        # after the installation
  referee doctor --strict                               # in a script: warnings count, too")]
pub struct Options {
    #[command(flatten)]
    settings: SettingsFile,
    /// Fail on warnings, too.
    #[arg(long)]
    strict: bool,
    // Only owners may look at webhooks.
    #[command(flatten)]
    owner: OwnerToken,
}

pub async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    terminal::start_logs(terminal::Logs::Quiet);
    terminal::install_tls();
    let path = &options.settings.path;
    let (installation, findings) = config::inspect_installation(path);
    terminal::show_findings(&findings);
    let Some(installation) = installation.filter(|_| !any_error(&findings)) else {
        eprintln!(
            "{} cannot be used as it is; the rest was not looked at.",
            path.display()
        );
        return Ok(ExitCode::FAILURE);
    };
    let (settings, challenges) = (installation.settings, installation.challenges);
    let mut checks = vec![challenges_of(path, &challenges, findings.len())];
    checks.extend(challenges.iter().map(data));
    checks.push(state(&settings));
    checks.push(database(&settings).await);
    checks.push(git(&settings));
    for challenge in &challenges {
        checks.extend(forge::look(&settings, challenge, &options.owner).await);
    }
    checks.extend(engines::check_engines(&settings, &challenges).await);
    let style = terminal::style_of(std::io::IsTerminal::is_terminal(&std::io::stdout()));
    for check in &checks {
        println!("{}", drawn(check, style));
    }
    let (message, healthy) = verdict(&checks, options.strict);
    println!("\n{message}");
    Ok(ExitCode::from(u8::from(!healthy)))
}

/// A check as lines without a final newline: mark and sight, then what is wrong with it.
fn drawn(check: &Check, style: Style) -> String {
    let (paint, mark) = match check.problem.as_ref().map(|problem| problem.severity) {
        None => (Paint::Green, "ok   "),
        Some(CheckSeverity::Warning) => (Paint::Yellow, "warn "),
        Some(CheckSeverity::Error) => (Paint::Red, "ERROR"),
    };
    let hang = |label: &str, message: &str| {
        let deep = " ".repeat(INDENT.len() + label.len() + 1);
        style::wrap(&format!("{INDENT}{label} {message}"), style::COLUMNS, &deep)
    };
    // Wrapped without the colours, which take no columns.
    let sight = hang(&format!("{}:", check.name), &check.seen);
    let mark = style.paint(paint, mark);
    let mut lines = vec![format!("{mark}  {}", sight.trim_start())];
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
    let counted = |n: usize, one: &str| match n {
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    };
    match (errors, warnings) {
        (0, 0) => (format!("All {all} checks passed."), true),
        (0, n) if strict => {
            let warned = counted(n, "warning");
            (
                format!("{all} checks, {warned}: with --strict, a warning is a failure."),
                false,
            )
        }
        (0, n) => {
            let warned = counted(n, "warning");
            let message = format!("{all} checks, {warned}. Submissions can be run.");
            (message, true)
        }
        (errors, n) => {
            let (failed, warned) = (counted(errors, "error"), counted(n, "warning"));
            let message = format!("{all} checks, {failed}, {warned}. Fix the errors first.");
            (message, false)
        }
    }
}

fn challenges_of(path: &std::path::Path, challenges: &[Challenge], warnings: usize) -> Check {
    let names: Vec<_> = challenges.iter().map(|c| c.slug.as_str()).collect();
    let file = path.display();
    let check = |message: String| Check::ok("configuration", format!("{file}, {message}"));
    match (names.as_slice(), warnings) {
        ([], _) => check("no challenge".to_owned()).with_problem(
            CheckSeverity::Warning,
            "a challenge at least",
            "`referee init DIR` makes one; name its folder in `challenges`.",
        ),
        (_, 0) => check(format!("challenges: {}", names.join(", "))),
        (_, n) => check(format!("{n} warnings, printed above")).with_problem(
            CheckSeverity::Warning,
            "none",
            "`referee config check` prints them again.",
        ),
    }
}

fn data(challenge: &Challenge) -> Check {
    let what = format!("data of {}", challenge.slug);
    let findings = config::check_paths(challenge);
    if findings.is_empty() {
        let phases: Vec<_> = challenge.phases.iter().map(|p| p.slug.as_str()).collect();
        let seen = format!("inputs and truth of every task in {}", phases.join(", "));
        return Check::ok(what, seen);
    }
    let locations: Vec<String> = findings
        .iter()
        .map(|f| match &f.location {
            Some(location) => format!("{location}: {}", f.message),
            None => f.message.clone(),
        })
        .collect();
    let mut remedies: Vec<&str> = findings.iter().map(|f| f.help.as_str()).collect();
    remedies.dedup();
    Check::ok(what, locations.join(" ")).with_problem(
        match any_error(&findings) {
            true => CheckSeverity::Error,
            false => CheckSeverity::Warning,
        },
        "inputs and truth of every task in every phase",
        remedies.join(" "),
    )
}

fn state(settings: &Settings) -> Check {
    let (what, shown) = ("state directory", settings.data.display());
    match std::fs::create_dir_all(&settings.data) {
        Ok(()) => Check::ok(what, shown.to_string()),
        Err(error) => Check::ok(what, format!("{shown} cannot be made: {error}")).with_problem(
            CheckSeverity::Error,
            "a directory that the daemon may write to",
            "Give its parent to the daemon's user, or set `[server] data` to another place.",
        ),
    }
}

async fn database(settings: &Settings) -> Check {
    match Store::open(settings.database.expose()).await {
        Ok(_) => Check::ok("database", "it answers, and its schema is of this version"),
        Err(error) => Check::ok("database", error.to_string()).with_problem(
            CheckSeverity::Error,
            "it answers, and its schema is of this version",
            "Start it, or correct `[server] database`. A schema of a newer Referee needs that one.",
        ),
    }
}

/// Local repositories are pushed to with git; the daemon itself does not need it.
fn git(settings: &Settings) -> Check {
    let answer = std::process::Command::new("git").arg("--version").output();
    let version = answer.ok().filter(|output| output.status.success());
    if let Some(output) = version {
        let version = String::from_utf8_lossy(&output.stdout);
        let version = version.trim().trim_start_matches("git version ");
        return Check::ok("git", version);
    }
    let local = |forge: &ForgeSettings| kind::of(forge).hosts_repositories();
    match settings.forges.values().any(local) {
        true => Check::ok("git", "not found").with_problem(
            CheckSeverity::Error,
            "git, by which teams push to local repositories",
            "Install it: `apt-get install git`.",
        ),
        false => Check::ok("git", "not found, and no forge here needs it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned() -> Check {
        let check = Check::ok("engine version", "20.10.24");
        check.with_problem(
            CheckSeverity::Warning,
            "29.5.1 or newer",
            "Install a newer one.",
        )
    }

    fn failed() -> Check {
        Check::ok("git", "not found").with_problem(CheckSeverity::Error, "git", "Install it.")
    }

    #[test]
    fn only_errors_fail_unless_strict_counts_warnings() {
        let fine = Check::ok("git", "2.39.5");
        let ends = |checks: &[Check], strict| verdict(checks, strict).1;
        assert!(ends(std::slice::from_ref(&fine), true));
        assert!(ends(&[fine.clone(), warned()], false));
        assert!(!ends(&[fine.clone(), warned()], true));
        assert!(!ends(&[fine, warned(), failed()], false));
    }

    #[test]
    fn a_problem_is_shown_with_observation_expectation_and_help() {
        assert_eq!(
            drawn(&warned(), Style::Plain),
            "warn   engine version: 20.10.24\n         expected: 29.5.1 or newer\n         \
             to do:    Install a newer one."
        );
        assert_eq!(
            drawn(&Check::ok("git", "2.39.5"), Style::Plain),
            "ok     git: 2.39.5"
        );
        assert!(drawn(&failed(), Style::Plain).starts_with("ERROR  git: not found\n"));
    }
}
