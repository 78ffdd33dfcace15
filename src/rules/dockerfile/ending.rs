//! What the last stage leaves: something to run, and a user: DF040 and DF041.

use super::ast::{Command, Dockerfile, Instruction, Step};
use super::instructions::is_empty;
use super::lines::Line;
use super::report::Report;
use crate::rules::catalogue::{DF040, DF041};

pub(super) fn judge(lines: &[Line], seen: &Dockerfile, report: &mut Report<'_>) {
    let steps = seen.final_steps();
    let Some(from) = lines.iter().rev().find(|line| line.keyword() == "FROM") else {
        return;
    };
    commands(lines, &steps, from, report);
    user(&steps, from, report);
}

fn commands(lines: &[Line], steps: &[&Step], from: &Line, report: &mut Report<'_>) {
    let mut any = false;
    for keyword in ["CMD", "ENTRYPOINT"] {
        let all: Vec<(u32, &Command)> = steps
            .iter()
            .filter_map(|step| match &step.instruction {
                Instruction::Cmd(c) if keyword == "CMD" => Some((step.line, c)),
                Instruction::Entrypoint(c) if keyword == "ENTRYPOINT" => Some((step.line, c)),
                _ => None,
            })
            .collect();
        let Some(((line, last), earlier)) = all.split_last() else {
            continue;
        };
        any |= !is_empty(last);
        for (line, _) in earlier.iter().filter(|(line, _)| *line > from.number) {
            report.at(
                *line,
                DF040
                    .finding_with(
                        format!("This {keyword} has no effect: another one follows"),
                        "Delete it: only the last one counts.",
                    )
                    .lighter(),
            );
        }
        if let Command::Exec(words) = last
            && let Some(program) = words.first()
            && program.contains(' ')
            && (keyword == "ENTRYPOINT" || !steps.iter().any(|s| is_entrypoint(&s.instruction)))
        {
            let split: Vec<_> = program
                .split_whitespace()
                .map(|w| format!("\"{w}\""))
                .collect();
            report.at(
                *line,
                DF040.finding_with(
                    format!("{keyword} names one program, `{program}`, with blanks in its name"),
                    format!(
                        "Write each word by itself: `{keyword} [{}]`.",
                        split.join(", ")
                    ),
                ),
            );
        }
        if matches!(last, Command::Shell(_)) {
            report.at(
                *line,
                DF040
                    .finding_with(
                        format!("{keyword} is written as a string, so a shell is started first"),
                        format!("Write it as a list: `{keyword} [\"program\", \"argument\"]`."),
                    )
                    .lighter(),
            );
        }
    }
    // One that could not be read has its own finding.
    let unread = lines
        .iter()
        .any(|l| l.number > from.number && matches!(l.keyword().as_str(), "CMD" | "ENTRYPOINT"))
        && steps
            .iter()
            .all(|s| s.line <= from.number || !is_command(&s.instruction));
    if !any && !unread {
        report.at(
            from.number,
            DF040.finding("The last stage has neither CMD nor ENTRYPOINT"),
        );
    }
}

fn is_entrypoint(instruction: &Instruction) -> bool {
    matches!(instruction, Instruction::Entrypoint(_))
}

fn is_command(instruction: &Instruction) -> bool {
    matches!(
        instruction,
        Instruction::Cmd(_) | Instruction::Entrypoint(_)
    )
}

fn user(steps: &[&Step], from: &Line, report: &mut Report<'_>) {
    let last = steps.iter().rev().find_map(|step| match &step.instruction {
        Instruction::User(user) => Some((step.line, user)),
        _ => None,
    });
    let Some((line, user)) = last else {
        report.at(
            from.number,
            DF041
                .finding("There is no USER; the container runs as 65534")
                .advice(),
        );
        return;
    };
    let name = user.split(':').next().unwrap_or_default();
    match name.parse::<u32>() {
        Ok(0) => report.at(
            line,
            DF041.finding("USER is root; the container runs as 65534 instead"),
        ),
        Ok(_) => {}
        Err(_) if name == "root" => {
            report.at(
                line,
                DF041.finding("USER is root; the container runs as 65534 instead"),
            );
        }
        Err(_) => report.at(
            line,
            DF041.finding(format!(
                "USER `{user}` is not a number; the container runs as 65534 instead"
            )),
        ),
    }
}

/// Lesser faults of a rule.
trait Lighter {
    fn lighter(self) -> Self;
    fn advice(self) -> Self;
}

impl Lighter for crate::model::Finding {
    fn lighter(mut self) -> Self {
        self.severity = crate::model::Severity::Warning;
        self
    }

    fn advice(mut self) -> Self {
        self.severity = crate::model::Severity::Advice;
        self
    }
}
