//! Texts and command lines to commands.
//!
//! A text is read as Markdown; a command line was split by a shell. Both end in the same rows.

use super::args::Args;
use super::error::{CommandError, Problem};
use super::line::{self, Word};
use super::order::{Command, Topic};
use super::scan;
use super::table::{self, Row, TABLE};
use crate::model::{limits, suggest, text};

/// A command as it stands in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Line of the text, from 1.
    pub line: usize,
    /// The line itself, without the blanks around it.
    pub source: String,
    /// What it asks for, or the answer to it.
    pub command: Result<Command, CommandError>,
}

/// Every command in an issue or comment.
///
/// A command is a line of a paragraph or list item that begins with `/` and the name of a command,
/// or something close to one, or with `@` and `bot`, the login of our own account on the forge.
/// What exceeds a limit is an error at its end, never left out.
pub fn read(markdown: &str, bot: &str) -> Vec<Written> {
    if markdown.len() > limits::COMMAND_TEXT_BYTES_MAX {
        return too_long(markdown, bot);
    }
    let mut found: Vec<Written> = scan::lines(markdown)
        .into_iter()
        .filter_map(|line| {
            let call = Call::of(line.text, bot)?;
            Some(Written {
                line: line.number,
                source: line.text.to_owned(),
                command: call.read(line.text),
            })
        })
        .collect();
    if found.len() > limits::COMMANDS_PER_TEXT_MAX {
        let left_out = found.len() - limits::COMMANDS_PER_TEXT_MAX;
        found.truncate(limits::COMMANDS_PER_TEXT_MAX + 1);
        if let Some(last) = found.last_mut() {
            let problem = Problem::TooManyCommands { left_out };
            last.command = Err(CommandError::general(problem));
        }
    }
    found
}

/// A command from arguments that a shell has split: `["phase", "close", "validation"]`.
///
/// # Errors
/// The answer for a person, with columns of the line that the arguments would make.
pub fn words(arguments: &[&str]) -> Result<Command, CommandError> {
    let (line, mut words) = line::given(arguments);
    if let Some(first) = words.first_mut() {
        first.text = first.text.trim_start_matches('/').to_owned();
    }
    understand(&line, words)
}

/// One answer for a text that is too long to be read, if there is anything to answer.
fn too_long(markdown: &str, bot: &str) -> Vec<Written> {
    let mut lines = (1..).zip(markdown.lines());
    let command = lines.find(|(_, line)| Call::of(line.trim(), bot).is_some());
    let answer = command.map(|(number, line)| Written {
        line: number,
        source: line
            .trim()
            .chars()
            .take(limits::COMMAND_CHARS_MAX)
            .collect(),
        command: Err(CommandError::general(Problem::TextTooLong)),
    });
    answer.into_iter().collect()
}

/// Where in a line the name of a command is expected, in bytes.
#[derive(Debug, Clone, Copy)]
struct Call {
    name: usize,
}

impl Call {
    /// Whether a line speaks to us. `/` alone begins paths and jokes, too, so it needs a known name
    /// behind it or one that is nearly known; after our own name everything is meant for us.
    fn of(line: &str, bot: &str) -> Option<Self> {
        // What cannot be seen must not hide a command from us: it is found, then refused.
        let seen = line.trim_start_matches(|c: char| !text::is_visible(c) || c.is_whitespace());
        if let Some(behind) = seen.strip_prefix('/') {
            return is_like_a_name(behind).then_some(Self {
                name: line.len() - behind.len(),
            });
        }
        let behind = seen.strip_prefix('@').filter(|_| !bot.is_empty())?;
        let (login, rest) = behind.split_at_checked(bot.len())?;
        let ends = |c: char| c.is_whitespace() || ":,".contains(c);
        if !login.eq_ignore_ascii_case(bot) || !rest.chars().next().is_none_or(ends) {
            return None;
        }
        let blank = |c: char| ends(c) || c == '/';
        Some(Self {
            name: line.len() - rest.trim_start_matches(blank).len(),
        })
    }

