//! Writes the Dockerfile for the build: one instruction per line, with lists as JSON.
//!
//! The text has no comments, continuations or directives, so line n is step n of the engine. Base images are written as
//! image ids, so that no tag can move between check and build.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::ast::{Base, Command, Dockerfile, Instruction};
use super::text;
use crate::model::ImageId;

/// A base image has no id yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("base image `{0}` is not resolved to an image id")]
pub struct UnresolvedBase(pub String);

/// The text to build. `bases` has the image id of every name in [`Dockerfile::bases`].
///
/// # Errors
/// If `bases` lacks a name.
pub fn emit(file: &Dockerfile, bases: &BTreeMap<String, ImageId>) -> Result<String, UnresolvedBase> {
    let mut names: Vec<Option<&str>> = Vec::new();
    let mut out = String::new();
    for step in &file.steps {
        if let Instruction::From { base, name } = &step.instruction {
            let from = match base {
                Base::Scratch => "scratch",
                Base::Stage(index) => {
                    names.get(*index).copied().flatten().ok_or_else(|| UnresolvedBase(format!("stage {index}")))?
                }
                Base::Image(image) => bases.get(image).ok_or_else(|| UnresolvedBase(image.clone()))?.as_str(),
            };
            names.push(name.as_deref());
            out.push_str(&from_line(from, name.as_deref()));
        } else {
            out.push_str(&line(&step.instruction));
        }
        out.push('\n');
    }
    Ok(out)
}

fn from_line(from: &str, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("FROM {from} AS {name}"),
        None => format!("FROM {from}"),
    }
}

/// An instruction on one line, without its newline.
pub(super) fn line(instruction: &Instruction) -> String {
    match instruction {
        Instruction::From { base, name } => from_line(&format!("{base:?}"), name.as_deref()),
        Instruction::Arg(text) => format!("ARG {text}"),
        Instruction::Env(text) => format!("ENV {text}"),
        Instruction::Label(text) => format!("LABEL {text}"),
        Instruction::Copy { from, chown, sources, target } => {
            let mut line = "COPY ".to_owned();
            if let Some(stage) = from {
                let _ = write!(line, "--from={stage} ");
            }
            if let Some(owner) = chown {
                let _ = write!(line, "--chown={owner} ");
            }
            line + &list(sources.iter().chain([target]))
        }
        Instruction::Run(c) => format!("RUN {}", command(c)),
        Instruction::Cmd(c) => format!("CMD {}", command(c)),
        Instruction::Entrypoint(c) => format!("ENTRYPOINT {}", command(c)),
        Instruction::Shell(words) => format!("SHELL {}", list(words)),
        Instruction::User(text) => format!("USER {text}"),
        Instruction::Workdir(text) => format!("WORKDIR {text}"),
    }
}

fn command(command: &Command) -> String {
    match command {
        Command::Exec(words) => list(words),
        Command::Shell(text) => text.clone(),
    }
}

/// A JSON array of strings. All characters that [`text`] refuses are escaped.
fn list<'a>(words: impl IntoIterator<Item = &'a String>) -> String {
    let words: Vec<String> = words.into_iter().map(|w| quoted(w)).collect();
    format!("[{}]", words.join(","))
}

fn quoted(word: &str) -> String {
    let mut out = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' || text::is_refused(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
