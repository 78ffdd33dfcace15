//! Checks each instruction against the rules that need no other line: DF020 to DF052.

use super::ast::{Command, Instruction};
use super::emit;
use super::grammar::{Flag, RawInstruction};
use super::lines::Line;
use super::report::Report;
use super::stages::{RawFrom, Stages};
use super::words::{self, Pair};
use crate::model::Finding;
use crate::rules::catalogue::{
    DF001, DF004, DF005, DF020, DF022, DF030, DF031, DF032, DF033, DF034, DF035, DF042, DF050, DF051, DF052,
};
use crate::rules::policy::Policy;

/// Of an emitted line. The classic builder reads at most 65,535 bytes.
const LINE_BYTES_MAX: usize = 60_000;

/// Checks an instruction and converts it for the build. `None` if it is not built, with or without a finding.
pub(super) fn check_instruction(
    line: &Line,
    raw: RawInstruction,
    stages: &mut Stages,
    policy: &Policy,
    report: &mut Report<'_>,
) -> Option<Instruction> {
    use RawInstruction as Raw;
    let instruction = match raw {
        Raw::NotBuilt => {
            report.at(line.number, not_built(&line.keyword()));
            return None;
        }
        Raw::From { flags, image, name } => stages.begin(line, RawFrom { flags, image, name }, policy, report),
        Raw::Copy { flags, sources, target } => {
            let (from, chown) = copy_flags(line, &flags, stages, report);
            check_sources(line, &flags, &sources, &target, report);
            // The sources of an unknown stage are not in the repository either.
            if from.is_none() && has_stage(&flags) {
                return None;
            }
            Instruction::Copy { from, chown, sources, target }
        }
        Raw::Run { flags, command } => {
            for flag in &flags {
                let number = line.number_of(&flag.to_string());
                report.at(number, DF030.finding(format!("`{flag}` is not allowed")));
            }
            Instruction::Run(command)
        }
        Raw::Cmd(command) => Instruction::Cmd(command),
        Raw::Entrypoint(command) => Instruction::Entrypoint(command),
        Raw::Shell(words) => Instruction::Shell(words),
        Raw::User(user) => Instruction::User(user),
        Raw::Workdir(path) => {
            if let Some(message) = wrong_directory(&path, policy) {
                report.at(line.number, DF042.finding(message));
            }
            Instruction::Workdir(path)
        }
        Raw::Arg(text) | Raw::Env(text) | Raw::Label(text) if !words::is_closed(&text) => {
            report.at(
                line.number,
                DF005.finding_with(
                    format!("{} has a quote that is not closed", line.keyword()),
                    "Close the quote, put the value into the other kind of quotes, or write `\\` before the quote.",
                ),
            );
            return None;
        }
        Raw::Arg(text) => {
            variables(line, &text, true, report);
            Instruction::Arg(text)
        }
        Raw::Env(text) => {
            variables(line, &text, false, report);
            Instruction::Env(text)
        }
        Raw::Label(text) => {
            labels(line, &text, report);
            Instruction::Label(text)
        }
    };
    check_length(line, &instruction, report);
    Some(instruction)
}

fn check_length(line: &Line, instruction: &Instruction, report: &mut Report<'_>) {
    if emit::line(instruction).len() > LINE_BYTES_MAX {
        let message = format!("{} is too long", line.keyword());
        let help = "Split it into several instructions.";
        report.at(line.number, DF001.finding_with(message, help));
    }
}

fn not_built(keyword: &str) -> Finding {
    match keyword {
        "ADD" => DF020.finding("ADD is not allowed"),
        "ONBUILD" => DF031.finding("ONBUILD is not allowed"),
        "VOLUME" => DF032.finding("VOLUME is not allowed"),
        "EXPOSE" => DF033.finding("EXPOSE has no effect and is left out"),
        "HEALTHCHECK" => DF034.finding("HEALTHCHECK has no effect and is left out"),
        keyword => DF035.finding(format!("{keyword} has no effect and is left out")),
    }
}

/// The stage and the owner of COPY.
fn copy_flags(
    line: &Line,
    flags: &[Flag],
    stages: &Stages,
    report: &mut Report<'_>,
) -> (Option<usize>, Option<String>) {
    let (mut from, mut chown) = (None, None);
    for (i, flag) in flags.iter().enumerate() {
        let number = line.number_of(&flag.to_string());
        if flags[..i].iter().any(|f| f.name == flag.name) {
            let message = format!("COPY has the flag `--{}` twice", flag.name);
            report.at(number, DF004.finding_with(message, "Delete one of them."));
        }
        match (flag.name.as_str(), flag.value.as_deref()) {
            ("from", Some(stage)) => match stages.source(stage) {
                Ok(index) => from = Some(index),
                Err(finding) => report.at(number, *finding),
            },
            ("chown", Some(owner)) if is_owner(owner) => chown = Some(owner.to_owned()),
            _ => report.at(number, wrong_flag(flag)),
        }
    }
    (from, chown)
}

/// Whether COPY copies from a stage instead of the repository.
fn has_stage(flags: &[Flag]) -> bool {
    flags.iter().any(|f| f.name == "from" && f.value.is_some())
}

fn check_sources(line: &Line, flags: &[Flag], sources: &[String], target: &str, report: &mut Report<'_>) {
    if !has_stage(flags) {
        for source in sources {
            if let Some(message) = leads_out(source) {
                report.at(line.number_of(source), DF022.finding(message));
            }
        }
    }
    if sources.len() > 1 && !target.contains(['$', '"', '\'']) && !target.ends_with('/') {
        let message = format!("COPY of several files needs a directory as target, not `{target}`");
        let help = format!("Write `{target}/`, with a slash at the end.");
        report.at(line.number, DF005.finding_with(message, help));
    }
}

