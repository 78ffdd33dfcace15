//! Finds scripts that cannot be started because of Windows line endings or a missing executable bit: SRC010.

use std::collections::BTreeSet;

use super::copies::plain_path;
use super::tree;
use crate::model::{Entry, EntryKind, Finding, Location, Severity, SourceTree};
use crate::rules::catalogue::SRC010;
use crate::rules::dockerfile::{Command, Dockerfile, Instruction, Step};

/// A file of the repository that the image starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StartedScript {
    path: String,
    starter: Starter,
}

/// The program that reads the script first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Starter {
    /// The kernel, which reads the first line. No step changes the mode of the file.
    Kernel,
    /// The kernel, after steps that may change the mode of the file in unknown ways.
    KernelAfterSteps,
    /// The kernel, after a step with chmod.
    KernelAfterChmod,
    /// A shell, which reads carriage returns as part of a word.
    Shell,
}

/// Shells that do not accept carriage returns.
const SHELLS: [&str; 5] = ["sh", "bash", "dash", "ash", "zsh"];

/// The script that the image starts, if a COPY without variables puts it there.
pub(super) fn started_script(tree: &SourceTree, file: &Dockerfile) -> Option<StartedScript> {
    let steps = file.final_steps();
    let command = steps.iter().rev().find_map(|s| match &s.instruction {
        Instruction::Entrypoint(command) => Some(command),
        _ => None,
    });
    let command = command.or_else(|| {
        steps.iter().rev().find_map(|s| match &s.instruction {
            Instruction::Cmd(command) => Some(command),
            _ => None,
        })
    })?;
    let words: Vec<&str> = match command {
        Command::Exec(words) => words.iter().map(String::as_str).collect(),
        Command::Shell(text) => text.split_whitespace().collect(),
    };
    let program = *words.first()?;
    let name = program.rsplit('/').next().unwrap_or(program);
    let has_run = |s: &&Step| matches!(s.instruction, Instruction::Run(_));
    let (script, starter) = if SHELLS.contains(&name) {
        let script = words.iter().skip(1).find(|w| !w.starts_with('-'))?;
        (script, Starter::Shell)
    } else if steps.iter().any(|s| mentions_chmod(&s.instruction)) {
        (&program, Starter::KernelAfterChmod)
    } else if steps.iter().any(has_run) {
        (&program, Starter::KernelAfterSteps)
    } else {
        (&program, Starter::Kernel)
    };
    let path = source_of(tree, &steps, script)?;
    Some(StartedScript { path, starter })
}

fn mentions_chmod(instruction: &Instruction) -> bool {
    match instruction {
        Instruction::Run(Command::Shell(text)) => text.contains("chmod"),
        Instruction::Run(Command::Exec(words)) => words.iter().any(|w| w.contains("chmod")),
        _ => false,
    }
}

/// The file of the repository that is at a path of the image.
fn source_of(tree: &SourceTree, steps: &[&Step], script: &str) -> Option<String> {
    let mut directory = String::from("/");
    let mut copies = Vec::new();
    for step in steps {
        match &step.instruction {
            Instruction::Workdir(path) => directory.clone_from(path),
            Instruction::Copy { from: None, sources, target, .. } => {
                copies.push((sources, absolute(&directory, target), target.ends_with(['/', '.'])));
            }
            _ => {}
        }
    }
    let script = absolute(&directory, script);
    copies.iter().rev().find_map(|(sources, target, into)| {
        sources.iter().filter_map(|s| plain_path(s)).find_map(|source| {
            let name = source.rsplit('/').next().unwrap_or(&source);
            let below = script.strip_prefix(target.as_str()).map(|rest| rest.trim_start_matches('/'))?;
            let path = if tree::is_directory(tree, &source) || source.is_empty() {
                [source.as_str(), below].into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join("/")
            } else if (below.is_empty() && !into) || below == name {
                source.clone()
            } else {
                return None;
            };
            tree.entries.contains_key(&path).then_some(path)
        })
    })
}

fn absolute(directory: &str, path: &str) -> String {
    let joined = if path.starts_with('/') { path.to_owned() } else { format!("{directory}/{path}") };
    let parts: Vec<&str> = joined.split('/').filter(|p| !matches!(*p, "" | ".")).collect();
    format!("/{}", parts.join("/"))
}

/// Checks every script, and more strictly the scripts that images start.
pub(super) fn check_scripts(tree: &SourceTree, started: &[StartedScript]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for script in started {
        let entry = tree.entries.get(&script.path);
        if let Some(finding) = entry.and_then(|entry| check_started_script(script, entry)) {
            findings.push(finding.at(Location::line(script.path.as_str(), 1)));
        }
    }
    let known: BTreeSet<&str> = started.iter().map(|s| s.path.as_str()).collect();
    findings.extend(
        tree.entries
            .iter()
            .filter(|(path, entry)| {
                !known.contains(path.as_str()) && has_interpreter(entry) && has_carriage_return(entry)
            })
            .map(|(path, _)| {
                let message = format!("The script `{path}` has Windows line endings");
                SRC010.finding(message).at(Location::line(path.as_str(), 1))
            }),
    );
    findings
}

fn check_started_script(script: &StartedScript, entry: &Entry) -> Option<Finding> {
    let StartedScript { path, starter } = script;
    let by_shell = *starter == Starter::Shell;
    if has_carriage_return(entry) && (by_shell || has_interpreter(entry)) {
        let message = format!("`{path}` has Windows line endings, so the image cannot start it");
        let mut finding = SRC010.finding(message);
        finding.severity = Severity::Error;
        return Some(finding);
    }
    let keeps_mode = matches!(starter, Starter::Kernel | Starter::KernelAfterSteps);
    // COPY keeps the mode.
    if keeps_mode && entry.kind == (EntryKind::File { executable: false }) {
        let message = format!("The image starts `{path}`, but the file is not executable");
        let mut finding = SRC010.finding(message);
        if *starter == Starter::Kernel {
            finding.severity = Severity::Error;
        }
        return Some(finding);
    }
    (!by_shell && is_text(entry) && !has_interpreter(entry)).then(|| {
        SRC010.finding_with(
            format!("The image starts `{path}`, but the file has no `#!` line"),
            "Begin the file with a line such as `#!/bin/sh`, or start its interpreter in ENTRYPOINT.",
        )
    })
}

fn has_interpreter(entry: &Entry) -> bool {
    entry.head.starts_with(b"#!")
}

fn has_carriage_return(entry: &Entry) -> bool {
    entry
        .head
        .split(|b| *b == b'\n')
        .next()
        .is_some_and(|first| first.len() < entry.head.len() && first.ends_with(b"\r"))
}

fn is_text(entry: &Entry) -> bool {
    !entry.head.is_empty() && !entry.head.contains(&0) && std::str::from_utf8(&entry.head).is_ok()
}
