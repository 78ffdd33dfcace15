//! A command that was understood: every value in it is of a checked type.
//!
//! Understood does not mean allowed, and a phase or team that is named need not exist.

use std::fmt;

use super::table::{Role, Who, row};
use super::verb::Verb;
use super::{CommandError, Problem};
use crate::model::{Duration, PhaseSlug, TaskSlug, TeamSlug, Timestamp};

/// What somebody asks for. `Display` writes it as it is read, in its plainest form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Explain all commands, or those of one name.
    Help(Option<Topic>),
    /// Tell how something stands; everything when nothing is named.
    Status(Option<Subject>),
    /// Tell what is left of the team's quota.
    Quota,
    /// Let this submission count, where the phase leaves the choice to the team.
    Choose(i64),
    /// Take a submission back: it never counts.
    Withdraw(i64),
    /// List what waits and what runs.
    Queue,
    /// Start no more evaluations, of some boards or at all.
    Pause {
        /// Which boards; all when none is named.
        scope: Option<Scope>,
        /// Shown to those who wait.
        reason: Option<String>,
    },
    /// Start evaluations again.
    Resume(Option<Scope>),
    /// Open a phase now.
    PhaseOpen(PhaseSlug),
    /// Close a phase now.
    PhaseClose(PhaseSlug),
    /// Move the end of a phase.
    PhaseExtend {
        /// Which phase.
        phase: PhaseSlug,
        /// How far.
        to: Extension,
    },
    /// Let the public board stand still.
    Freeze(Scope),
    /// Let the public board move again.
    Unfreeze(Scope),
    /// Show a hidden board to everybody.
    Publish(Scope),
    /// Evaluate a submission again.
    Rerun(i64),
    /// End what is under way of a submission and give the quota back.
    Cancel(i64),
    /// Score what is there again and show what would change.
    Rescore {
        /// Phase of the board.
        phase: PhaseSlug,
        /// Task of the board.
        task: TaskSlug,
    },
    /// Let a rescore count: that of this number, or the one that is open.
    Apply(Option<i64>),
    /// Drop a rescore: that of this number, or the one that is open.
    Discard(Option<i64>),
    /// Take a team off every board.
    Disqualify {
        /// Which team.
        team: TeamSlug,
        /// Told to the team.
        reason: String,
    },
    /// Undo a disqualification.
    Reinstate(TeamSlug),
    /// Give a team more evaluations.
    Grant {
        /// Which team.
        team: TeamSlug,
        /// How many more.
        evaluations: i64,
        /// Where they may be used.
        scope: Scope,
    },
    /// Make a team with these members.
    TeamAdd {
        /// Its name.
        team: TeamSlug,
        /// At least one, each once.
        members: Vec<Login>,
    },
    /// Let in a team whose repository was found.
    TeamApprove(TeamSlug),
    /// List all teams.
    TeamList,
    /// Tell all teams something, as Markdown.
    Announce(String),
    /// Make an archive of a phase or board.
    Export(Scope),
}

impl Command {
    /// Its name: the row of the table.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Help(_) => Verb::Help,
            Self::Status(_) => Verb::Status,
            Self::Quota => Verb::Quota,
            Self::Choose(_) => Verb::Choose,
            Self::Withdraw(_) => Verb::Withdraw,
            Self::Queue => Verb::Queue,
            Self::Pause { .. } => Verb::Pause,
            Self::Resume(_) => Verb::Resume,
            Self::PhaseOpen(_) => Verb::PhaseOpen,
            Self::PhaseClose(_) => Verb::PhaseClose,
            Self::PhaseExtend { .. } => Verb::PhaseExtend,
            Self::Freeze(_) => Verb::Freeze,
            Self::Unfreeze(_) => Verb::Unfreeze,
            Self::Publish(_) => Verb::Publish,
            Self::Rerun(_) => Verb::Rerun,
            Self::Cancel(_) => Verb::Cancel,
            Self::Rescore { .. } => Verb::Rescore,
            Self::Apply(_) => Verb::Apply,
            Self::Discard(_) => Verb::Discard,
            Self::Disqualify { .. } => Verb::Disqualify,
            Self::Reinstate(_) => Verb::Reinstate,
            Self::Grant { .. } => Verb::Grant,
            Self::TeamAdd { .. } => Verb::TeamAdd,
            Self::TeamApprove(_) => Verb::TeamApprove,
            Self::TeamList => Verb::TeamList,
            Self::Announce(_) => Verb::Announce,
            Self::Export(_) => Verb::Export,
        }
    }

    /// Whether somebody in this role may ask for it. A participant acts in the own team's
    /// repository only; whether a submission is the team's is for the caller to look up.
    ///
    /// # Errors
    /// The answer for the one who may not.
    pub fn permit(&self, role: Role) -> Result<(), CommandError> {
        let who = match self {
            // Of others, a team is told what the board says.
            Self::Status(Some(Subject::Team(_) | Subject::Scope(_))) => Who::Organizer,
            _ => row(self.verb()).who,
        };
        match who.includes(role) {
            true => Ok(()),
            false => Err(CommandError::of(self.verb(), Problem::NotAllowed { who })),
        }
    }
}

