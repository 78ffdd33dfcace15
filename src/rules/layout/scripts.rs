//! Scripts that will not start: Windows line endings, no executable bit: SRC010.

use std::collections::BTreeSet;

use super::copies::plain;
use super::tree;
use crate::model::{Entry, EntryKind, Finding, Location, Severity, SourceTree};
use crate::rules::catalogue::SRC010;
use crate::rules::dockerfile::{Command, Dockerfile, Instruction, Step};

/// A file of the repository that the image starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Started {
    path: String,
    how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// By the kernel, which reads its first line. No step has changed its mode.
    Itself,
    /// By the kernel, after steps that may have changed its mode in ways that we do not see.
    ItselfAfterSteps,
    /// By the kernel, after a step that may have changed its mode.
    ItselfAfterChmod,
    /// By a shell, which reads carriage returns as letters.
    Shell,
}

/// Shells that stumble over carriage returns.
const SHELLS: [&str; 5] = ["sh", "bash", "dash", "ash", "zsh"];

/// The script that the image starts, if it is copied there plainly.
pub(super) fn started(tree: &SourceTree, file: &Dockerfile) -> Option<Started> {
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
    let (script, how) = if SHELLS.contains(&name) {
        (
            words.iter().skip(1).find(|w| !w.starts_with('-'))?,
            How::Shell,
        )
    } else if steps.iter().any(|s| mentions_chmod(&s.instruction)) {
        (&program, How::ItselfAfterChmod)
    } else if steps
        .iter()
        .any(|s| matches!(s.instruction, Instruction::Run(_)))
    {
        (&program, How::ItselfAfterSteps)
    } else {
        (&program, How::Itself)
    };
    let path = source_of(tree, &steps, script)?;
    Some(Started { path, how })
}

fn mentions_chmod(instruction: &Instruction) -> bool {
    match instruction {
        Instruction::Run(Command::Shell(text)) => text.contains("chmod"),
        Instruction::Run(Command::Exec(words)) => words.iter().any(|w| w.contains("chmod")),
        _ => false,
    }
}

/// The file of the repository that lies at a path of the image.
fn source_of(tree: &SourceTree, steps: &[&Step], script: &str) -> Option<String> {
    let mut directory = String::from("/");
    let mut copies = Vec::new();
    for step in steps {
        match &step.instruction {
            Instruction::Workdir(path) => directory.clone_from(path),
            Instruction::Copy {
                from: None,
                sources,
                target,
                ..
            } => {
                copies.push((
                    sources,
                    absolute(&directory, target),
                    target.ends_with(['/', '.']),
                ));
            }
            _ => {}
        }
    }
    let script = absolute(&directory, script);
    copies.iter().rev().find_map(|(sources, target, into)| {
        sources.iter().filter_map(|s| plain(s)).find_map(|source| {
            let name = source.rsplit('/').next().unwrap_or(&source);
            let below = script
                .strip_prefix(target.as_str())
                .map(|rest| rest.trim_start_matches('/'))?;
            let path = if tree::is_directory(tree, &source) || source.is_empty() {
                [source.as_str(), below]
                    .into_iter()
                    .filter(|p| !p.is_empty())
                    .collect::<Vec<_>>()
                    .join("/")
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
    let joined = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{directory}/{path}")
    };
    let parts: Vec<&str> = joined
        .split('/')
        .filter(|p| !matches!(*p, "" | "."))
        .collect();
    format!("/{}", parts.join("/"))
}

/// Looks at every script, most closely at those that images start.
pub(super) fn check(tree: &SourceTree, started: &[Started]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for one in started {
        let Some(entry) = tree.entries.get(&one.path) else {
            continue;
        };
        let finding =
            if has_carriage_return(entry) && (one.how == How::Shell || has_interpreter(entry)) {
                let mut finding = SRC010.finding(format!(
                    "`{}` has Windows line endings, so it cannot be started",
                    one.path
                ));
                finding.severity = Severity::Error;
                finding
            } else if matches!(one.how, How::Itself | How::ItselfAfterSteps)
                && entry.kind == (EntryKind::File { executable: false })
            {
                // COPY keeps the mode.
                let mut finding = SRC010.finding(format!(
                    "`{}` is started by the image and is not executable",
                    one.path
                ));
                if one.how == How::Itself {
                    finding.severity = Severity::Error;
                }
                finding
            } else if one.how != How::Shell && is_text(entry) && !has_interpreter(entry) {
                SRC010.finding_with(
                format!("`{}` is started by the image and has no `#!` line", one.path),
                "Begin it with a line such as `#!/bin/sh`, or start its interpreter in ENTRYPOINT.",
            )
            } else {
                continue;
            };
        findings.push(finding.at(Location::line(one.path.as_str(), 1)));
    }
    let known: BTreeSet<&str> = started.iter().map(|s| s.path.as_str()).collect();
    findings.extend(
        tree.entries
            .iter()
            .filter(|(path, entry)| {
                !known.contains(path.as_str())
                    && has_interpreter(entry)
                    && has_carriage_return(entry)
            })
            .map(|(path, _)| {
                let message = format!("The script `{path}` has Windows line endings");
                SRC010.finding(message).at(Location::line(path.as_str(), 1))
            }),
    );
    findings
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
