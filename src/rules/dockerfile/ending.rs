//! Checks that the final image has a program to run and a user: DF040 and DF041.

use super::ast::{Command, Dockerfile, Instruction, Step};
use super::instructions::is_empty;
use super::lines::Line;
use super::report::Report;
use crate::model::{Finding, Severity};
use crate::rules::catalogue::{DF040, DF041};

pub(super) fn check_ending(lines: &[Line], seen: &Dockerfile, report: &mut Report<'_>) {
    let steps = seen.final_steps();
    let Some(from) = lines.iter().rev().find(|line| line.keyword() == "FROM") else {
        return;
    };
    check_commands(lines, &steps, from, report);
    check_user(&steps, from, report);
}

fn check_commands(lines: &[Line], steps: &[&Step], from: &Line, report: &mut Report<'_>) {
    let mut has_command = false;
    for keyword in ["CMD", "ENTRYPOINT"] {
        let all = commands(steps, keyword);
        let Some(((line, last), earlier)) = all.split_last() else {
            continue;
        };
        has_command |= !is_empty(last);
        for (line, _) in earlier.iter().filter(|(line, _)| *line > from.number) {
            let finding = DF040.finding_with(
                format!("This {keyword} has no effect, because another {keyword} follows"),
                "Delete it: only the last one counts.",
            );
            report.at(*line, with_severity(finding, Severity::Warning));
        }
        match last {
            Command::Shell(_) => {
                let finding = DF040.finding_with(
                    format!("{keyword} is a string, so a shell starts first"),
                    format!("Write it as a list: `{keyword} [\"program\", \"argument\"]`."),
                );
                report.at(*line, with_severity(finding, Severity::Warning));
            }
            // The words of CMD are arguments if there is an entrypoint.
            Command::Exec(_) if keyword == "CMD" && !commands(steps, "ENTRYPOINT").is_empty() => {}
            Command::Exec(words) => {
                if let Some(program) = words.first().filter(|program| program.contains(' ')) {
                    report.at(*line, program_with_blanks(keyword, program));
                }
            }
        }
    }
    // A command that could not be read has its own finding.
    let unread = lines.iter().any(|l| l.number > from.number && matches!(l.keyword().as_str(), "CMD" | "ENTRYPOINT"))
        && steps.iter().all(|s| s.line <= from.number || !is_command(&s.instruction));
    if !has_command && !unread {
        let message = "The last stage has neither CMD nor ENTRYPOINT";
        report.at(from.number, DF040.finding(message));
    }
}

/// The commands of the steps with this keyword, with their lines.
fn commands<'a>(steps: &[&'a Step], keyword: &str) -> Vec<(u32, &'a Command)> {
    let command = |step: &&'a Step| match &step.instruction {
        Instruction::Cmd(c) if keyword == "CMD" => Some((step.line, c)),
        Instruction::Entrypoint(c) if keyword == "ENTRYPOINT" => Some((step.line, c)),
        _ => None,
    };
    steps.iter().filter_map(command).collect()
}

fn program_with_blanks(keyword: &str, program: &str) -> Finding {
    let words: Vec<_> = program.split_whitespace().map(|word| format!("\"{word}\"")).collect();
    DF040.finding_with(
        format!("{keyword} names one program, `{program}`, whose name contains spaces"),
        format!("Write each word separately: `{keyword} [{}]`.", words.join(", ")),
    )
}

fn is_command(instruction: &Instruction) -> bool {
    matches!(instruction, Instruction::Cmd(_) | Instruction::Entrypoint(_))
}

fn check_user(steps: &[&Step], from: &Line, report: &mut Report<'_>) {
    let last = steps.iter().rev().find_map(|step| match &step.instruction {
        Instruction::User(user) => Some((step.line, user)),
        _ => None,
    });
    let Some((line, user)) = last else {
        let finding = DF041.finding("There is no USER. The container runs as user 65534");
        report.at(from.number, with_severity(finding, Severity::Advice));
        return;
    };
    let name = user.split(':').next().unwrap_or_default();
    let message = match name.parse::<u32>() {
        Ok(0) => "USER is root. The container runs as user 65534 instead".to_owned(),
        Err(_) if name == "root" => "USER is root. The container runs as user 65534 instead".to_owned(),
        Ok(_) => return,
        Err(_) => {
            format!("USER `{user}` is not a number. The container runs as user 65534 instead")
        }
    };
    report.at(line, DF041.finding(message));
}

fn with_severity(mut finding: Finding, severity: Severity) -> Finding {
    finding.severity = severity;
    finding
}
