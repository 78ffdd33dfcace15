//! Limits the length of instructions after the engine has expanded their variables: DF001.
//!
//! A few kilobytes of `ENV B=$A$A` can expand to any length, and engines expand outside the limits of the build. Only
//! upper bounds of lengths are computed: quotes and escapes count as written.

use std::collections::BTreeMap;

use super::ast::Instruction;
use super::emit;
use super::lines::Line;
use super::report::Report;
use super::words;
use crate::rules::catalogue::DF001;

/// Of one expanded instruction.
const INSTRUCTION_BYTES_MAX: usize = 64 * 1024;
/// Of all expanded instructions together.
const ALL_BYTES_MAX: usize = 512 * 1024;
/// The assumed length of a variable that the base image may set, such as `PATH`.
const UNKNOWN_BYTES: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Growth {
    /// The greatest length in bytes that each variable has had so far, over all stages.
    known: BTreeMap<String, usize>,
    /// Of all instructions so far, in bytes.
    all: usize,
}

impl Growth {
    pub(super) fn check_growth(&mut self, line: &Line, instruction: &Instruction, report: &mut Report<'_>) {
        let (text, sets) = match instruction {
            // The shell expands these within the limits of its step, or nothing expands them.
            Instruction::Run(_)
            | Instruction::Cmd(_)
            | Instruction::Entrypoint(_)
            | Instruction::Shell(_)
            | Instruction::From { .. } => return,
            Instruction::Arg(text) => (text.clone(), words::pairs(text, true)),
            Instruction::Env(text) => (text.clone(), words::pairs(text, false)),
            other => (emit::line(other), None),
        };
        let expanded_bytes = self.expanded_bytes(&text);
        self.all = self.all.saturating_add(expanded_bytes);
        let pairs = sets.unwrap_or_default();
        let values: Vec<_> = pairs
            .iter()
            .map(|pair| (pair.name.to_owned(), self.expanded_bytes(pair.value.unwrap_or_default())))
            .collect();
        for (name, bytes) in values {
            let known = self.known.entry(name).or_default();
            *known = bytes.max(*known);
        }
        let message = if expanded_bytes > INSTRUCTION_BYTES_MAX {
            format!(
                "{} has more than {} KiB after its variables are expanded",
                line.keyword(),
                INSTRUCTION_BYTES_MAX / 1024
            )
        } else if self.all > ALL_BYTES_MAX {
            format!(
                "The instructions up to this line have more than {} KiB after their variables are expanded",
                ALL_BYTES_MAX / 1024
            )
        } else {
            return;
        };
        report.at(line.number, DF001.finding_with(message, "Use fewer variables, or set them in your program."));
    }

    /// An upper bound for the length of the expanded text.
    fn expanded_bytes(&self, text: &str) -> usize {
        let mut bytes = text.len();
        for (at, _) in text.match_indices('$') {
            let rest = &text[at + 1..];
            let rest = rest.strip_prefix('{').unwrap_or(rest);
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let value = match &rest[..end] {
                "" => 0,
                name => self.known.get(name).copied().unwrap_or(UNKNOWN_BYTES),
            };
            // In `${x//a/bbb}`, the replacement can replace each character.
            let times = if rest[end..].starts_with('/') { text.len() } else { 1 };
            bytes = bytes.saturating_add(value.saturating_mul(times));
        }
        bytes
    }
}
