//! How long instructions become when the engine has put in the values of their variables: DF001.
//!
//! A few kilobytes of `ENV B=$A$A` stand for as much as one likes, and engines expand character by character, outside
//! of every limit of the build. Lengths alone are followed, and never too short: quotes and escapes count as written.

use std::collections::BTreeMap;

use super::ast::Instruction;
use super::emit;
use super::lines::Line;
use super::report::Report;
use super::words;
use crate::rules::catalogue::DF001;

/// The longest that one instruction may become, in bytes.
const INSTRUCTION_BYTES_MAX: usize = 64 * 1024;
/// What all instructions together may become, in bytes.
const ALL_BYTES_MAX: usize = 512 * 1024;
/// A variable that the base image may set, such as `PATH`, is taken to be as long as this.
const UNKNOWN_BYTES: usize = 1024;

/// The lengths of variables so far, of all stages: the longest that each has had.
#[derive(Debug, Default)]
pub(super) struct Growth {
    known: BTreeMap<String, usize>,
    all: usize,
}

impl Growth {
    pub(super) fn judge(
        &mut self,
        line: &Line,
        instruction: &Instruction,
        report: &mut Report<'_>,
    ) {
        let (text, sets) = match instruction {
            // Expanded by the shell, within the limits of its step, or not at all.
            Instruction::Run(_)
            | Instruction::Cmd(_)
            | Instruction::Entrypoint(_)
            | Instruction::Shell(_)
            | Instruction::From { .. } => return,
            Instruction::Arg(text) => (text.clone(), words::pairs(text, true)),
            Instruction::Env(text) => (text.clone(), words::pairs(text, false)),
            other => (emit::line(other), None),
        };
        let long = self.expanded(&text);
        self.all = self.all.saturating_add(long);
        let pairs = sets.unwrap_or_default();
        let values: Vec<_> = pairs
            .iter()
            .map(|pair| {
                (
                    pair.name.to_owned(),
                    self.expanded(pair.value.unwrap_or_default()),
                )
            })
            .collect();
        for (name, bytes) in values {
            let known = self.known.entry(name).or_default();
            *known = bytes.max(*known);
        }
        let message = if long > INSTRUCTION_BYTES_MAX {
            format!(
                "{} becomes longer than {} KiB when its variables are put in",
                line.keyword(),
                INSTRUCTION_BYTES_MAX / 1024
            )
        } else if self.all > ALL_BYTES_MAX {
            format!(
                "With their variables put in, the instructions up to here have more than {} KiB",
                ALL_BYTES_MAX / 1024
            )
        } else {
            return;
        };
        report.at(
            line.number,
            DF001.finding_with(
                message,
                "Use fewer variables, or set them in the program that is started.",
            ),
        );
    }

    /// At most so many bytes.
    fn expanded(&self, text: &str) -> usize {
        let mut bytes = text.len();
        for (at, _) in text.match_indices('$') {
            let rest = &text[at + 1..];
            let rest = rest.strip_prefix('{').unwrap_or(rest);
            let end = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            let value = match &rest[..end] {
                "" => 0,
                name => self.known.get(name).copied().unwrap_or(UNKNOWN_BYTES),
            };
            // `${x//a/bbb}`: each character may become the replacement.
            let times = if rest[end..].starts_with('/') {
                text.len()
            } else {
                1
            };
            bytes = bytes.saturating_add(value.saturating_mul(times));
        }
        bytes
    }
}
