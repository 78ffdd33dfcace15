//! What organizers have ordered above `challenge.toml`, and what it makes of phases and boards.
//!
//! Precedence: an override stands above the file; of several that cover a place the newest counts,
//! whatever it covers beside. So `pause` of a challenge and then `resume` of one of its boards leaves
//! that board running. A value that is taken back lets the file speak again. Nothing here decides
//! who may order what.

use serde::{Deserialize, Serialize};

use super::challenge::{Board, BoardVisibility, Phase};
use super::ids::{ChallengeSlug, PhaseSlug, TaskSlug, TeamSlug};
use super::time::Timestamp;

/// A value above the file. With `None` or `false` it is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "key", content = "value", rename_all = "kebab-case")]
pub enum Setting {
    /// First moment of a phase.
    Opens(Option<Timestamp>),
    /// Last moment of a phase.
    Closes(Option<Timestamp>),
    /// Evaluations of a board are not started.
    Paused(bool),
    /// A board is shown as it was.
    Frozen(Option<Freeze>),
    /// Whether a board is public.
    Board(Option<BoardVisibility>),
    /// A team is not ranked.
    Disqualified(bool),
    /// The submission of a team that counts, by its number.
    Chosen(Option<i64>),
}

/// What a frozen board shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// Scores found later are left out.
    pub at: Timestamp,
    /// The evaluation revision that the board had then; none before the first score.
    pub revision: Option<i64>,
}

/// One row: what was ordered, for which part of a challenge, by whom and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Row; a larger one is newer. 0 before it is stored.
    pub id: i64,
    /// In this challenge.
    pub challenge: ChallengeSlug,
    /// In this phase alone.
    pub phase: Option<PhaseSlug>,
    /// For this task alone.
    pub task: Option<TaskSlug>,
    /// For this team alone.
    pub team: Option<TeamSlug>,
    /// What.
    pub setting: Setting,
    /// Who ordered it.
    pub actor: String,
    /// Why, in the words of who ordered it; may be empty.
    pub reason: String,
    /// When.
    pub created_at: Timestamp,
}

impl Override {
    fn covers(&self, board: &Board) -> bool {
        self.covers_phase(&board.challenge, &board.phase)
            && self.task.as_ref().is_none_or(|t| *t == board.task)
    }

    fn covers_phase(&self, challenge: &ChallengeSlug, phase: &PhaseSlug) -> bool {
        self.challenge == *challenge && self.phase.as_ref().is_none_or(|p| p == phase)
    }
}

/// All overrides, folded when asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    rows: Vec<Override>,
}

impl Overrides {
    /// Rows in any order.
    pub fn new(mut rows: Vec<Override>) -> Self {
        rows.sort_by_key(|row| row.id);
        Self { rows }
    }

    /// The newest row; 0 before the first order. An order that was decided on older rows is stale.
    pub fn newest(&self) -> i64 {
        self.rows.last().map_or(0, |row| row.id)
    }

    /// As they were at a moment.
    #[must_use]
    pub fn until(&self, timestamp: Timestamp) -> Self {
        let then = self.rows.iter().filter(|row| row.created_at <= timestamp);
        Self {
            rows: then.cloned().collect(),
        }
    }

    /// The newest value that `read` finds, with its row.
    fn find<T>(&self, read: impl Fn(&Override) -> Option<T>) -> Option<(T, &Override)> {
        let newest_first = self.rows.iter().rev();
        newest_first
            .filter_map(|row| Some((read(row)?, row)))
            .next()
    }

    /// The phase as it is in force: opened, closed or extended.
    pub fn phase(&self, challenge: &ChallengeSlug, phase: &Phase) -> Phase {
        let of = |row: &Override| row.covers_phase(challenge, &phase.slug);
        let opens = self.find(|row| match row.setting {
            Setting::Opens(at) if of(row) => Some(at),
            _ => None,
        });
        let closes = self.find(|row| match row.setting {
            Setting::Closes(at) if of(row) => Some(at),
            _ => None,
        });
        Phase {
            opens: opens.and_then(|(at, _)| at).unwrap_or(phase.opens),
            closes: closes.and_then(|(at, _)| at).unwrap_or(phase.closes),
            ..phase.clone()
        }
    }

    /// The phase as it is in force for one of its boards: [`Self::phase`] and whether that board is
    /// public.
    pub fn on_board(&self, board: &Board, phase: &Phase) -> Phase {
        let mut phase = self.phase(&board.challenge, phase);
        let visibility = self.find(|row| match row.setting {
            Setting::Board(visibility) if row.covers(board) => Some(visibility),
            _ => None,
        });
        if let Some((Some(visibility), _)) = visibility {
            phase.show.board = visibility;
        }
        phase
    }

    /// The order that keeps a board's evaluations from being started.
    pub fn paused(&self, board: &Board) -> Option<&Override> {
        let found = self.find(|row| match row.setting {
            Setting::Paused(paused) if row.covers(board) => Some(paused),
            _ => None,
        });
        found.and_then(|(paused, row)| paused.then_some(row))
    }

    /// What a board shows in place of the present.
    pub fn frozen(&self, board: &Board) -> Option<Freeze> {
        let found = self.find(|row| match row.setting {
            Setting::Frozen(freeze) if row.covers(board) => Some(freeze),
            _ => None,
        });
        found.and_then(|(freeze, _)| freeze)
    }

    /// The order that keeps a team from being ranked on a board.
    pub fn disqualified(&self, board: &Board, team: &TeamSlug) -> Option<&Override> {
        let found = self.find(|row| match row.setting {
            Setting::Disqualified(out) if row.covers(board) && row.team.as_ref() == Some(team) => {
                Some(out)
            }
            _ => None,
        });
        found.and_then(|(out, row)| out.then_some(row))
    }

    /// The number of the submission that a team has chosen on a board.
    pub fn chosen(&self, board: &Board, team: &TeamSlug) -> Option<i64> {
        let found = self.find(|row| match row.setting {
            Setting::Chosen(number) if row.covers(board) && row.team.as_ref() == Some(team) => {
                Some(number)
            }
            _ => None,
        });
        found.and_then(|(number, _)| number)
    }
}

#[cfg(test)]
mod tests;
