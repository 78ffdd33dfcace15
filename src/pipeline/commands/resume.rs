//! `/resume [PHASE[/TASK]]`: resumes paused evaluations.

use super::board_settings::{BoardChange, change_boards};
use super::wording::board_names;
use super::{CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::command::{Args, BoardSelector, CommandError, CommandSpec};
use crate::model::Setting;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    boards: BoardSelector,
}

impl CommandHandler for Resume {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "resume",
        takes: "[PHASE[/TASK]]",
        summary: "Resumes paused evaluations.",
        details: "Without a phase or leaderboard it resumes all of them.",
        examples: &["/resume", "/resume validation"],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        args.optional_boards().map(|boards| Self { boards })
    }

    fn arguments(&self) -> String {
        self.boards.to_string()
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let change = BoardChange::new("resume", "paused", "not paused");
        let boards = change_boards(context, &self.boards, change, |overrides, board| {
            let paused = overrides.paused(board).is_some();
            paused.then_some(Setting::Paused(false))
        });
        let names = board_names(&boards.await?);
        Ok(format!("Resumed: {names}. Referee starts evaluations there again.").into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, World, arbitrary_optional_boards};
    use super::*;

    impl AnyCommand for Resume {
        fn any() -> impl Strategy<Value = Self> + 'static {
            arbitrary_optional_boards().prop_map(|boards| Self { boards })
        }
    }

    #[tokio::test]
    async fn paused_evaluations_are_resumed() {
        let mut world = World::new().await;
        world.organizer("/resume").await;
        world.organizer("/pause").await;
        world.organizer("/resume validation").await;
        world.organizer("/resume validation").await;
        world.organizer("/resume").await;
        world.assert_transcript("resume");
        assert_eq!(world.audit().await, ["pause", "resume", "resume"]);
    }
}
