//! Texts and command lines to commands.
//!
//! A text is read as Markdown. A command line was split by a shell. Both use the same table.

use super::args::Args;
use super::error::{CommandError, CommandProblem};
use super::line::{self, Word};
use super::scan;
use super::table::{CommandSet, TableRow, topics};
use crate::model::{limits, suggest, text};

/// A command of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextCommand<C> {
    /// The line of the text, from 1.
    pub line: usize,
    /// The line itself, without the blanks around it.
    pub source: String,
    pub command: Result<C, CommandError>,
}

/// Every command of an issue or comment.
///
/// A command is a line of a paragraph or list item. It begins with `/` and the name of a command, or
/// a similar name, or with `@` and `bot`, the login of our account on the forge. Commands beyond a
/// limit are an error at the end of the list and never left out silently.
pub fn read_commands<C: CommandSet>(markdown: &str, bot: &str) -> Vec<TextCommand<C>> {
    if markdown.len() > limits::COMMAND_TEXT_BYTES_MAX {
        return too_long(markdown, bot).into_iter().collect();
    }
    let mut found: Vec<TextCommand<C>> = scan::lines(markdown)
        .into_iter()
        .filter_map(|line| {
            let name_start = find_command::<C>(line.text, bot)?;
            Some(TextCommand {
                line: line.number,
                source: line.text.to_owned(),
                command: parse_line(line.text, |line| line::split_line(line, name_start)),
            })
        })
        .collect();
    if found.len() > limits::COMMANDS_PER_TEXT_MAX {
        let left_out = found.len() - limits::COMMANDS_PER_TEXT_MAX;
        found.truncate(limits::COMMANDS_PER_TEXT_MAX + 1);
        if let Some(last) = found.last_mut() {
            let problem = CommandProblem::TooManyCommands { left_out };
            last.command = Err(CommandError::new(problem));
        }
    }
    found
}

/// A command from arguments that a shell has split: `["phase", "close", "validation"]`.
///
/// # Errors
/// The reply to the mistake, with columns of the line that the arguments would make.
pub fn parse_arguments<C: CommandSet>(arguments: &[&str]) -> Result<C, CommandError> {
    let (line, mut words) = line::join_arguments(arguments);
    if let Some(first) = words.first_mut() {
        first.text = first.text.trim_start_matches('/').to_owned();
    }
    parse_line(&line, |_| words)
}

/// One error for a text that is too long, if it seems to hold a command.
fn too_long<C: CommandSet>(markdown: &str, bot: &str) -> Option<TextCommand<C>> {
    let mut lines = (1..).zip(markdown.lines().map(str::trim));
    let (number, line) = lines.find(|(_, line)| find_command::<C>(line, bot).is_some())?;
    Some(TextCommand {
        line: number,
        source: line.chars().take(limits::COMMAND_CHARS_MAX).collect(),
        command: Err(CommandError::new(CommandProblem::TextTooLong)),
    })
}

/// The byte of a line at which the name of a command begins. `None` if the line contains no command.
///
/// Paths begin with `/` too, so a known or similar name must follow it. After the login of the bot, every word is a
/// command.
fn find_command<C: CommandSet>(line: &str, bot: &str) -> Option<usize> {
    // Invisible characters must not hide a command from us: it is found, then refused.
    let visible = line.trim_start_matches(|c: char| !text::is_visible(c) || c.is_whitespace());
    if let Some(behind) = visible.strip_prefix('/') {
        return is_similar_to_name::<C>(behind).then_some(line.len() - behind.len());
    }
    let behind = visible.strip_prefix('@').filter(|_| !bot.is_empty())?;
    let (login, rest) = behind.split_at_checked(bot.len())?;
    let ends = |c: char| c.is_whitespace() || ":,".contains(c);
    if !login.eq_ignore_ascii_case(bot) || !rest.chars().next().is_none_or(ends) {
        return None;
    }
    let is_blank = |c: char| ends(c) || c == '/';
    Some(line.len() - rest.trim_start_matches(is_blank).len())
}

