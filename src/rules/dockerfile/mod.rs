//! Reads and checks Dockerfiles, and writes the checked instructions again for the build.
//!
//! ```text
//!  bytes ─▶ text ─▶ lines ─▶ grammar ─▶ stages, instructions, habits ─▶ Dockerfile ─▶ emit ─▶ engine
//!          DF001    DF003    DF004      DF010-052               DF060-063
//!          DF002             DF005
//! ```
//!
//! Referee never builds the participant's text. If two parsers disagreed about it, an unchecked instruction could reach
//! the engine. [`emit()`] writes one instruction per line, in the few forms that all engines read the same way. This
//! module refuses everything that it does not know.

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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedDockerfile {
    /// In the order of the lines.
    pub findings: Vec<Finding>,
    /// The file, if it has no error. Only this value may be built.
    pub parsed: Option<Dockerfile>,
    /// The instructions that could be read in any case, for the rules that check the repository. Never built.
    pub seen: Dockerfile,
}

/// Reads and checks a Dockerfile. `path` is used in locations only.
pub fn check_dockerfile(path: &str, bytes: &[u8], policy: &Policy) -> CheckedDockerfile {
    let Some((text, found)) = text::read_text(bytes) else {
        let mut report = Report::new(path, "");
        report.whole_file(text::unreadable(bytes));
        return finish(report, Dockerfile::default(), policy);
    };
    let mut report = Report::new(path, &text);
    for (line, finding) in found {
        report.at(line, finding);
    }
    let lines = lines::read_lines(&text, &mut report);
    let mut stages = stages::Stages::default();
    let mut growth = growth::Growth::default();
    let mut seen = Dockerfile::default();
    for line in &lines {
        let Some(raw) = grammar::read_instruction(line, &mut report) else {
            continue;
        };
        let checked = instructions::check_instruction(line, raw, &mut stages, policy, &mut report);
        if let Some(instruction) = checked {
            habits::check_habits(line, &instruction, policy, &mut report);
            growth.check_growth(line, &instruction, &mut report);
            seen.steps.push(Step { line: line.number, instruction });
        }
    }
    check_whole_file(&lines, stages.len(), &mut report);
    if lines.len() <= limits::DOCKERFILE_INSTRUCTIONS_MAX {
        ending::check_ending(&lines, &seen, &mut report);
    }
    finish(report, seen, policy)
}

const START_HELP: &str = "Start with `FROM` and a listed base image.";

/// Checks that the file is neither empty nor too long.
fn check_whole_file(lines: &[lines::Line], stages: usize, report: &mut Report<'_>) {
    let first = lines.iter().position(|line| line.keyword() == "FROM");
    let before = &lines[..first.unwrap_or(0)];
    if first.is_none() {
        let message = if lines.is_empty() { "The Dockerfile is empty" } else { "The Dockerfile has no FROM" };
        report.whole_file(DF005.finding_with(message, START_HELP));
    }
    if let Some(line) = before.iter().find(|line| line.keyword() != "ARG")
        && !report.has_finding_at(line.number)
    {
        let message = format!("{} comes before the first FROM", line.keyword());
        report.at(line.number, DF005.finding_with(message, START_HELP));
    }
    let (instructions_max, stages_max) = (limits::DOCKERFILE_INSTRUCTIONS_MAX, limits::DOCKERFILE_STAGES_MAX);
    if let Some(line) = lines.get(instructions_max) {
        let finding = DF001.finding_with(
            format!("The Dockerfile has more than {instructions_max} instructions"),
            "Join RUN instructions with `&&`, or move commands into a script.",
        );
        report.at(line.number, finding);
    }
    if stages > stages_max {
        let message = format!("The Dockerfile has {stages} stages. At most {stages_max} are allowed");
        report.whole_file(DF001.finding_with(message, "Join stages."));
    }
}

fn finish(report: Report<'_>, seen: Dockerfile, policy: &Policy) -> CheckedDockerfile {
    let findings = report.finish(policy);
    let parsed = (!crate::model::finding::any_error(&findings)).then(|| seen.clone());
    CheckedDockerfile { findings, parsed, seen }
}
