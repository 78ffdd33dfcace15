//! `/discard [NUMBER]`: drops a rescore. The leaderboard does not change.

use serde_json::json;

use super::rescore_preview::{open_rescore, parse_number};
use super::wording::board_name;
use super::{CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandSpec};
use crate::store::RescoreState;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discard {
    /// None for the only open rescore.
    rescore: Option<i64>,
}

impl CommandHandler for Discard {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "discard",
        takes: "[NUMBER]",
        summary: "Discards a rescore; the leaderboard does not change.",
        details: "Give the number of the rescore if several are open.",
        examples: &["/discard", "/discard 3"],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        parse_number(args).map(|rescore| Self { rescore })
    }

    fn arguments(&self) -> String {
        self.rescore.map(|number| number.to_string()).unwrap_or_default()
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let rescore = open_rescore(context, self.rescore).await?;
        let detail = json!({
            "rescore": rescore.id,
            "before": rescore.state.as_str(),
            "after": RescoreState::Discarded.as_str(),
        });
        let audit = context.audit("rescore discard", rescore.board.to_string(), detail);
        let store = context.store;
        store.discard_rescore(rescore.id, &audit, context.now).await?;
        Ok(format!("The rescore of {} is discarded. The leaderboard does not change.", board_name(&rescore.board))
            .into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, NOW, World, arbitrary_number, numbered};
    use super::*;

    impl AnyCommand for Discard {
        fn any() -> impl Strategy<Value = Self> + 'static {
            proptest::option::of(arbitrary_number()).prop_map(|rescore| Self { rescore })
        }
    }

    #[tokio::test]
    async fn the_leaderboard_keeps_its_scores() {
        let mut world = World::new().await;
        world.challenge.tasks[0].metrics.truncate(2);
        world.scored("a", 0.5, NOW).await;
        world.scored("b", 0.4, NOW).await;
        world.organizer("/discard").await;
        world.organizer("/rescore validation/segmentation").await;
        world.rescored(&[0.3, 0.6]).await;
        world.organizer("/discard 1").await;
        world.organizer("/discard 1").await;
        assert_eq!(world.ranked().await, numbered(&[("a", 1), ("b", 2)]));
        world.assert_transcript("discard");
        assert_eq!(world.audit().await, ["rescore", "rescore discard"]);
    }
}
