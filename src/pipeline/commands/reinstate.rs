//! `/reinstate team NAME`: reverts a disqualification.

use super::team_ranking::set_disqualified;
use super::wording::board_names;
use super::{CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandSpec};
use crate::model::TeamSlug;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reinstate {
    team: TeamSlug,
}

impl CommandHandler for Reinstate {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "reinstate",
        takes: "team NAME",
        summary: "Reverts a disqualification.",
        details: "The team and its submissions are ranked again.",
        examples: &["/reinstate team alpha"],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        args.team().map(|team| Self { team })
    }

    fn arguments(&self) -> String {
        format!("team {}", self.team)
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let team = &self.team;
        let boards = set_disqualified(context, team, false, "").await?;
        let names = board_names(&boards);
        Ok(format!("Team `{team}` is ranked again on {names}.").into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, NOW, World, arbitrary_team};
    use super::*;

    impl AnyCommand for Reinstate {
        fn any() -> impl Strategy<Value = Self> + 'static {
            arbitrary_team().prop_map(|team| Self { team })
        }
    }

    #[tokio::test]
    async fn a_reinstated_team_is_ranked_again() {
        let mut world = World::new().await;
        world.scored("a", 0.5, NOW).await;
        world.scored("b", 0.4, NOW).await;
        world.organizer("/reinstate team a").await;
        world.organizer("/disqualify team a reason=\"two names\"").await;
        assert_eq!(world.ranked().await.len(), 1);
        world.organizer("/reinstate team a").await;
        assert_eq!(world.ranked().await.len(), 2);
        world.organizer("/reinstate team z").await;
        world.assert_transcript("reinstate");
        assert_eq!(world.audit().await, ["disqualify", "reinstate"]);
    }
}
