//! Advice about the commands of RUN: DF060 to DF063. The command line is only guessed, so no finding is an error.

use super::ast::{Command, Instruction};
use super::lines::Line;
use super::report::Report;
use super::shell::{SimpleCommand, commands};
use crate::model::Finding;
use crate::rules::catalogue::{DF060, DF061, DF062, DF063};
use crate::rules::policy::Policy;

/// From this user id on, useradd writes a very large file.
const LARGE_USER_ID: u64 = 100_000;
/// Per instruction.
const FINDINGS_MAX: usize = 8;
/// The first words of a command that identify its line.
const WORDS_COMPARED: usize = 4;
/// Package names in one message.
const NAMES_MAX: usize = 5;

pub(super) fn check_habits(line: &Line, instruction: &Instruction, policy: &Policy, report: &mut Report<'_>) {
    let text = match instruction {
        Instruction::Run(Command::Shell(text)) => text.clone(),
        Instruction::Run(Command::Exec(words)) => words.join(" "),
        _ => return,
    };
    let mut found = 0;
    for command in commands(&text) {
        for finding in habits(&command, policy) {
            report.at(line_of_command(line, &command), finding);
            found += 1;
        }
        if found >= FINDINGS_MAX {
            return;
        }
    }
    if pipes_download_into_shell(&text) {
        let message = "RUN starts a downloaded script that Referee cannot check";
        report.at(line.number, DF062.finding(message));
    }
}

/// The physical line that contains as many of the command's first words as possible.
fn line_of_command(line: &Line, command: &SimpleCommand) -> u32 {
    let words = command.words();
    (1..=words.len().min(WORDS_COMPARED)).rev().find_map(|n| line.find(&words[..n].join(" "))).unwrap_or(line.number)
}

fn habits(command: &SimpleCommand, policy: &Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    let packages = pip_packages(command).unwrap_or_default();
    let unpinned: Vec<&str> = packages.into_iter().filter(|p| !is_pinned(p)).collect();
    if !unpinned.is_empty() {
        let mut names: Vec<String> = unpinned.iter().take(NAMES_MAX).map(|n| format!("`{n}`")).collect();
        if unpinned.len() > NAMES_MAX {
            names.push(format!("{} more", unpinned.len() - NAMES_MAX));
        }
        let have = if unpinned.len() == 1 { "has" } else { "have" };
        findings.push(DF060.finding(format!("{} {have} no version", names.join(", "))));
    }
    if has_large_user_id(command) {
        findings.push(DF061.finding("useradd with a large user id writes a very large file"));
    }
    if command.is_sudo() {
        findings.push(DF062.finding("sudo is unnecessary, because build steps run as root"));
    }
    if !policy.build_network && needs_network(command) {
        let message = format!("`{}` needs a network, but builds have none", name(command));
        findings.push(DF063.finding(message));
    }
    findings
}

/// The program, with its subcommand if it has one.
fn name(command: &SimpleCommand) -> String {
    let words = command.words();
    match words.get(1) {
        Some(second) if !second.starts_with('-') && second.len() < 20 && !second.contains('/') => {
            format!("{} {second}", command.program())
        }
        _ => command.program().to_owned(),
    }
}

/// The arguments of `pip install` that name packages. `None` for other commands.
fn pip_packages(command: &SimpleCommand) -> Option<Vec<&str>> {
    let words = command.words();
    let pip = words.iter().position(|w| {
        let program = w.rsplit('/').next().unwrap_or(w);
        matches!(program, "pip" | "pip3") || program.starts_with("pip3.")
    })?;
    // `pip` or `python -m pip`, but not `apt-get install pip`.
    if pip != 0 && words.get(pip - 1) != Some(&"-m") {
        return None;
    }
    let rest = words.get(pip + 1..)?;
    let install = rest.iter().position(|w| *w == "install")?;
    let mut packages = Vec::new();
    let mut skip = false;
    for word in &rest[install + 1..] {
        match *word {
            _ if skip => skip = false,
            "-r" | "-c" | "-i" | "-f" | "-t" | "-e" | "--requirement" | "--constraint" | "--index-url"
            | "--extra-index-url" | "--find-links" | "--target" | "--prefix" | "--timeout" | "--retries" => {
                skip = true;
            }
            flag if flag.starts_with('-') => {}
            package => packages.push(package),
        }
    }
    Some(packages)
}

fn is_pinned(package: &str) -> bool {
    is_local(package) || package.contains("==") || package.contains('@') || package.contains('$')
}

fn is_local(package: &str) -> bool {
    package.starts_with(['.', '/']) || package.ends_with(".whl") || package.contains('/')
}

fn has_large_user_id(command: &SimpleCommand) -> bool {
    if command.program() != "useradd" {
        return false;
    }
    let words = command.words();
    let quiet =
        words.iter().any(|w| *w == "--no-log-init" || (w.starts_with('-') && !w.starts_with("--") && w.contains('l')));
    let large = |id: &str| id.parse::<u64>().is_ok_and(|id| id >= LARGE_USER_ID);
    !quiet
        && words.windows(2).any(|pair| {
            let short = pair[0].starts_with('-') && pair[0].ends_with('u');
            ((short || pair[0] == "--uid") && large(pair[1])) || pair[1].strip_prefix("--uid=").is_some_and(large)
        })
}

fn needs_network(command: &SimpleCommand) -> bool {
    let words = command.words();
    let second = words.iter().skip(1).find(|w| !w.starts_with('-')).copied().unwrap_or_default();
    let any = |subcommands: &[&str]| subcommands.contains(&second);
    if let Some(packages) = pip_packages(command) {
        let requirements = words.iter().any(|w| w.starts_with("-r") || w.starts_with("--requirement"));
        let offline = words.contains(&"--no-index");
        return !offline && (requirements || packages.iter().any(|p| !is_local(p)));
    }
    match command.program() {
        "apt-get" | "apt" | "yum" | "dnf" | "microdnf" => any(&["update", "install", "upgrade"]),
        "apk" => any(&["add", "update"]),
        "conda" | "mamba" | "micromamba" => any(&["install", "create", "env", "update"]),
        "npm" | "yarn" => any(&["install", "ci", "add"]),
        "git" => any(&["clone", "fetch", "pull"]),
        "curl" | "wget" => true,
        _ => false,
    }
}

fn pipes_download_into_shell(text: &str) -> bool {
    let all = commands(text);
    all.windows(2).any(|pair| {
        matches!(pair[0].program(), "curl" | "wget")
            && pair[1].piped
            && matches!(pair[1].program(), "sh" | "bash" | "python" | "python3")
    })
}