/// Boards: one of a phase, or all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// In this phase.
    pub phase: PhaseSlug,
    /// For this task; for all when none.
    pub task: Option<TaskSlug>,
}

/// What somebody wants to know the state of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A submission, by the number that people see.
    Submission(i64),
    /// A team.
    Team(TeamSlug),
    /// A phase or a board. A phase whose name is a number cannot be asked for alone.
    Scope(Scope),
}

/// How the end of a phase moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    /// By that much, from where it is. Positive.
    By(Duration),
    /// To that moment, a whole second.
    Until(Timestamp),
}

/// The name of an account on a forge, without `@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login(pub(super) String);

impl Login {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name that help is asked for: a command (`phase open`) or a family of them (`phase`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic(pub(super) &'static str);

impl Topic {
    /// As the table has it.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.task {
            Some(task) => write!(f, "{}/{task}", self.phase),
            None => write!(f, "{}", self.phase),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", row(self.verb()).name)?;
        match self {
            Self::Help(Some(topic)) => write!(f, " {}", topic.0),
            Self::Status(Some(Subject::Submission(number)))
            | Self::Choose(number)
            | Self::Withdraw(number)
            | Self::Rerun(number)
            | Self::Cancel(number) => write!(f, " #{number}"),
            Self::Status(Some(Subject::Team(team))) | Self::Reinstate(team) => {
                write!(f, " team {team}")
            }
            Self::Status(Some(Subject::Scope(scope)))
            | Self::Resume(Some(scope))
            | Self::Freeze(scope)
            | Self::Unfreeze(scope)
            | Self::Publish(scope)
            | Self::Export(scope) => write!(f, " {scope}"),
            Self::Pause { scope, reason } => {
                scope.iter().try_for_each(|scope| write!(f, " {scope}"))?;
                reason.iter().try_for_each(|reason| write_reason(f, reason))
            }
            Self::PhaseOpen(phase) | Self::PhaseClose(phase) => write!(f, " {phase}"),
            Self::PhaseExtend { phase, to } => match to {
                Extension::By(span) => write!(f, " {phase} by {}", span.written()),
                Extension::Until(timestamp) => write!(f, " {phase} until {timestamp}"),
            },
            Self::Rescore { phase, task } => write!(f, " {phase}/{task}"),
            Self::Apply(Some(number)) | Self::Discard(Some(number)) => write!(f, " {number}"),
            Self::Disqualify { team, reason } => {
                write!(f, " team {team}")?;
                write_reason(f, reason)
            }
            Self::Grant {
                team,
                evaluations,
                scope,
            } => write!(f, " team {team} {evaluations} {scope}"),
            Self::TeamAdd { team, members } => {
                write!(f, " {team}")?;
                members
                    .iter()
                    .try_for_each(|member| write!(f, " {}", member.0))
            }
            Self::TeamApprove(team) => write!(f, " {team}"),
            Self::Announce(text) => write!(f, " {text}"),
            Self::Help(None)
            | Self::Status(None)
            | Self::Quota
            | Self::Queue
            | Self::Resume(None)
            | Self::Apply(None)
            | Self::Discard(None)
            | Self::TeamList => Ok(()),
        }
    }
}

fn write_reason(f: &mut fmt::Formatter<'_>, reason: &str) -> fmt::Result {
    let escaped = reason.replace('\\', "\\\\").replace('"', "\\\"");
    write!(f, " reason=\"{escaped}\"")
}
