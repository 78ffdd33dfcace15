//! `/pause [PHASE[/TASK]] [REASON…]`: pauses evaluations.

use super::board_settings::{BoardChange, change_boards};
use super::wording::board_names;
use super::{CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::command::{Args, BoardSelector, CommandError, CommandSpec, named_argument};
use crate::model::Setting;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    boards: BoardSelector,
    /// Shown to the teams whose submissions wait.
    reason: Option<String>,
}

impl CommandHandler for Pause {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "pause",
        takes: "[PHASE[/TASK]] [REASON…]",
        keys: &["reason"],
        summary: "Pauses evaluations of a leaderboard, a phase or the whole challenge.",
        details: "Running evaluations continue, and pushes are still checked, built and run on the sample. Teams \
                  whose submissions wait see the reason. Without a phase, write the reason in quotes: \
                  `/pause \"GPU node is down\"`.",
        examples: &[
            "/pause",
            "/pause validation the GPU node is down",
            "/pause validation/segmentation",
            "/pause reason=\"the GPU node is down\"",
        ],
        ..CommandSpec::DEFAULT
    };

    /// Without a phase, the reason must be in quotes: a misspelled phase must not pause everything.
    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        let mut boards = BoardSelector::default();
        let mut reason = args.named("reason")?;
        match args.next_word()? {
            None => {}
            Some(word) if word.quoted && reason.is_none() => reason = Some(args.not_empty(&word)?),
            Some(word) => {
                boards = args.boards_in(&word)?;
                if reason.is_none() {
                    reason = args.rest_or_quoted()?;
                }
            }
        }
        Ok(Self { boards, reason })
    }

    fn arguments(&self) -> String {
        let reason = self.reason.as_deref().map(|text| named_argument("reason", text));
        let words = [self.boards.to_string(), reason.unwrap_or_default()];
        words.join(" ").trim().to_owned()
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let reason = self.reason.as_deref().unwrap_or_default();
        let change = BoardChange::new("pause", "not paused", "paused").because(reason);
        let boards = change_boards(context, &self.boards, change, |overrides, board| {
            let running = overrides.paused(board).is_none();
            running.then_some(Setting::Paused(true))
        });
        let names = board_names(&boards.await?);
        Ok(format!("Paused: {names}. Referee starts no further evaluations there.").into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, World, arbitrary_optional_boards, arbitrary_text};
    use super::*;

    impl AnyCommand for Pause {
        fn any() -> impl Strategy<Value = Self> + 'static {
            (arbitrary_optional_boards(), proptest::option::of(arbitrary_text()))
                .prop_map(|(boards, reason)| Self { boards, reason })
        }
    }

    #[tokio::test]
    async fn a_pause_covers_one_phase_or_everything() {
        let mut world = World::new().await;
        world.organizer("/pause validation/segmentation the disk is full").await;
        world.organizer("/pause validation").await;
        world.organizer("/pause").await;
        world.organizer("/pause").await;
        world.organizer("/pause final").await;
        world.organizer("/pause validation/detection").await;
        world.member("a", "/pause").await;
        world.assert_transcript("pause");
        assert_eq!(world.audit().await, ["pause", "pause"]);
        let slug = &world.challenge.slug;
        let overrides = world.store.overrides(slug).await.unwrap();
        let paused = overrides.paused(&world.board).unwrap();
        assert_eq!(paused.reason, "the disk is full");
    }
}
