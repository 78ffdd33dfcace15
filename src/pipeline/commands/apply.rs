//! `/apply [NUMBER]`: the leaderboard shows the scores of a rescore.

use serde_json::json;

use super::rescore_preview::{RescoreProgress, describe_changes, open_rescore, parse_number};
use super::wording::board_name;
use super::{CommandContext, CommandHandler, CommandRefusal, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandSpec};
use crate::store::{ApplyResult, CommandEffects};

/// Decimals of the values in the reply.
const DECIMALS: u8 = 3;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apply {
    /// None for the only open rescore.
    rescore: Option<i64>,
}

impl CommandHandler for Apply {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "apply",
        takes: "[NUMBER]",
        destructive: true,
        summary: "Applies a rescore to the leaderboard.",
        details: "Give the number of the rescore if several are open.",
        examples: &["/apply", "/apply 3"],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        parse_number(args).map(|rescore| Self { rescore })
    }

    fn arguments(&self) -> String {
        self.rescore.map(|number| number.to_string()).unwrap_or_default()
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let store = context.store;
        let rescore = open_rescore(context, self.rescore).await?;
        let RescoreProgress { changes, submissions, .. } = RescoreProgress::read(context, &rescore).await?;
        let reports: Vec<_> = submissions.iter().flat_map(|record| context.report(record)).collect();
        let moved = changes.iter().filter(|change| change.moves());
        let moved = moved.map(|c| json!({ "team": c.team, "before": c.rank_before, "after": c.rank_after }));
        let detail = json!({
            "rescore": rescore.id,
            "before": { "revision": rescore.from_revision },
            "ranks": moved.collect::<Vec<_>>(),
        });
        let board = rescore.board;
        let audit = context.audit("rescore apply", board.to_string(), detail);
        let effects = CommandEffects { audit: &audit, messages: &reports };
        let applied = store.apply_rescore(rescore.id, effects, context.now);
        let revision = match applied.await? {
            ApplyResult::Applied { revision, .. } => revision,
            ApplyResult::NotReady { done, all } => {
                return Err(CommandRefusal::RescoreNotReady { board, done, all });
            }
            ApplyResult::Outdated => return Err(CommandRefusal::RescoreOutdated { board }),
        };
        context.publish_boards().await?;
        Ok(format!(
            "{} shows scoring revision {revision} instead of {}. {}",
            board_name(&board),
            rescore.from_revision,
            describe_changes(&changes, DECIMALS)
        )
        .into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, NOW, World, arbitrary_number, numbered};
    use super::*;

    impl AnyCommand for Apply {
        fn any() -> impl Strategy<Value = Self> + 'static {
            proptest::option::of(arbitrary_number()).prop_map(|rescore| Self { rescore })
        }
    }

    #[tokio::test]
    async fn the_leaderboard_shows_the_new_scores() {
        let mut world = World::new().await;
        world.challenge.tasks[0].metrics.truncate(2);
        world.scored("a", 0.5, NOW).await;
        world.scored("b", 0.4, NOW).await;
        world.organizer("/apply").await;
        world.organizer("/rescore validation/segmentation").await;
        world.rescored(&[0.3]).await;
        world.organizer("/apply").await;
        world.rescored(&[0.6]).await;
        assert_eq!(world.ranked().await, numbered(&[("a", 1), ("b", 2)]));
        world.organizer("/apply").await;
        assert_eq!(world.ranked().await, numbered(&[("b", 2), ("a", 1)]));
        world.organizer("/apply 1").await;
        world.organizer("/apply 7").await;
        world.assert_transcript("apply");
        assert_eq!(world.audit().await, ["rescore", "rescore apply"]);
    }
}