fn wrong_flag(flag: &Flag) -> Finding {
    match flag.name.as_str() {
        "chmod" => DF004.finding_with(format!("`{flag}` is not supported"), "Write a `RUN chmod` after the COPY."),
        "from" | "chown" => DF004.finding_with(
            format!("`{flag}` needs a plain value"),
            "Write it as `--from=stage` or `--chown=65534:65534`.",
        ),
        _ => DF004.finding_with(format!("Unknown flag `{flag}` of COPY"), "Delete it."),
    }
}

fn is_owner(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | ':'))
}

fn leads_out(source: &str) -> Option<String> {
    if source.contains("://") || source.starts_with("git@") {
        return Some(format!("`{source}` is a URL, and COPY does not fetch URLs"));
    }
    let unquoted = source.replace(['"', '\'', '\\'], "");
    if unquoted.starts_with('/') {
        return Some(format!("`{source}` is an absolute path"));
    }
    unquoted.split('/').any(|part| part == "..").then(|| format!("`{source}` leads out of the repository"))
}

fn wrong_directory(path: &str, policy: &Policy) -> Option<String> {
    if path.contains(['$', '"', '\'', '\\']) {
        return Some(format!("WORKDIR `{path}` contains a variable, a quote or a backslash"));
    }
    if !path.starts_with('/') {
        return Some(format!("WORKDIR `{path}` is not an absolute path"));
    }
    if path.split('/').any(|part| part == "..") {
        return Some(format!("WORKDIR `{path}` contains `..`"));
    }
    let kernel = ["/proc", "/sys", "/dev"].into_iter();
    let root = kernel.chain(policy.mounts.iter().map(String::as_str)).find(|root| is_under(path, root))?;
    Some(match root {
        "/proc" | "/sys" | "/dev" => format!("WORKDIR `{path}` is under {root}"),
        _ => format!("WORKDIR `{path}` is under {root}, which is a mount point when the container runs"),
    })
}

/// Whether a path equals `root` or is below it. Doubled slashes and dots do not matter.
pub(in crate::rules) fn is_under(path: &str, root: &str) -> bool {
    let parts = |text: &str| -> Vec<String> {
        text.split('/').filter(|p| !matches!(*p, "" | ".")).map(str::to_owned).collect()
    };
    let root = parts(root);
    !root.is_empty() && parts(path).starts_with(&root)
}

fn variables(line: &Line, text: &str, is_arg: bool, report: &mut Report<'_>) {
    let keyword = if is_arg { "ARG" } else { "ENV" };
    let Some(pairs) = words::pairs(text, is_arg) else {
        report.at(
            line.number,
            DF005.finding_with(
                format!("{keyword} has a name without a value"),
                format!("Write it as `{keyword} NAME=value`, with quotes around a value that contains spaces."),
            ),
        );
        return;
    };
    for Pair { name, value } in pairs {
        let number = line.number_of(name);
        if !words::is_plain_name(name) {
            let rule = if is_arg { DF005 } else { DF051 };
            report.at(
                number,
                rule.finding_with(
                    format!("`{name}` is not a plain name of a variable"),
                    "Use letters, digits and `_`, without quotes and variables.",
                ),
            );
        } else if !is_arg && steers_the_host(name) {
            report.at(number, DF051.finding(format!("ENV {name} is not allowed")));
        } else if is_secret(name) && value.is_some_and(|v| !v.is_empty() && !v.starts_with('$')) {
            report.at(number, DF050.finding(format!("{keyword} {name} looks like a secret")));
        }
    }
}

/// Whether programs of the host read this variable of an image.
pub(in crate::rules) fn steers_the_host(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    if matches!(name.as_str(), "NVIDIA_VISIBLE_DEVICES" | "NVIDIA_DRIVER_CAPABILITIES") {
        return false;
    }
    name.starts_with("LD_") || name.starts_with("NVIDIA_") || name.ends_with("_PROXY")
}

fn is_secret(name: &str) -> bool {
    name.to_ascii_uppercase()
        .split('_')
        .any(|part| matches!(part, "TOKEN" | "SECRET" | "PASSWORD" | "PASSWD" | "KEY" | "APIKEY" | "CREDENTIALS"))
}

/// The prefix of Referee's own labels.
const RESERVED_LABELS: &str = "referee.";

fn labels(line: &Line, text: &str, report: &mut Report<'_>) {
    let Some(pairs) = words::pairs(text, false) else {
        report.at(
            line.number,
            DF005.finding_with("LABEL has a name without a value", "Write it as `LABEL name=\"value\"`."),
        );
        return;
    };
    for Pair { name, .. } in pairs {
        let number = line.number_of(name);
        let bare = name.replace(['"', '\''], "");
        if bare.contains(['$', '\\']) {
            report.at(
                number,
                DF052.finding_with(
                    format!("`{name}` is not a plain name of a label"),
                    "Use letters, digits, `.`, `_` and `-`.",
                ),
            );
        } else if bare.to_ascii_lowercase().starts_with(RESERVED_LABELS) {
            report.at(number, DF052.finding(format!("Label `{bare}` is reserved")));
        }
    }
}

/// Whether a command is an empty list.
pub(super) fn is_empty(command: &Command) -> bool {
    matches!(command, Command::Exec(words) if words.is_empty())
}
