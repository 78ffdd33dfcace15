//! Dockerfiles: read, judged, and written again. What was read here is what is built.
//!
//! ```text
//!  bytes ─▶ text ─▶ lines ─▶ grammar ─▶ stages, instructions, habits ─▶ Dockerfile ─▶ emit ─▶ engine
//!          DF001    DF003    DF004      DF010-052               DF060-063
//!          DF002             DF005
//! ```
//!
//! Nobody builds the participant's text: two parsers that disagree about it would let an
//! instruction through that was never checked. [`emit()`] writes the few forms that all engines read
//! alike, one instruction on each line. What this module does not know, it refuses.

mod ast;
mod emit;
mod ending;
mod grammar;
mod growth;
mod habits;
mod instructions;
mod lines;
mod report;
mod shell;
mod stages;
mod text;
mod words;

#[cfg(test)]
mod tests;

pub use ast::{Base, Command, Dockerfile, Instruction, Step};
pub(in crate::rules) use instructions::{is_under, steers_the_host};

pub use emit::{UnresolvedBase, emit};

use self::report::Report;
use super::catalogue::{DF001, DF005};
use super::policy::Policy;
use crate::model::{Finding, limits};

/// What became of a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Everything that was found, in the order of the lines.
    pub findings: Vec<Finding>,
    /// The file, if nothing in it is an error: the only value that may be built.
    pub parsed: Option<Dockerfile>,
    /// What could be understood even so, for the rules that look at the repository. Never built.
    pub seen: Dockerfile,
}

/// Reads and judges a Dockerfile; `path` is only for pointing at it.
pub fn check(path: &str, bytes: &[u8], policy: &Policy) -> Checked {
    let Some((text, faults)) = text::read(bytes) else {
        let mut report = Report::new(path, "");
        report.whole(text::unreadable(bytes));
        return finish(report, Dockerfile::default(), policy);
    };
    let mut report = Report::new(path, &text);
    for (line, finding) in faults {
        report.at(line, finding);
    }
    let lines = lines::read(&text, &mut report);
    let mut stages = stages::Stages::default();
    let mut growth = growth::Growth::default();
    let mut seen = Dockerfile::default();
    for line in &lines {
        let Some(raw) = grammar::read(line, &mut report) else {
            continue;
        };
        let read = instructions::judge(line, raw, &mut stages, policy, &mut report);
        if let Some(instruction) = read {
            habits::judge(line, &instruction, policy, &mut report);
            growth.judge(line, &instruction, &mut report);
            seen.steps.push(Step {
                line: line.number,
                instruction,
            });
        }
    }
    count(&lines, stages.len(), &mut report);
    if lines.len() <= limits::DOCKERFILE_INSTRUCTIONS_MAX {
        ending::judge(&lines, &seen, &mut report);
    }
    finish(report, seen, policy)
}

/// How every Dockerfile begins.
const BEGIN: &str = "Start with `FROM` and a base image of the list.";

/// The file as a whole: not empty, not too long.
fn count(lines: &[lines::Line], stages: usize, report: &mut Report<'_>) {
    let first = lines.iter().position(|line| line.keyword() == "FROM");
    let before = &lines[..first.unwrap_or(0)];
    if first.is_none() {
        let what = if lines.is_empty() {
            "The Dockerfile is empty"
        } else {
            "There is no FROM"
        };
        report.whole(DF005.finding_with(what, BEGIN));
    }
    if let Some(line) = before.iter().find(|line| line.keyword() != "ARG")
        && !report.knows(line.number)
    {
        let message = format!("{} stands before the first FROM", line.keyword());
        report.at(line.number, DF005.finding_with(message, BEGIN));
    }
    if let Some(line) = lines.get(limits::DOCKERFILE_INSTRUCTIONS_MAX) {
        report.at(
            line.number,
            DF001.finding_with(
                format!(
                    "More than {} instructions",
                    limits::DOCKERFILE_INSTRUCTIONS_MAX
                ),
                "Join RUN instructions with `&&`, or move commands into a script.",
            ),
        );
    }
    if stages > limits::DOCKERFILE_STAGES_MAX {
        report.whole(DF001.finding_with(
            format!(
                "{stages} stages, {} are allowed",
                limits::DOCKERFILE_STAGES_MAX
            ),
            "Join stages.",
        ));
    }
}

fn finish(report: Report<'_>, seen: Dockerfile, policy: &Policy) -> Checked {
    let findings = report.finish(policy);
    let parsed = (!crate::model::finding::any_error(&findings)).then(|| seen.clone());
    Checked {
        findings,
        parsed,
        seen,
    }
}
