//! Settings of leaderboards that commands change: paused, frozen, public.
//!
//! A leaderboard that already has the requested state is not touched. If all of them have it, the
//! command is refused.

use serde_json::json;

use super::context::CommandContext;
use super::refusal::{CommandRefusal, CommandResult};
use super::wording::board_names;
use crate::command::BoardSelector;
use crate::model::{Board, Overrides, Setting};
use crate::store::CommandEffects;

/// A change of one setting, in the words of the audit log.
pub(super) struct BoardChange<'a> {
    action: &'static str,
    /// The state of a leaderboard before the change, for example `not paused`.
    before: &'static str,
    after: &'static str,
    reason: &'a str,
}

impl<'a> BoardChange<'a> {
    pub(super) fn new(action: &'static str, before: &'static str, after: &'static str) -> Self {
        Self { action, before, after, reason: "" }
    }

    pub(super) fn because(self, reason: &'a str) -> Self {
        Self { reason, ..self }
    }
}

/// Changes the selected leaderboards for which there is a new setting, and returns them.
///
/// # Errors
/// No selected leaderboard needs the change.
pub(super) async fn change_boards(
    context: &CommandContext<'_>,
    selector: &BoardSelector,
    change: BoardChange<'_>,
    new_setting: impl Fn(&Overrides, &Board) -> Option<Setting>,
) -> CommandResult<Vec<Board>> {
    let selected = context.boards(selector)?;
    let challenge = &context.challenge.slug;
    let overrides = context.store.overrides(challenge).await?;
    let (boards, rows): (Vec<_>, Vec<_>) = selected
        .iter()
        .filter_map(|board| {
            let setting = new_setting(&overrides, board)?;
            let selector = BoardSelector::of_board(board);
            let row = context.override_of(&selector, setting, change.reason);
            Some((board.clone(), row))
        })
        .unzip();
    if boards.is_empty() {
        let is = if selected.len() == 1 { "is" } else { "are" };
        let state = format!("{} {is} {}", board_names(&selected), change.after);
        return Err(CommandRefusal::NothingToDo(state));
    }
    let detail = json!({
        "before": change.before,
        "after": change.after,
        "reason": change.reason,
        "boards": boards.iter().map(Board::to_string).collect::<Vec<_>>(),
    });
    let effects = CommandEffects {
        audit: &context.audit(change.action, challenge.as_str(), detail),
        messages: &context.reports(&boards, None).await?,
    };
    let newest = overrides.newest();
    context.store.put_overrides(challenge, newest, &rows, &boards, effects, context.now).await?;
    context.publish_boards().await?;
    Ok(boards)
}
