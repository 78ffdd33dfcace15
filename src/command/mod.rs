//! L1, what organizers and participants tell the platform: commands in issues, comments and on the
//! command line. Text in; checked commands or complete answers out.
//!
//! In reading order:
//! - `verb`: the names of all commands, `table`: one row for each, from which everything else
//!   comes: grammar, permission, help;
//! - `order`: a command that was understood;
//! - `scan`: which lines of a Markdown text are commands at all;
//! - `line`, `args`: one line to words, words to checked values;
//! - `parse`: the three put together, for texts and for command lines;
//! - `edit`: what is new in a text that was edited;
//! - `error`, `help`: what is answered.
//!
//! Nothing here knows a challenge, a person or a forge: whether a phase exists and whether somebody
//! is an organizer is for the caller to ask. Nothing that is not understood is ever dropped in
//! silence if it looks like a command.

mod args;
mod edit;
mod error;
mod help;
mod line;
mod order;
mod parse;
mod scan;
mod table;
#[cfg(test)]
mod tests;
mod verb;

pub use edit::fresh;
pub use error::{CommandError, Problem};
pub use help::{help, help_on};
pub use order::{Command, Extension, Login, Scope, Subject, Topic};
pub use parse::{Written, read, words};
pub use table::{Role, Row, TABLE, Who, row};
pub use verb::Verb;