/// Whether the text behind a `/` begins with the name of a command, or with a similar word.
fn is_similar_to_name<C: CommandSet>(behind: &str) -> bool {
    let word: String = behind.chars().take_while(|c| !c.is_whitespace()).filter(|c| text::is_visible(*c)).collect();
    let word = word.trim_end_matches(['.', ',', ';', ':', '!', '?']);
    let is_letter = |c: char| c.is_ascii_alphabetic() || matches!(c, '-' | '_');
    let is_word = !word.is_empty() && word.chars().all(is_letter);
    is_word && (family::<C>(word).next().is_some() || nearest::<C>(word).is_some())
}

fn parse_line<C: CommandSet>(line: &str, words_of: impl FnOnce(&str) -> Vec<Word>) -> Result<C, CommandError> {
    if line.chars().count() > limits::COMMAND_CHARS_MAX {
        return Err(CommandError::new(CommandProblem::LineTooLong));
    }
    let invisible = (1..).zip(line.chars()).find(|(_, c)| is_invisible(*c));
    if let Some((column, c)) = invisible {
        return Err(CommandError::new(CommandProblem::InvisibleCharacter(c)).at(column));
    }
    let mut words = words_of(line);
    let (row, end) = parse_name::<C>(&mut words)?;
    let mut args = Args::new(row.spec, line, words, end);
    let command = (row.parse)(&mut args)?;
    args.end()?;
    Ok(command)
}

/// Takes the name of a command, one word or two. Returns its row and the byte at which it ends.
fn parse_name<C: CommandSet>(words: &mut Vec<Word>) -> Result<(&'static TableRow<C>, usize), CommandError> {
    let mut rest = std::mem::take(words).into_iter();
    let Some(first) = rest.next() else {
        return Err(CommandError::new(CommandProblem::Empty));
    };
    let named = family::<C>(&first.text).next();
    let Some(any) = named.filter(|_| first.key.is_none()) else {
        let key = first.key.as_ref().map(|key| format!("{key}="));
        return Err(CommandError::new(CommandProblem::UnknownCommand {
            meant: nearest::<C>(&first.text),
            typed: format!("{}{}", key.unwrap_or_default(), first.text),
        }));
    };
    if any.spec.member().is_none() {
        *words = rest.collect();
        return Ok((any, first.end));
    }
    let second = rest.next();
    *words = rest.collect();
    let named = second.as_ref().filter(|word| word.key.is_none());
    let is_named = |row: &&TableRow<C>| {
        let member = row.spec.member().unwrap_or_default();
        named.is_some_and(|word| member == word.text.to_lowercase())
    };
    match (family::<C>(&first.text).find(is_named), &second) {
        (Some(row), Some(second)) => Ok((row, second.end)),
        _ => Err(unknown_member::<C>(any.spec.family(), second)),
    }
}

fn unknown_member<C: CommandSet>(family_name: &str, second: Option<Word>) -> CommandError {
    let specs: Vec<_> = family::<C>(family_name).map(|row| row.spec).collect();
    let meant = second.as_ref().and_then(|word| {
        let members = specs.iter().filter_map(|spec| spec.member());
        let near = suggest::nearest(&word.text, members)?;
        specs.iter().find(|spec| spec.member() == Some(near))
    });
    CommandError {
        column: second.as_ref().map(|word| word.column),
        problem: CommandProblem::UnknownMember {
            typed: second.map(|word| word.text),
            meant: meant.map(|spec| spec.name),
        },
        specs,
    }
}

/// The commands whose name begins with this word, in letters of any size.
fn family<C: CommandSet>(word: &str) -> impl Iterator<Item = &'static TableRow<C>> {
    C::TABLE.iter().filter(move |row| row.spec.family().eq_ignore_ascii_case(word))
}

/// The known name that is most similar to a word.
fn nearest<C: CommandSet>(word: &str) -> Option<&'static str> {
    let visible: String = word.chars().filter(|c| text::is_visible(*c)).collect();
    suggest::nearest(&visible, topics::<C>())
}

/// Whether a character is invisible, or changes a line invisibly. The joiners and selectors of emoji
/// are harmless: phones put them into many announcements.
fn is_invisible(c: char) -> bool {
    !text::is_visible(c) && !matches!(c, '\t' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}')
}
