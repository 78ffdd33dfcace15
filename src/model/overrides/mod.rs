//! The settings that commands change above `challenge.toml`, and the phases and leaderboards that result.
//!
//! An override has precedence over the file. If several overrides cover a leaderboard, the newest
//! counts, even if it covers more: `/pause` of a challenge and then `/resume` of one of its leaderboards
//! leaves that one running. A value that is taken back makes the file count again. Permission is
//! granted elsewhere.

use serde::{Deserialize, Serialize};

use super::challenge::{Board, BoardVisibility, Phase};
use super::ids::{ChallengeSlug, PhaseSlug, TaskSlug, TeamSlug};
use super::time::Timestamp;

/// A value with precedence over the file. `None` and `false` take it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "key", content = "value", rename_all = "kebab-case")]
pub enum Setting {
    /// The opening time of a phase.
    Opens(Option<Timestamp>),
    /// The closing time of a phase, at which it is still open.
    Closes(Option<Timestamp>),
    /// Whether Referee starts no evaluations of a leaderboard.
    Paused(bool),
    /// A leaderboard shows the standings of this point.
    Frozen(Option<FreezePoint>),
    /// Whether a leaderboard is public.
    Board(Option<BoardVisibility>),
    /// Whether a team is not ranked.
    Disqualified(bool),
    /// The number of the submission that a team has chosen.
    Chosen(Option<i64>),
}

/// The point whose standings a frozen leaderboard shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreezePoint {
    /// Later scores are left out.
    pub at: Timestamp,
    /// The scoring revision that was current; none before the first score.
    pub revision: Option<i64>,
}

/// One setting for a part of a challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The row; a larger one is newer. 0 before it is stored.
    pub id: i64,
    pub challenge: ChallengeSlug,
    /// Only in this phase.
    pub phase: Option<PhaseSlug>,
    /// Only for this task.
    pub task: Option<TaskSlug>,
    /// Only for this team.
    pub team: Option<TeamSlug>,
    pub setting: Setting,
    /// An [`Actor`](super::Actor) as the audit log stores it.
    pub actor: String,
    /// The reason in the words of its author; may be empty.
    pub reason: String,
    pub created_at: Timestamp,
}

impl Override {
    fn covers(&self, board: &Board) -> bool {
        self.covers_phase(&board.challenge, &board.phase) && self.task.as_ref().is_none_or(|t| *t == board.task)
    }

    fn covers_phase(&self, challenge: &ChallengeSlug, phase: &PhaseSlug) -> bool {
        self.challenge == *challenge && self.phase.as_ref().is_none_or(|p| p == phase)
    }
}

/// All overrides of one challenge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    rows: Vec<Override>,
}

impl Overrides {
    /// From rows in any order.
    pub fn new(mut rows: Vec<Override>) -> Self {
        rows.sort_by_key(|row| row.id);
        Self { rows }
    }

    /// The newest row; 0 before the first. A change that was decided on older rows is stale.
    pub fn newest(&self) -> i64 {
        self.rows.last().map_or(0, |row| row.id)
    }

    /// The overrides that existed at a time.
    #[must_use]
    pub fn until(&self, timestamp: Timestamp) -> Self {
        let then = self.rows.iter().filter(|row| row.created_at <= timestamp);
        Self { rows: then.cloned().collect() }
    }

    /// The newest value that `read` returns, with its row.
    fn find<T>(&self, read: impl Fn(&Override) -> Option<T>) -> Option<(T, &Override)> {
        let newest_first = self.rows.iter().rev();
        newest_first.filter_map(|row| Some((read(row)?, row))).next()
    }

    /// The phase with the opening and closing time in force.
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

    /// [`Self::phase`] with the visibility of one of its leaderboards.
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

    /// The override that pauses a leaderboard, if it is paused.
    pub fn paused(&self, board: &Board) -> Option<&Override> {
        let found = self.find(|row| match row.setting {
            Setting::Paused(paused) if row.covers(board) => Some(paused),
            _ => None,
        });
        found.and_then(|(paused, row)| paused.then_some(row))
    }

    /// The point whose standings a frozen leaderboard shows.
    pub fn frozen(&self, board: &Board) -> Option<FreezePoint> {
        let found = self.find(|row| match row.setting {
            Setting::Frozen(point) if row.covers(board) => Some(point),
            _ => None,
        });
        found.and_then(|(point, _)| point)
    }

    /// The override that disqualifies a team on a leaderboard, if it is disqualified.
    pub fn disqualified(&self, board: &Board, team: &TeamSlug) -> Option<&Override> {
        let found = self.find(|row| match row.setting {
            Setting::Disqualified(out) if row.covers(board) && row.team.as_ref() == Some(team) => Some(out),
            _ => None,
        });
        found.and_then(|(out, row)| out.then_some(row))
    }

    /// The number of the submission that a team has chosen on a leaderboard.
    pub fn chosen(&self, board: &Board, team: &TeamSlug) -> Option<i64> {
        let found = self.find(|row| match row.setting {
            Setting::Chosen(number) if row.covers(board) && row.team.as_ref() == Some(team) => Some(number),
            _ => None,
        });
        found.and_then(|(number, _)| number)
    }
}

#[cfg(test)]
mod tests;
