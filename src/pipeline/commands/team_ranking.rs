//! Overrides about one team on leaderboards: disqualified, and the submission that it has chosen.

use serde_json::json;

use super::context::CommandContext;
use super::refusal::{CommandRefusal, CommandResult};
use crate::command::BoardSelector;
use crate::model::{Board, Override, Overrides, Setting, TeamSlug};
use crate::store::{CommandEffects, NewAuditEntry};

/// Disqualifies a team on all leaderboards of the challenge, or reverts that. Returns the changed ones.
///
/// # Errors
/// There is no such team, or it has the requested state on every leaderboard.
pub(super) async fn set_disqualified(
    context: &CommandContext<'_>,
    team: &TeamSlug,
    disqualified: bool,
    reason: &str,
) -> CommandResult<Vec<Board>> {
    context.repository_of(team).await?;
    let challenge = &context.challenge.slug;
    let overrides = context.store.overrides(challenge).await?;
    let all = BoardSelector::default();
    let mut boards = context.boards(&all)?;
    boards.retain(|board| overrides.disqualified(board, team).is_some() != disqualified);
    let (action, state) =
        if disqualified { ("disqualify", "is disqualified") } else { ("reinstate", "is not disqualified") };
    if boards.is_empty() {
        let state = format!("team `{team}` {state}");
        return Err(CommandRefusal::NothingToDo(state));
    }
    let detail = json!({
        "before": { "disqualified": !disqualified },
        "after": { "disqualified": disqualified },
        "reason": reason,
        "boards": boards.iter().map(Board::to_string).collect::<Vec<_>>(),
    });
    let audit = context.audit(action, format!("{challenge} team {team}"), detail);
    // One row for all leaderboards also covers those that challenge.toml gets later.
    let setting = Setting::Disqualified(disqualified);
    let row = context.override_of(&all, setting, reason);
    put_team_override(context, &overrides, team, row, &audit, &boards).await?;
    context.publish_boards().await?;
    Ok(boards)
}

/// Stores an override of a team, if no other command changed the overrides since they were read.
pub(super) async fn put_team_override(
    context: &CommandContext<'_>,
    read: &Overrides,
    team: &TeamSlug,
    row: Override,
    audit: &NewAuditEntry,
    boards: &[Board],
) -> CommandResult<()> {
    let row = Override { team: Some(team.clone()), ..row };
    let effects = CommandEffects { audit, messages: &context.reports(boards, Some(team)).await? };
    let (challenge, newest) = (&context.challenge.slug, read.newest());
    context.store.put_overrides(challenge, newest, &[row], boards, effects, context.now).await?;
    Ok(())
}
