//! The leaderboards that a command is about. Whether they exist is for the caller to find out.

use std::fmt;

use crate::model::{Board, PhaseSlug, TaskSlug};

/// Leaderboards: all of a challenge, all of a phase, or one. The grammar of a command decides which
/// parts are required, and never accepts a task without its phase.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BoardSelector {
    /// Only leaderboards of this phase.
    pub phase: Option<PhaseSlug>,
    /// Only leaderboards of this task.
    pub task: Option<TaskSlug>,
}

impl BoardSelector {
    pub fn of_phase(phase: &PhaseSlug) -> Self {
        Self { phase: Some(phase.clone()), task: None }
    }

    pub fn of_board(board: &Board) -> Self {
        Self { phase: Some(board.phase.clone()), task: Some(board.task.clone()) }
    }

    pub fn includes(&self, board: &Board) -> bool {
        self.phase.as_ref().is_none_or(|phase| *phase == board.phase)
            && self.task.as_ref().is_none_or(|task| *task == board.task)
    }
}

/// As a command takes it: `PHASE/TASK`, `PHASE`, or nothing for all.
impl fmt::Display for BoardSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [self.phase.as_ref().map(PhaseSlug::as_str), self.task.as_ref().map(TaskSlug::as_str)];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join("/"))
    }
}
