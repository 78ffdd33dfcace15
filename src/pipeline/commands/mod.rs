//! Commands that organizers and teams give: one file for each command, with its grammar, permission,
//! help, handler, replies and tests.
//!
//! A comment becomes rows in `inbox`, `execution` carries the rows out, `permission` finds out who may give
//! a command, and `context` looks up the things that it names. `refusal` has the reasons against it. Files
//! whose name is not a command hold code that several commands share.
//!
//! A new command is a new file and two lines here: its module, and its entry in the list below. The list
//! makes the type [`Command`], the table for parsing and help, and every `match`.

mod context;
mod execution;
mod inbox;
mod permission;
mod refusal;
#[cfg(test)]
mod tests;
mod wording;

mod board_settings;
mod end_submission;
mod phase_bounds;
pub mod rescore_preview;
mod team_ranking;
pub mod team_registration;

mod announce;
mod apply;
mod audit;
mod cancel;
mod choose;
mod discard;
mod disqualify;
mod export;
mod freeze;
mod grant;
mod help;
mod pause;
mod phase_close;
mod phase_extend;
mod phase_open;
mod publish;
mod queue;
mod quota;
mod reinstate;
mod rerun;
mod rescore;
mod resume;
mod status;
mod team_add;
mod team_approve;
mod team_list;
mod unfreeze;
mod withdraw;

use std::fmt;

use crate::command::{Args, CommandError, CommandSet, CommandSpec, Permission, TableRow};

pub use context::CommandContext;
pub use execution::{end_interrupted_commands, step};
pub use inbox::receive_commands;
pub use permission::COMMAND_LINE;
pub use refusal::{CommandRefusal, CommandResult};

/// One command: its arguments, and all that Referee knows about it.
trait CommandHandler: Sized {
    const SPEC: &'static CommandSpec;

    /// Parses the arguments. Words that it leaves over are an error.
    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError>;

    /// The arguments as they are parsed, in their normal form.
    fn arguments(&self) -> String {
        String::new()
    }

    /// Who may give the command with these arguments.
    fn permission(&self) -> Permission {
        Self::SPEC.permission
    }

    /// Carries the command out. Permission was granted before.
    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply>;
}

/// The reply to a command that was carried out, as Markdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandReply {
    Now(String),
    /// The command continues in the background, and the reply follows.
    Later,
}

impl From<String> for CommandReply {
    fn from(text: String) -> Self {
        Self::Now(text)
    }
}

macro_rules! commands {
    ($($module:ident::$name:ident,)+) => {
        /// A command that was understood. It may be forbidden, and the things that it names need not exist.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Command {
            $($name($module::$name),)+
        }

        impl CommandSet for Command {
            const TABLE: &'static [TableRow<Self>] = &[$(TableRow {
                spec: $module::$name::SPEC,
                parse: |args| Ok(Self::$name($module::$name::parse(args)?)),
            },)+];

            fn spec(&self) -> &'static CommandSpec {
                match self {
                    $(Self::$name(_) => $module::$name::SPEC,)+
                }
            }
        }

        impl Command {
            fn arguments(&self) -> String {
                match self {
                    $(Self::$name(command) => command.arguments(),)+
                }
            }

            fn permission(&self) -> Permission {
                match self {
                    $(Self::$name(command) => command.permission(),)+
                }
            }

            /// Carries the command out. Permission was granted before.
            ///
            /// # Errors
            /// The refusal is the reply. Usually nothing was changed; a forge can have failed in between.
            pub async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
                match self {
                    $(Self::$name(command) => command.run(context).await,)+
                }
            }

            #[cfg(test)]
            fn any() -> impl proptest::strategy::Strategy<Value = Self> {
                use proptest::strategy::{Strategy as _, Union};
                Union::new([$(
                    <$module::$name as tests::AnyCommand>::any().prop_map(Self::$name).boxed(),
                )+])
            }
        }
    };
}

// In the order in which help lists them.
commands! {
    help::Help,
    status::Status,
    quota::Quota,
    choose::Choose,
    withdraw::Withdraw,
    queue::Queue,
    pause::Pause,
    resume::Resume,
    phase_open::PhaseOpen,
    phase_close::PhaseClose,
    phase_extend::PhaseExtend,
    freeze::Freeze,
    unfreeze::Unfreeze,
    publish::Publish,
    rerun::Rerun,
    cancel::Cancel,
    rescore::Rescore,
    apply::Apply,
    discard::Discard,
    disqualify::Disqualify,
    reinstate::Reinstate,
    grant::Grant,
    team_add::TeamAdd,
    team_approve::TeamApprove,
    team_list::TeamList,
    announce::Announce,
    export::Export,
    audit::Audit,
}

/// The normal form, which parses back to the same command: `/grant team alpha 2 validation`.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("/{} {}", self.spec().name, self.arguments());
        f.write_str(line.trim_end())
    }
}
