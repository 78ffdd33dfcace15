//! `/unfreeze PHASE[/TASK]`: a frozen leaderboard shows the live standings again.

use super::board_settings::{BoardChange, change_boards};
use super::wording::board_names;
use super::{CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::command::{Args, BoardSelector, CommandError, CommandSpec};
use crate::model::Setting;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfreeze {
    boards: BoardSelector,
}

impl CommandHandler for Unfreeze {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "unfreeze",
        takes: "PHASE[/TASK]",
        summary: "Unfreezes a leaderboard.",
        details: "All results since `/freeze` appear at once.",
        examples: &["/unfreeze validation"],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        args.boards().map(|boards| Self { boards })
    }

    fn arguments(&self) -> String {
        self.boards.to_string()
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let change = BoardChange::new("unfreeze", "frozen", "not frozen");
        let boards = change_boards(context, &self.boards, change, |overrides, board| {
            let frozen = overrides.frozen(board).is_some();
            frozen.then_some(Setting::Frozen(None))
        });
        let names = board_names(&boards.await?);
        Ok(format!("Unfrozen: {names}. The public sees the live standings again.").into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, World, arbitrary_boards, later};
    use super::*;

    impl AnyCommand for Unfreeze {
        fn any() -> impl Strategy<Value = Self> + 'static {
            arbitrary_boards().prop_map(|boards| Self { boards })
        }
    }

    #[tokio::test]
    async fn an_unfrozen_leaderboard_shows_all_results() {
        let mut world = World::new().await;
        world.challenge.tasks[0].metrics.truncate(2);
        world.scored("a", 0.5, world.now).await;
        world.scored("b", 0.4, world.now).await;
        world.now = later(1);
        world.organizer("/unfreeze validation").await;
        world.organizer("/freeze validation").await;
        let better = world.scored("b", 0.9, later(2)).await;
        world.scored("c", 0.8, later(2)).await;
        world.now = later(3);
        world.organizer("/unfreeze validation").await;
        let ranked = world.ranked().await;
        assert_eq!(ranked.len(), 3);
        assert_eq!(ranked[0].1, better, "the better submission counts");
        world.assert_transcript("unfreeze");
        assert_eq!(world.audit().await, ["freeze", "unfreeze"]);
    }
}
