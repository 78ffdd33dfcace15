//! Why an order was not carried out, in a sentence that says how to go on.

use std::fmt::Display;

use crate::forge::ForgeError;
use crate::model::{Outcome, Stage, Timestamp, limits};
use crate::store::StoreError;

/// What an order comes to.
pub type Answer<T> = std::result::Result<T, Refusal>;

/// Why an order was not carried out. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A name that does not exist.
    #[error("There is no {what} `{named}` here. {}", listed(known))]
    Unknown {
        /// Kind of thing.
        what: &'static str,
        /// As ordered.
        named: String,
        /// Those that exist.
        known: Vec<String>,
    },
    /// No submission has that number.
    #[error(
        "There is no submission #{number} here. Its number stands on its page and on the board."
    )]
    NoSubmission {
        /// As ordered.
        number: i64,
    },
    /// It is so already.
    #[error("Nothing to do: {0}.")]
    Already(String),
    /// A phase that is over is opened again with a new end only.
    #[error(
        "The phase `{phase}` closed at {closed}. Say until when it shall be open: \
         `phase extend {phase} <moment>`."
    )]
    Over {
        /// The phase.
        phase: String,
        /// Its end.
        closed: Timestamp,
    },
    /// An end that is not later than what there is.
    #[error("The phase `{phase}` closes at {closes} already. Name a later moment than {after}.")]
    NotLater {
        /// The phase.
        phase: String,
        /// Its end as it stands.
        closes: Timestamp,
        /// The end must be later.
        after: Timestamp,
    },
    /// A phase that has not begun cannot be closed.
    #[error(
        "The phase `{phase}` opens at {opens} only. There is nothing to close; \
         `phase open {phase}` opens it now."
    )]
    NotBegun {
        /// The phase.
        phase: String,
        /// Its beginning.
        opens: Timestamp,
    },
    /// Teams choose only where the configuration lets them.
    #[error(
        "In the phase `{phase}` the {pick} submission of a team counts; there is nothing to choose. \
         Organizers change that by `pick = \"chosen\"` in challenge.toml."
    )]
    NoChoice {
        /// The phase.
        phase: String,
        /// `best` or `last`.
        pick: &'static str,
    },
    /// A choice must be a submission of that team with a score on that board.
    #[error("#{number} cannot be chosen: {because}.")]
    Unfit {
        /// Its number.
        number: i64,
        /// What is wrong with it.
        because: String,
    },
    /// A grant is a small number.
    #[error("{amount} evaluations cannot be given. Name a number from 1 to {most}.")]
    Amount {
        /// As ordered.
        amount: u32,
        /// The largest.
        most: u32,
    },
    /// It has ended.
    #[error("#{number} has ended already: {}. Nothing is left to be withdrawn.", outcome.message())]
    Ended {
        /// Its number.
        number: i64,
        /// How it ended.
        outcome: Outcome,
    },
    /// A submission cannot be run again as ordered.
    #[error("#{number} cannot be run again{}: {because}.", at(*stage))]
    NoRerun {
        /// Its number.
        number: i64,
        /// From this stage.
        stage: Option<Stage>,
        /// Why not.
        because: &'static str,
    },
    /// A board without scores has nothing to be scored again.
    #[error(
        "The board `{board}` has no scores yet. The next submission is scored by the scorer as it is."
    )]
    NoScores {
        /// The board.
        board: String,
    },
    /// A board has one rescore at a time.
    #[error(
        "The board `{board}` is being rescored already ({state}). `rescore {board} discard` ends that."
    )]
    Rescoring {
        /// The board.
        board: String,
        /// How far it is.
        state: &'static str,
    },
    /// There is no rescore that could be shown, applied or discarded.
    #[error("The board `{board}` is not being rescored.{last} `rescore {board}` begins.")]
    NoRescore {
        /// The board.
        board: String,
        /// How the last one ended, a sentence after a blank, or nothing.
        last: String,
    },
    /// A rescore is under way.
    #[error(
        "The board `{board}` is not ready: {done} of {all} submissions are scored. Try again shortly."
    )]
    NotReady {
        /// The board.
        board: String,
        /// Scored again.
        done: usize,
        /// To be scored again.
        all: usize,
    },
    /// The board has another revision than the rescore began with.
    #[error(
        "The board `{board}` has been given another revision since. That rescore is discarded; \
         begin anew: `rescore {board}`."
    )]
    Outdated {
        /// The board.
        board: String,
    },
    /// The repository or the team belongs to somebody.
    #[error("{0}.")]
    Bound(String),
    /// The forge did not take part.
    #[error("The order was not carried out, or not all of it: {0}. It may be repeated.")]
    Forge(#[from] ForgeError),
    /// Somebody else gave an order at the same moment.
    #[error(
        "Somebody else gave an order at the same moment. Look how it stands now, and order again."
    )]
    Stale,
    /// Our fault.
    #[error("The order could not be carried out for a reason of ours. Nothing was changed.")]
    Fault(#[source] StoreError),
}

impl Refusal {
    /// A name that does not exist, with those that do.
    pub(in crate::pipeline) fn unknown<'n>(
        what: &'static str,
        named: &impl Display,
        known: impl Iterator<Item = &'n str>,
    ) -> Self {
        Self::Unknown {
            what,
            named: named.to_string(),
            known: known.map(str::to_owned).collect(),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale => Self::Stale,
            bound @ StoreError::Bound { .. } => Self::Bound(bound.to_string()),
            other => Self::Fault(other),
        }
    }
}

fn listed(known: &[String]) -> String {
    let shown: Vec<String> = known
        .iter()
        .take(limits::NAMES_LISTED_MAX)
        .map(|name| format!("`{name}`"))
        .collect();
    match known.len() - shown.len() {
        _ if known.is_empty() => "There is none at all.".to_owned(),
        0 => format!("Known: {}.", shown.join(", ")),
        more => format!("Known: {} and {more} more.", shown.join(", ")),
    }
}

fn at(stage: Option<Stage>) -> String {
    stage.map_or_else(String::new, |stage| format!(" from {stage}"))
}
