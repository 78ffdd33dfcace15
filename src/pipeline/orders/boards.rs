//! Pause, resume, freeze, unfreeze and publish boards: one, those of a phase or a task, or all.
//!
//! What already is as ordered stays untouched; where that is all of it, the order is refused.

use serde_json::json;

use super::{Answer, Desk, Reach, Refusal};
use crate::model::{Board, BoardVisibility, Freeze, Overrides, Setting};
use crate::store::Ordered;

/// Boards that an order has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardsChanged {
    /// At least one.
    pub boards: Vec<Board>,
}

/// Starts no more evaluations of these boards. What runs, runs to its end; rules, build and smoke
/// run go on.
///
/// # Errors
/// When all of them are paused.
pub async fn pause(desk: &Desk<'_>, reach: &Reach, why: &str) -> Answer<BoardsChanged> {
    let change = |orders: &Overrides, board: &Board| {
        (orders.paused(board).is_none()).then_some(Setting::Paused(true))
    };
    each(desk, reach, ("pause", why, "paused"), change).await
}

/// Starts evaluations of these boards again.
///
/// # Errors
/// When none of them is paused.
pub async fn resume(desk: &Desk<'_>, reach: &Reach) -> Answer<BoardsChanged> {
    let change = |orders: &Overrides, board: &Board| {
        (orders.paused(board).is_some()).then_some(Setting::Paused(false))
    };
    each(desk, reach, ("resume", "", "not paused"), change).await
}

/// Shows these boards as they are now, whatever is scored from here on.
///
/// # Errors
/// When all of them are frozen.
pub async fn freeze(desk: &Desk<'_>, reach: &Reach) -> Answer<BoardsChanged> {
    let mut revisions = Vec::new();
    for board in desk.boards(reach)? {
        let revision = desk.store.current_revision(&board).await?;
        revisions.push((board, revision.map(|r| r.id)));
    }
    let change = |orders: &Overrides, board: &Board| {
        let (_, revision) = revisions.iter().find(|(b, _)| b == board)?;
        let freeze = Freeze {
            at: desk.now,
            revision: *revision,
        };
        (orders.frozen(board).is_none()).then_some(Setting::Frozen(Some(freeze)))
    };
    each(desk, reach, ("freeze", "", "frozen"), change).await
}

/// Shows these boards live again.
///
/// # Errors
/// When none of them is frozen.
pub async fn unfreeze(desk: &Desk<'_>, reach: &Reach) -> Answer<BoardsChanged> {
    let change = |orders: &Overrides, board: &Board| {
        (orders.frozen(board).is_some()).then_some(Setting::Frozen(None))
    };
    each(desk, reach, ("unfreeze", "", "not frozen"), change).await
}

/// Makes hidden boards public.
///
/// # Errors
/// When all of them are public.
pub async fn publish(desk: &Desk<'_>, reach: &Reach) -> Answer<BoardsChanged> {
    let change = |orders: &Overrides, board: &Board| {
        let phase = orders.on_board(board, desk.challenge.phase(&board.phase)?);
        let hidden = phase.show.board == BoardVisibility::Hidden;
        hidden.then_some(Setting::Board(Some(BoardVisibility::Live)))
    };
    each(desk, reach, ("publish", "", "public"), change).await
}

/// Changes each board within reach that is to be changed; `so` says what the others are.
async fn each(
    desk: &Desk<'_>,
    reach: &Reach,
    (action, why, so): (&'static str, &str, &str),
    change: impl Fn(&Overrides, &Board) -> Option<Setting>,
) -> Answer<BoardsChanged> {
    let within = desk.boards(reach)?;
    let challenge = &desk.challenge.slug;
    let orders = desk.store.overrides(challenge).await?;
    let (boards, rows): (Vec<_>, Vec<_>) = within
        .iter()
        .filter_map(|board| {
            let setting = change(&orders, board)?;
            let row = desk.set(&Reach::of(board), None, setting, why);
            Some((board.clone(), row))
        })
        .unzip();
    if boards.is_empty() {
        let names: Vec<String> = within.iter().map(|b| format!("`{b}`")).collect();
        let are = if names.len() == 1 { "is" } else { "are" };
        let message = format!("{} {are} {so}", names.join(", "));
        return Err(Refusal::Already(message));
    }
    let detail = json!({
        "before": so_not(so),
        "after": so,
        "reason": why,
        "boards": boards.iter().map(Board::to_string).collect::<Vec<_>>(),
    });
    let audit = desk.audit(action, challenge.as_str(), detail);
    let reports = desk.reports(&boards, |_| true).await?;
    let with = Ordered {
        audit: &audit,
        boards: &boards,
        reports: &reports,
    };
    desk.store
        .put_overrides(challenge, orders.newest(), &rows, with, desk.now)
        .await?;
    Ok(BoardsChanged { boards })
}

/// The contrary of what a board is after an order.
fn so_not(so: &str) -> String {
    match so.strip_prefix("not ") {
        Some(so) => so.to_owned(),
        None => format!("not {so}"),
    }
}
