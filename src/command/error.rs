//! Replies to commands that cannot be run. The `Display` of an error is the whole reply, as
//! Markdown: the problem, its column, the fix, and how the command is written.
//!
//! Text of people is repeated only as code, shortened and with invisible characters made visible.

use std::fmt;

use super::spec::{CommandSpec, Permission};
use crate::model::{limits, text};

/// A command that is not run, and the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct CommandError {
    pub problem: CommandProblem,
    /// The command, or all commands of its family; empty if the text names none.
    pub specs: Vec<&'static CommandSpec>,
    /// Where in the line, in characters from 1.
    pub column: Option<usize>,
}

/// The problem with a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandProblem {
    /// The text addresses Referee without a command.
    Empty,
    UnknownCommand {
        /// As written, without `/`.
        typed: String,
        /// The most similar name.
        meant: Option<&'static str>,
    },
    /// The second word names no member of the family.
    UnknownMember {
        /// The second word, as written; none if it is missing.
        typed: Option<String>,
        /// The full name of the most similar command.
        meant: Option<&'static str>,
    },
    /// The line ends too early.
    Missing {
        /// For example `a team name`.
        expected: String,
    },
    /// A word is not of the expected kind.
    Invalid {
        typed: String,
        /// For example `a team name`.
        expected: String,
    },
    TooManyWords {
        typed: String,
        /// The command takes a text, whose quotes are perhaps missing.
        takes_text: bool,
    },
    /// The command does not take this name before `=`.
    UnknownKey {
        /// As written, in small letters.
        typed: String,
        /// The most similar name.
        meant: Option<&'static str>,
    },
    /// Something is given twice.
    Repeated {
        typed: String,
    },
    UnclosedQuote,
    InvisibleCharacter(char),
    /// The line is longer than [`limits::COMMAND_CHARS_MAX`].
    LineTooLong,
    /// The text is longer than [`limits::COMMAND_TEXT_BYTES_MAX`]. No line of it was read.
    TextTooLong,
    /// The text has more commands than [`limits::COMMANDS_PER_TEXT_MAX`].
    TooManyCommands {
        /// How many are not run.
        left_out: usize,
    },
    /// Only other roles may give this command.
    NotAllowed(Permission),
    /// The command is destructive, and an edit added it to a text.
    AddedByEdit,
}

impl CommandError {
    /// About a text as a whole, or an unknown name.
    pub(super) fn new(problem: CommandProblem) -> Self {
        Self { problem, specs: Vec::new(), column: None }
    }

    pub fn of_command(spec: &'static CommandSpec, problem: CommandProblem) -> Self {
        Self { specs: vec![spec], ..Self::new(problem) }
    }

    /// At this column of the line.
    pub fn at(self, column: usize) -> Self {
        Self { column: Some(column), ..self }
    }

    /// ` at column 8`, or nothing.
    fn location(&self) -> String {
        let location = |column| format!(" at column {column}");
        self.column.map_or_else(String::new, location)
    }

    fn name(&self) -> String {
        let name = self.specs.first().map(|spec| format!("`/{}`", spec.name));
        name.unwrap_or_else(|| "The command".to_owned())
    }

