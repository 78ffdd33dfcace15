//! The reasons for which a command that was understood and permitted is not carried out.
//!
//! Each states the problem and the way out in plain sentences, as Markdown. Mistakes in the text of
//! a command are `crate::command::CommandError`.

use std::fmt::Display;

use super::wording::board_name;
use crate::command::CommandError;
use crate::forge::ForgeError;
use crate::model::text::counted;
use crate::model::{Board, Outcome, PhaseSlug, TeamSlug, Timestamp, limits};
use crate::store::{RescoreState, StoreError};

pub type CommandResult<T> = std::result::Result<T, CommandRefusal>;

/// Why a command is not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandRefusal {
    /// The repository no longer takes commands.
    #[error("Referee no longer takes commands from this repository.")]
    NoSource,
    /// A recorded command is none for this version of Referee.
    #[error("This version of Referee does not know the command.")]
    NotUnderstood,
    /// The command is for other roles, or a recorded one is wrong for this version of Referee.
    #[error(transparent)]
    NotPermitted(#[from] CommandError),
    #[error("Only members of this team and organizers can use this command.")]
    NotMember,
    #[error("Only organizers can use commands in this repository.")]
    NotOrganizer,
    #[error(
        "challenge.toml does not name the organizers, so Referee takes no commands from them. Set `organizers` to \
         a team of the forge."
    )]
    NoOrganizers,
    #[error(
        "Referee cannot find out who is an organizer, because the forge does not show it the members of `{0}`. The \
         maintainer of this server must add the account of Referee to that team; see `referee doctor`."
    )]
    OrganizersHidden(String),
    #[error("Unknown {kind} `{name}`. {}", listed("Known", known))]
    Unknown {
        kind: &'static str,
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    #[error("Submission #{number} not found. You can find the number on the submission page.")]
    UnknownSubmission { number: i64 },
    #[error("Team `{team}` does not wait for approval. {}", listed("Waiting", waiting))]
    NotWaiting {
        team: TeamSlug,
        /// The teams that wait.
        waiting: Vec<String>,
    },
    /// The current state is the requested one. The text is the end of the sentence.
    #[error("Nothing to do: {0}.")]
    NothingToDo(String),
    #[error("This command is for teams, in their own repositories. Organizers can add evaluations with `/grant`.")]
    NeedsTeam,
    #[error("The reply would show other teams to this one. Use the command in a repository of the organizers.")]
    AboutAllTeams,
    #[error("This command needs the running daemon. Start it with `referee serve`.")]
    NeedsDaemon,
    #[error(
        "Phase `{phase}` closed at {closed}. To open it again, give it a new end: `/phase extend {phase} until TIME`."
    )]
    PhaseOver { phase: PhaseSlug, closed: Timestamp },
    #[error("Phase `{phase}` closes at {closes}. The new end must be later than {after}.")]
    EndNotLater { phase: PhaseSlug, closes: Timestamp, after: Timestamp },
    #[error(
        "Phase `{phase}` is not open yet, so it cannot be closed. It opens at {opens}; `/phase open {phase}` \
         opens it now."
    )]
    PhaseNotOpened { phase: PhaseSlug, opens: Timestamp },
    #[error(
        "In phase `{phase}` the {pick} submission of a team counts, so a team cannot choose. Organizers can \
         change this with `pick = \"chosen\"` in challenge.toml."
    )]
    NoChoice {
        phase: PhaseSlug,
        /// `best` or `last`.
        pick: &'static str,
    },
    #[error("Submission #{number} cannot be chosen: it {problem}.")]
    CannotChoose { number: i64, problem: &'static str },
    #[error("Submission #{number} has already ended ({}), so it cannot be withdrawn or cancelled.", outcome.as_str())]
    Ended { number: i64, outcome: Outcome },
    #[error("Submission #{number} cannot be run again: {problem}.")]
    CannotRerun { number: i64, problem: &'static str },
    #[error(
        "Leaderboard {} has no scores yet, so there is nothing to score again. The next submission is scored by \
         the current scorer.",
        board_name(board)
    )]
    NoScores { board: Board },
    #[error(
        "Leaderboard {} is already being scored again ({}). Use `/discard {rescore}` to stop that.",
        board_name(board),
        state.as_str()
    )]
    RescoreOpen { board: Board, rescore: i64, state: RescoreState },
    #[error(
        "Leaderboard {} is not being scored again.{last} Use `/rescore {}/{}` to start.",
        board_name(board),
        board.phase,
        board.task
    )]
    NoRescore {
        board: Board,
        /// The end of the last rescore as a sentence after a blank, or nothing.
        last: String,
    },
    #[error("There is no open rescore, or none with this number. Use `/rescore PHASE/TASK` to start one.")]
    NoOpenRescore,
    #[error("Several rescores are open. Give the number of one of them: {}.", open.join(", "))]
    SeveralRescores {
        /// Each with its number and leaderboard.
        open: Vec<String>,
    },
    #[error(
        "The rescore of {} is not ready: {done} of {} are scored. Try again later.",
        board_name(board),
        counted(*all, "submission")
    )]
    RescoreNotReady { board: Board, done: usize, all: usize },
    #[error(
        "Leaderboard {} has a newer scoring revision than this rescore started from. Referee discarded the rescore. \
         Start again: `/rescore {}/{}`.",
        board_name(board),
        board.phase,
        board.task
    )]
    RescoreOutdated { board: Board },
    /// The team has another repository, or the repository belongs to another team.
    #[error("{0}.")]
    Bound(String),
    #[error(
        "Referee could not complete the command because of the forge: {0}. Fix the cause, then repeat the command."
    )]
    Forge(#[from] ForgeError),
    #[error("Another command changed this at the same time. Check the current state and try again.")]
    Stale,
    /// A platform error. Its author gets an incident number instead of this text.
    #[error("The command failed because of a platform error.")]
    Fault(#[source] anyhow::Error),
}

impl CommandRefusal {
    /// A name that does not exist, with those that do.
    pub(super) fn unknown<N: Display>(kind: &'static str, name: &impl Display, known: impl Iterator<Item = N>) -> Self {
        Self::Unknown { kind, name: name.to_string(), known: known.map(|name| name.to_string()).collect() }
    }
}

impl From<StoreError> for CommandRefusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale => Self::Stale,
            bound @ StoreError::RepositoryConflict { .. } => Self::Bound(bound.to_string()),
            other => Self::Fault(other.into()),
        }
    }
}

