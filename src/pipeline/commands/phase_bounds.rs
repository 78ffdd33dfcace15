//! The opening and closing time of a phase: read as they are in force, and changed by an override.

use serde_json::json;

use super::context::CommandContext;
use super::refusal::CommandResult;
use crate::command::BoardSelector;
use crate::model::{Phase, PhaseSlug, Setting, Timestamp};
use crate::store::CommandEffects;

/// A phase with the overrides that are in force.
pub(super) struct PhaseInForce {
    pub phase: Phase,
    /// The newest override of the challenge; a change that another command overtakes is refused.
    newest: i64,
}

impl PhaseInForce {
    pub(super) async fn read(context: &CommandContext<'_>, slug: &PhaseSlug) -> CommandResult<Self> {
        let in_file = context.phase(slug)?;
        let challenge = &context.challenge.slug;
        let overrides = context.store.overrides(challenge).await?;
        Ok(Self { phase: overrides.phase(challenge, in_file), newest: overrides.newest() })
    }

    pub(super) async fn open_at(self, context: &CommandContext<'_>, opens: Timestamp) -> CommandResult<String> {
        let after = Phase { opens, ..self.phase.clone() };
        let setting = Setting::Opens(Some(opens));
        self.change(context, "phase open", setting, after).await
    }

    /// Closes the phase when challenge.toml closes it.
    pub(super) async fn close_as_in_file(self, context: &CommandContext<'_>) -> CommandResult<String> {
        let after = Phase { closes: context.phase(&self.phase.slug)?.closes, ..self.phase.clone() };
        let setting = Setting::Closes(None);
        self.change(context, "phase open", setting, after).await
    }

    pub(super) async fn close_at(
        self,
        context: &CommandContext<'_>,
        action: &'static str,
        closes: Timestamp,
    ) -> CommandResult<String> {
        let after = Phase { closes, ..self.phase.clone() };
        let setting = Setting::Closes(Some(closes));
        self.change(context, action, setting, after).await
    }

    /// Stores the change and returns the reply.
    async fn change(
        self,
        context: &CommandContext<'_>,
        action: &'static str,
        setting: Setting,
        after: Phase,
    ) -> CommandResult<String> {
        let before = self.phase;
        let challenge = &context.challenge.slug;
        let bounds = |phase: &Phase| json!({ "opens": phase.opens, "closes": phase.closes });
        let detail = json!({ "before": bounds(&before), "after": bounds(&after) });
        let subject = format!("{challenge}/{}", before.slug);
        let selector = BoardSelector::of_phase(&before.slug);
        let row = context.override_of(&selector, setting, "");
        let boards = context.boards(&selector)?;
        let effects = CommandEffects { audit: &context.audit(action, subject, detail), messages: &[] };
        let (newest, now) = (self.newest, context.now);
        context.store.put_overrides(challenge, newest, &[row], &boards, effects, now).await?;
        context.publish_boards().await?;
        Ok(reply(&before, &after))
    }
}

fn reply(before: &Phase, after: &Phase) -> String {
    let mut sentences =
        vec![format!("Phase `{}` opens at {} and closes at {}.", after.slug, after.opens, after.closes)];
    if before.opens != after.opens {
        sentences.push(format!("The opening time was {} before.", before.opens));
    }
    if before.closes != after.closes {
        sentences.push(format!("The closing time was {} before.", before.closes));
    }
    sentences.join(" ")
}
