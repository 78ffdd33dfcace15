//! L1, the text machinery of commands: comments and command lines in, commands or replies to mistakes out.
//!
//! It knows no single command. `crate::pipeline::commands` has one file for each of them and hands
//! its table in as a [`CommandSet`]. It also knows no challenge, person or forge: the caller finds out
//! whether a phase exists and who is an organizer. A line that looks like a command and cannot be
//! parsed is never dropped silently.
//!
//! In reading order: `spec` (the description of a command), `table` (all of them), `scan` (the lines of
//! a Markdown text that may be commands), `line` and `args` (one line to words, words to checked
//! values), `parse` (the three together), `selector` (phases and leaderboards), `edit` (the new
//! commands of an edited text), `error` and `help` (the replies).

mod args;
mod edit;
mod error;
mod help;
mod line;
mod parse;
mod scan;
mod selector;
mod spec;
mod table;

pub use args::{Args, named_argument};
pub use edit::new_commands;
pub use error::{CommandError, CommandProblem};
pub use help::{explain_commands, list_commands};
pub use parse::{TextCommand, parse_arguments, read_commands};
pub use selector::BoardSelector;
pub use spec::{CommandRole, CommandSpec, Permission};
pub use table::{CommandSet, TableRow, find_topic, topics};
