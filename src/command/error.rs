//! What is answered when a command cannot be run. The `Display` of an error is the whole answer, as
//! Markdown: what is wrong, where, how to mend it, how the command is written.
//!
//! Text of people is repeated only inside code, shortened and made visible.

use std::fmt;

use super::order::Topic;
use super::table::{Who, row, rows};
use super::verb::Verb;
use crate::model::{limits, text};

/// A command that is not run, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct CommandError {
    /// Why.
    pub problem: Problem,
    /// The name whose usage is shown.
    pub topic: Option<Topic>,
    /// Where in the line, in characters from 1.
    pub column: Option<usize>,
}

/// What is wrong with a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The platform is spoken to, and asked for nothing.
    Nothing,
    /// No command has this name.
    UnknownCommand {
        /// As written, without `/`.
        typed: String,
        /// What was probably meant.
        meant: Option<&'static str>,
    },
    /// The family of commands has no such member.
    UnknownMember {
        /// The second word, as written; none if there is none.
        typed: Option<String>,
        /// The whole name that was probably meant.
        meant: Option<&'static str>,
    },
    /// The line ends too early.
    Missing {
        /// What is needed, for example `a team's name`.
        what: &'static str,
    },
    /// A word is not what is needed at its place.
    Unfit {
        /// As written.
        typed: String,
        /// What is needed, with what the word breaks or an example, to follow `is not`.
        what: String,
    },
    /// A word too many.
    TooMany {
        /// As written.
        typed: String,
        /// Whether the command takes a text, which perhaps lacks its quotes.
        text: bool,
    },
    /// A name before `=` that the command does not take.
    UnknownKey {
        /// As written, in small letters.
        typed: String,
        /// What was probably meant.
        meant: Option<&'static str>,
    },
    /// Something is given twice.
    Twice {
        /// As written.
        typed: String,
    },
    /// A quote that does not end.
    Unclosed,
    /// A character that nobody can see.
    Hidden(char),
    /// The line is longer than [`limits::COMMAND_CHARS_MAX`].
    LineTooLong,
    /// The text is longer than [`limits::COMMAND_TEXT_BYTES_MAX`], and none of it was read.
    TextTooLong,
    /// More commands than [`limits::COMMANDS_PER_TEXT_MAX`].
    TooManyCommands {
        /// How many were left out.
        left_out: usize,
    },
    /// Somebody else may give this command.
    NotAllowed {
        /// Who may.
        who: Who,
    },
    /// Came into a text by an edit, and is destructive.
    InEdit,
}

impl CommandError {
    /// About a text as a whole, or a name that is unknown.
    pub(super) fn general(problem: Problem) -> Self {
        Self {
            problem,
            topic: None,
            column: None,
        }
    }

    /// About this command.
    pub(super) fn of(verb: Verb, problem: Problem) -> Self {
        Self {
            topic: Some(Topic(row(verb).name)),
            ..Self::general(problem)
        }
    }

    /// At this place of the line.
    pub(super) fn at(self, column: usize) -> Self {
        Self {
            column: Some(column),
            ..self
        }
    }

    /// ` at column 8`, or nothing.
    fn location(&self) -> String {
        let location = |column| format!(" at column {column}");
        self.column.map_or_else(String::new, location)
    }

    fn name(&self) -> String {
        self.topic
            .map_or_else(|| "This".to_owned(), |topic| format!("`/{}`", topic.0))
    }

