//! The new commands of an edited text. Whether the editor may give them is for the caller to find out.

use std::collections::HashMap;

use super::error::{CommandError, CommandProblem};
use super::parse::TextCommand;
use super::table::CommandSet;

/// The commands of a text that it did not have before the edit.
///
/// The order of the commands, the text around them and their spelling do not matter. A command that is
/// written once more is new once. A new destructive command becomes an error: it needs a comment of
/// its own, so that everyone can see when it was given.
pub fn new_commands<C: CommandSet>(before: &[TextCommand<C>], now: &[TextCommand<C>]) -> Vec<TextCommand<C>> {
    let mut known: HashMap<String, usize> = HashMap::new();
    for command in before {
        *known.entry(command.normal_form()).or_default() += 1;
    }
    now.iter()
        .filter(|command| match known.get_mut(&command.normal_form()) {
            Some(left) if *left > 0 => {
                *left -= 1;
                false
            }
            _ => true,
        })
        .map(refuse_destructive)
        .collect()
}

impl<C: CommandSet> TextCommand<C> {
    /// Equal for commands that mean the same. A command that cannot be parsed equals itself alone,
    /// however many blanks are between its words.
    pub fn normal_form(&self) -> String {
        match &self.command {
            Ok(command) => command.to_string(),
            Err(_) => {
                let words: Vec<&str> = self.source.split_whitespace().collect();
                words.join(" ")
            }
        }
    }
}

fn refuse_destructive<C: CommandSet>(command: &TextCommand<C>) -> TextCommand<C> {
    let mut command = command.clone();
    if let Ok(parsed) = &command.command
        && parsed.spec().destructive
    {
        let problem = CommandProblem::AddedByEdit;
        command.command = Err(CommandError::of_command(parsed.spec(), problem));
    }
    command
}
