//! `/freeze PHASE[/TASK]`: the public leaderboard keeps its current standings.

use super::board_settings::{BoardChange, change_boards};
use super::wording::board_names;
use super::{CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::command::{Args, BoardSelector, CommandError, CommandSpec};
use crate::model::{FreezePoint, Setting};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    boards: BoardSelector,
}

impl CommandHandler for Freeze {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "freeze",
        takes: "PHASE[/TASK]",
        summary: "Freezes the public leaderboard.",
        details: "Evaluations continue, but the leaderboard keeps its current standings until `/unfreeze`. \
                  Organizers see the same frozen leaderboard.",
        examples: &["/freeze validation", "/freeze validation/segmentation"],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        args.boards().map(|boards| Self { boards })
    }

    fn arguments(&self) -> String {
        self.boards.to_string()
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let mut revisions = Vec::new();
        for board in context.boards(&self.boards)? {
            let current = context.store.current_scoring_revision(&board).await?;
            revisions.push((board, current.map(|revision| revision.id)));
        }
        let change = BoardChange::new("freeze", "not frozen", "frozen");
        let boards = change_boards(context, &self.boards, change, |overrides, board| {
            let (_, revision) = revisions.iter().find(|(other, _)| other == board)?;
            let point = FreezePoint { at: context.now, revision: *revision };
            let live = overrides.frozen(board).is_none();
            live.then_some(Setting::Frozen(Some(point)))
        });
        let names = board_names(&boards.await?);
        let until = "The public sees the current standings until `/unfreeze`.";
        Ok(format!("Frozen: {names}. {until}").into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, World, arbitrary_boards, later, numbered};
    use super::*;

    impl AnyCommand for Freeze {
        fn any() -> impl Strategy<Value = Self> + 'static {
            arbitrary_boards().prop_map(|boards| Self { boards })
        }
    }

    #[tokio::test]
    async fn a_frozen_leaderboard_keeps_its_standings() {
        let mut world = World::new().await;
        world.challenge.tasks[0].metrics.truncate(2);
        world.scored("a", 0.5, world.now).await;
        world.scored("b", 0.4, world.now).await;
        world.now = later(1);
        world.organizer("/freeze validation").await;
        world.now = later(2);
        world.scored("b", 0.9, later(2)).await;
        world.scored("c", 0.8, later(2)).await;
        let view = world.board_view().await.unwrap();
        assert_eq!(view.frozen, Some(later(1)));
        assert_eq!(world.ranked().await, numbered(&[("a", 1), ("b", 2)]));
        world.organizer("/freeze validation/segmentation").await;
        world.organizer("/freeze final").await;
        world.assert_transcript("freeze");
        assert_eq!(world.audit().await, ["freeze"]);
    }
}
