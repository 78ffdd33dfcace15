//! The table of commands that the text machinery is given, and the names in it.

use std::fmt;

use super::args::Args;
use super::error::{CommandError, CommandProblem};
use super::spec::CommandSpec;
use crate::model::suggest;

/// A closed set of commands. The `Display` of a command is its normal form, which parses back to it.
pub trait CommandSet: Clone + fmt::Display + 'static {
    /// Every command, in the order in which help lists them.
    const TABLE: &'static [TableRow<Self>];

    /// The description of this command.
    fn spec(&self) -> &'static CommandSpec;
}

/// A description with the parser of its arguments.
pub struct TableRow<C> {
    pub spec: &'static CommandSpec,
    pub parse: fn(&mut Args<'_>) -> Result<C, CommandError>,
}

/// The descriptions of a table.
pub(super) fn specs<C: CommandSet>() -> impl Iterator<Item = &'static CommandSpec> {
    C::TABLE.iter().map(|row| row.spec)
}

/// Every name that `/help NAME` takes: commands and families, in the order of the table.
pub fn topics<C: CommandSet>() -> impl Iterator<Item = &'static str> {
    let names = specs::<C>().flat_map(|spec| [spec.family(), spec.name]);
    let mut before = "";
    names.filter(move |name| std::mem::replace(&mut before, name) != *name)
}

/// The command or family of this name, in letters of any size.
///
/// # Errors
/// No command has this name; the error suggests the most similar one.
pub fn find_topic<C: CommandSet>(name: &str) -> Result<&'static str, CommandError> {
    topics::<C>().find(|topic| topic.eq_ignore_ascii_case(name)).ok_or_else(|| {
        CommandError::new(CommandProblem::UnknownCommand {
            typed: name.to_owned(),
            meant: suggest::nearest(name, topics::<C>()),
        })
    })
}