    fn sentence(&self) -> String {
        let (name, location) = (self.name(), self.location());
        match &self.problem {
            CommandProblem::Empty => "No command is given. Use `/help` to list all commands.".to_owned(),
            CommandProblem::UnknownCommand { typed, meant } => format!(
                "Unknown command {}.{} Use `/help` to list all commands.",
                as_code(&format!("/{typed}")),
                did_you_mean(meant.map(|name| format!("/{name}")))
            ),
            CommandProblem::UnknownMember { typed, meant } => self.unknown_member(typed.as_deref(), *meant),
            CommandProblem::Missing { expected } => {
                format!("{name} is incomplete: expected {expected}.")
            }
            CommandProblem::Invalid { typed, expected } => {
                format!("{}{location} is invalid: expected {expected}.", as_code(typed))
            }
            CommandProblem::TooManyWords { typed, takes_text } => {
                let help = if *takes_text {
                    "Write a text of several words in quotes: `reason=\"…\"`."
                } else {
                    "Remove it."
                };
                format!("Unexpected word {}{location}. {help}", as_code(typed))
            }
            CommandProblem::UnknownKey { typed, meant } => format!(
                "{name} does not take {}{location}.{}",
                as_code(&format!("{typed}=")),
                did_you_mean(meant.map(|key| format!("{key}=")))
            ),
            CommandProblem::Repeated { typed } => {
                format!("{} is given twice, the second time{location}. Remove one of them.", as_code(typed))
            }
            CommandProblem::UnclosedQuote => {
                format!("The quote{location} is not closed. Add `\"` at its end.")
            }
            CommandProblem::InvisibleCharacter(c) => format!(
                "The line contains the invisible character U+{:04X}{location}. Delete the line and type it again.",
                u32::from(*c)
            ),
            CommandProblem::LineTooLong => {
                format!("The command is longer than {} characters. Shorten it.", limits::COMMAND_CHARS_MAX)
            }
            CommandProblem::TextTooLong => format!(
                "The text is longer than {} KiB, so Referee ran none of its commands. Write them in a separate \
                 comment.",
                limits::COMMAND_TEXT_BYTES_MAX / 1024
            ),
            CommandProblem::TooManyCommands { left_out } => format!(
                "Referee runs at most {} commands of one text. It did not run this command and the ones after it \
                 ({left_out} in total). Write them in another comment.",
                limits::COMMANDS_PER_TEXT_MAX
            ),
            CommandProblem::NotAllowed(permission) => self.not_allowed(*permission),
            CommandProblem::AddedByEdit => {
                format!("{name} was not run, because an edit added it to the text. Write it in a new comment.")
            }
        }
    }

    fn unknown_member(&self, typed: Option<&str>, meant: Option<&str>) -> String {
        let family = self.specs.first().map_or("", |spec| spec.family());
        let members = self.members();
        match typed {
            None => format!("`/{family}` needs a second word: {members}."),
            Some(typed) => format!(
                "Unknown word {} after `/{family}`{}.{} Expected {members}.",
                as_code(typed),
                self.location(),
                did_you_mean(meant.map(|name| format!("/{name}"))),
            ),
        }
    }

    fn not_allowed(&self, permission: Permission) -> String {
        let name = self.name();
        // Of a command for both, only this form is for organizers.
        let both = |spec: &&CommandSpec| spec.permission == Permission::Both;
        let form = if self.specs.iter().any(both) { " in this form" } else { "" };
        if permission == Permission::Organizers {
            format!("Only organizers can use {name}{form}.")
        } else {
            format!("Only members of a team can use {name}, in the team's own repository.")
        }
    }

    /// The second words of a family: `open`, `close` or `extend`.
    fn members(&self) -> String {
        let members = self.specs.iter().filter_map(|spec| spec.member());
        let members: Vec<String> = members.map(|member| format!("`{member}`")).collect();
        match members.split_last() {
            Some((last, others)) if !others.is_empty() => {
                format!("{} or {last}", others.join(", "))
            }
            _ => members.concat(),
        }
    }
}

fn did_you_mean(name: Option<String>) -> String {
    name.map_or_else(String::new, |name| format!(" Did you mean `{name}`?"))
}

/// Text of people as code: shortened, invisible characters by their numbers, no backticks.
fn as_code(dirty: &str) -> String {
    const CHARS_MAX: usize = 60;
    let mut clean = String::from("`");
    for (n, c) in dirty.chars().enumerate() {
        match c {
            _ if n == CHARS_MAX => {
                clean.push('…');
                break;
            }
            '`' => clean.push('\''),
            _ if text::is_visible(c) => clean.push(c),
            _ => clean.push_str(&format!("<U+{:04X}>", u32::from(c))),
        }
    }
    clean.push('`');
    clean
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence())?;
        let is_well_written = matches!(
            self.problem,
            CommandProblem::NotAllowed(_) | CommandProblem::AddedByEdit | CommandProblem::LineTooLong
        );
        if self.specs.is_empty() || is_well_written {
            return Ok(());
        }
        let usages = self.specs.iter().map(|spec| format!("`{}`", spec.usage()));
        write!(f, "\n\nUsage: {}", usages.collect::<Vec<_>>().join(", "))
    }
}
