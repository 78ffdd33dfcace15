//! `/publish PHASE[/TASK]`: makes a hidden leaderboard public.

use super::board_settings::{BoardChange, change_boards};
use super::wording::board_names;
use super::{CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::command::{Args, BoardSelector, CommandError, CommandSpec};
use crate::model::{BoardVisibility, Setting};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    boards: BoardSelector,
}

impl CommandHandler for Publish {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "publish",
        takes: "PHASE[/TASK]",
        destructive: true,
        summary: "Makes a hidden leaderboard public.",
        details: "No command hides it again.",
        examples: &["/publish test", "/publish test/segmentation"],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        args.boards().map(|boards| Self { boards })
    }

    fn arguments(&self) -> String {
        self.boards.to_string()
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let change = BoardChange::new("publish", "not public", "public");
        let boards = change_boards(context, &self.boards, change, |overrides, board| {
            let phase = context.challenge.phase(&board.phase)?;
            let visibility = overrides.on_board(board, phase).show.board;
            let hidden = visibility == BoardVisibility::Hidden;
            hidden.then_some(Setting::Board(Some(BoardVisibility::Live)))
        });
        let names = board_names(&boards.await?);
        Ok(format!("Public: {names}. The public sees the standings now.").into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, NOW, World, arbitrary_boards};
    use super::*;
    use crate::store::PriorityClass;

    impl AnyCommand for Publish {
        fn any() -> impl Strategy<Value = Self> + 'static {
            arbitrary_boards().prop_map(|boards| Self { boards })
        }
    }

    #[tokio::test]
    async fn a_hidden_leaderboard_becomes_public() {
        let mut world = World::new().await;
        world.challenge.phases[0].show.board = BoardVisibility::Hidden;
        world.scored("a", 0.5, NOW).await;
        assert_eq!(world.board_view().await, None);
        world.organizer("/publish validation/segmentation").await;
        assert_eq!(world.ranked().await.len(), 1);
        let forge = &world.challenge.forge;
        let store = &world.store;
        let due = store.due_messages(forge, PriorityClass::Rest, NOW, 9).await;
        assert_eq!(due.unwrap().len(), 1, "the report of its team shows the score now");
        world.organizer("/publish validation").await;
        world.organizer("/publish test").await;
        world.assert_transcript("publish");
        assert_eq!(world.audit().await, ["publish"]);
    }
}