    fn sentence(&self) -> String {
        let (name, location) = (self.name(), self.location());
        match &self.problem {
            Problem::Nothing => "No command follows. `/help` lists all commands.".to_owned(),
            Problem::UnknownCommand { typed, meant } => format!(
                "There is no command {}.{} `/help` lists all commands.",
                quoted(&format!("/{typed}")),
                did_you_mean("/", *meant, "")
            ),
            Problem::UnknownMember { typed: None, .. } => {
                format!("{name} needs one more word: {}.", self.members())
            }
            Problem::UnknownMember {
                typed: Some(typed),
                meant,
            } => format!(
                "{name} cannot be followed by {}{location}.{} It takes {}.",
                quoted(typed),
                did_you_mean("/", *meant, ""),
                self.members()
            ),
            Problem::Missing { what } => format!("{name} ends where {what} is needed."),
            Problem::Unfit { typed, what } => format!("{}{location} is not {what}.", quoted(typed)),
            Problem::TooMany { typed, text } => {
                let quotes = match text {
                    true => " Write a text of several words in quotes: `reason=\"…\"`.",
                    false => " Remove it.",
                };
                format!("{}{location} is one word too many.{quotes}", quoted(typed))
            }
            Problem::UnknownKey { typed, meant } => format!(
                "{name} takes no {}, found{location}.{}",
                quoted(&format!("{typed}=")),
                did_you_mean("", *meant, "=")
            ),
            Problem::Twice { typed } => format!(
                "{} is given twice, the second time{location}. Keep one of the two.",
                quoted(typed)
            ),
            Problem::Unclosed => format!("The quote{location} does not end. Write `\"` behind it."),
            Problem::Hidden(c) => format!(
                "There is an invisible character, U+{:04X},{location}. Delete the line and type it anew.",
                u32::from(*c)
            ),
            problem => bounds(problem, &name, self.form()),
        }
    }

    /// For a command of which only this form is refused.
    fn form(&self) -> &'static str {
        let mut rows = self.topic.into_iter().flat_map(rows);
        match rows.any(|row| row.who == Who::Both) {
            true => " in this form",
            false => "",
        }
    }

    /// The second words of a family: `open`, `close` or `extend`.
    fn members(&self) -> String {
        let names = self.topic.into_iter().flat_map(rows);
        let second: Vec<String> = names
            .filter_map(|row| row.name.split_once(' '))
            .map(|(_, second)| format!("`{second}`"))
            .collect();
        match second.split_last() {
            Some((last, others)) if !others.is_empty() => {
                format!("{} or {last}", others.join(", "))
            }
            _ => second.concat(),
        }
    }
}

/// The sentences about limits of size and of right.
fn bounds(problem: &Problem, name: &str, form: &str) -> String {
    match problem {
        Problem::LineTooLong => format!(
            "The command has more than {} characters. Shorten it.",
            limits::COMMAND_CHARS_MAX
        ),
        Problem::TextTooLong => format!(
            "The text has more than {} KiB, so none of its commands was run. Write them in a comment of their own.",
            limits::COMMAND_TEXT_BYTES_MAX / 1024
        ),
        Problem::TooManyCommands { left_out } => format!(
            "At most {} commands are run from one text: this one and what follows ({left_out} in all) were not. \
             Write them in another comment.",
            limits::COMMANDS_PER_TEXT_MAX
        ),
        Problem::NotAllowed { who } => match who {
            Who::Organizer => format!("{name} is for organizers{form}."),
            Who::Participant | Who::Both => {
                format!("{name} is for members of a team, in the team's own repository.")
            }
        },
        _ => format!(
            "{name} was not run, because it came into the text by an edit. Write it in a new comment."
        ),
    }
}

fn did_you_mean(before: &str, meant: Option<&str>, after: &str) -> String {
    let ask = |name| format!(" Did you mean `{before}{name}{after}`?");
    meant.map_or_else(String::new, ask)
}

/// Text of people as code: shortened, invisible characters by their numbers, no backticks.
fn quoted(dirty: &str) -> String {
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
        let told = matches!(
            self.problem,
            Problem::NotAllowed { .. } | Problem::InEdit | Problem::LineTooLong
        );
        let Some(topic) = self.topic.filter(|_| !told) else {
            return Ok(());
        };
        let usages: Vec<String> = rows(topic)
            .map(|row| format!("`{}`", row.usage()))
            .collect();
        write!(f, "\n\nUsage: {}", usages.join(", "))
    }
}