    fn read(self, line: &str) -> Result<Command, CommandError> {
        if line.chars().count() > limits::COMMAND_CHARS_MAX {
            return Err(CommandError::general(Problem::LineTooLong));
        }
        understand(line, line::split(line, self.name))
    }
}

/// Whether what follows a `/` is the name of a command, or was probably meant to be one.
fn is_like_a_name(behind: &str) -> bool {
    let word: String = behind
        .chars()
        .take_while(|c| !c.is_whitespace())
        .filter(|c| text::is_visible(*c))
        .collect();
    let word = word.trim_end_matches(['.', ',', ';', ':', '!', '?']);
    let letters = |c: char| c.is_ascii_alphabetic() || matches!(c, '-' | '_');
    let like_a_word = !word.is_empty() && word.chars().all(letters);
    like_a_word && (family(word).next().is_some() || nearest(word).is_some())
}

fn understand(line: &str, words: Vec<Word>) -> Result<Command, CommandError> {
    if line.chars().count() > limits::COMMAND_CHARS_MAX {
        return Err(CommandError::general(Problem::LineTooLong));
    }
    let hidden = (1..).zip(line.chars()).find(|(_, c)| is_hidden(*c));
    if let Some((column, c)) = hidden {
        return Err(CommandError::general(Problem::Hidden(c)).at(column));
    }
    let mut words = words;
    let (row, end) = name(&mut words)?;
    let mut args = Args::new(row, line, words, end);
    let command = (row.parse)(&mut args)?;
    args.end()?;
    Ok(command)
}

/// Takes the name of a command, one word or two, and tells where it ends.
fn name(words: &mut Vec<Word>) -> Result<(&'static Row, usize), CommandError> {
    let mut rest = std::mem::take(words).into_iter();
    let Some(first) = rest.next() else {
        return Err(CommandError::general(Problem::Nothing));
    };
    let named = family(&first.text).next();
    let Some(any) = named.filter(|_| first.key.is_none()) else {
        let key = first
            .key
            .as_ref()
            .map_or_else(String::new, |key| format!("{key}="));
        return Err(CommandError::general(Problem::UnknownCommand {
            meant: nearest(&first.text),
            typed: format!("{key}{}", first.text),
        }));
    };
    if any.name == any.family() {
        *words = rest.collect();
        return Ok((any, first.end));
    }
    let second = rest.next();
    *words = rest.collect();
    let found = second
        .as_ref()
        .filter(|word| word.key.is_none())
        .and_then(|second| {
            let member =
                |row: &&Row| row.name[any.family().len()..].trim() == second.text.to_lowercase();
            family(&first.text).find(member)
        });
    match (found, second) {
        (Some(row), Some(second)) => Ok((row, second.end)),
        (_, second) => Err(unknown_member(any.family(), second)),
    }
}

fn unknown_member(family: &'static str, second: Option<Word>) -> CommandError {
    let column = second.as_ref().map(|word| word.column);
    let members = TABLE.iter().filter(|row| row.family() == family);
    let meant = second.as_ref().and_then(|word| {
        let seconds = members.clone().filter_map(|row| row.name.split(' ').nth(1));
        let near = suggest::nearest(&word.text, seconds)?;
        members.clone().find(|row| row.name.ends_with(near))
    });
    CommandError {
        problem: Problem::UnknownMember {
            typed: second.map(|word| word.text),
            meant: meant.map(|row| row.name),
        },
        topic: Some(Topic(family)),
        column,
    }
}

/// The rows whose name begins with this word, in letters of any size.
fn family(word: &str) -> impl Iterator<Item = &'static Row> {
    TABLE
        .iter()
        .filter(move |row| row.family().eq_ignore_ascii_case(word))
}

/// The known name that was probably meant.
fn nearest(word: &str) -> Option<&'static str> {
    let visible: String = word.chars().filter(|c| text::is_visible(*c)).collect();
    suggest::nearest(&visible, table::names())
}

/// Whether nobody can see a character, or what it does to a line. What makes pictures of characters
/// is harmless: phones put it into every other announcement.
fn is_hidden(c: char) -> bool {
    !text::is_visible(c) && !matches!(c, '\t' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}')
}