impl From<anyhow::Error> for CommandRefusal {
    fn from(error: anyhow::Error) -> Self {
        Self::Fault(error)
    }
}

fn listed(label: &str, known: &[String]) -> String {
    let names = known.iter().take(limits::NAMES_LISTED_MAX);
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match known.len() - names.len() {
        _ if known.is_empty() => format!("{label}: none."),
        0 => format!("{label}: {}.", names.join(", ")),
        more => format!("{label}: {} and {more} more.", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW, assert_replies};
    use super::*;
    use crate::model::{ChallengeSlug, TaskSlug};

    fn board() -> Board {
        Board {
            challenge: ChallengeSlug::new("nuclei").unwrap(),
            phase: PhaseSlug::new("test").unwrap(),
            task: TaskSlug::new("segmentation").unwrap(),
        }
    }

    /// The transcripts of the commands have most refusals; these are the others.
    #[test]
    fn refusals_state_the_problem_and_the_way_out() {
        let names: Vec<String> = (1..=12).map(|n| format!("team-{n}")).collect();
        let refusals = [
            CommandRefusal::NoSource,
            CommandRefusal::NotUnderstood,
            CommandRefusal::NotMember,
            CommandRefusal::NotOrganizer,
            CommandRefusal::NoOrganizers,
            CommandRefusal::OrganizersHidden("nuclei/organizers".to_owned()),
            CommandRefusal::unknown("team", &"z", names.iter()),
            CommandRefusal::unknown("team", &"z", [""; 0].iter()),
            CommandRefusal::NeedsTeam,
            CommandRefusal::AboutAllTeams,
            CommandRefusal::SeveralRescores { open: vec![format!("`3` ({})", board_name(&board()))] },
            CommandRefusal::RescoreOutdated { board: board() },
            CommandRefusal::NoRescore { board: board(), last: " State of the last rescore: discarded.".to_owned() },
            CommandRefusal::PhaseOver { phase: board().phase, closed: NOW },
            CommandRefusal::Forge(ForgeError::Archived),
            CommandRefusal::Stale,
            CommandRefusal::Fault(anyhow::anyhow!("the disk is full")),
        ];
        let texts = refusals.iter().map(ToString::to_string);
        assert_replies("refusals", &texts.collect::<Vec<_>>().join("\n\n"));
    }
}
