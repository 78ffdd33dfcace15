//! Tests of all commands, and the database and transcripts that the tests of single commands use.

mod grammar;
mod mistakes;
mod properties;
mod texts;
mod world;

pub(super) use properties::{
    arbitrary_boards, arbitrary_number, arbitrary_optional_boards, arbitrary_phase, arbitrary_task, arbitrary_team,
    arbitrary_text,
};
pub(super) use world::{NOW, World, assert_replies, later, numbered};

use proptest::strategy::Strategy;

use super::Command;
use crate::command::{TextCommand, read_commands};

fn read(markdown: &str) -> Vec<TextCommand<Command>> {
    read_commands(markdown, "referee")
}

/// The normal form of a line, or the reply to the mistake in it.
fn read_line(line: &str) -> String {
    let found = read(line);
    assert_eq!(found.len(), 1, "{line:?}: {found:?}");
    match &found[0].command {
        Ok(command) => command.to_string(),
        Err(error) => error.to_string(),
    }
}

/// Every command gives the tests of all commands its possible values.
pub(super) trait AnyCommand: Sized {
    fn any() -> impl Strategy<Value = Self> + 'static;
}
