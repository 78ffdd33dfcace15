//! `/disqualify team NAME reason="…"`: removes a team from the ranking of all leaderboards.

use super::team_ranking::set_disqualified;
use super::wording::board_names;
use super::{CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandSpec, named_argument};
use crate::model::TeamSlug;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disqualify {
    team: TeamSlug,
    /// Shown to the team.
    reason: String,
}

impl CommandHandler for Disqualify {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "disqualify",
        takes: "team NAME reason=\"…\"",
        keys: &["reason"],
        destructive: true,
        summary: "Removes a team from the ranking of all leaderboards.",
        details: "The leaderboards list the team as disqualified, and the reports of its scored submissions show the \
                  reason. Referee rejects its later pushes with the reason, and finishes the submissions in progress. \
                  `/reinstate` reverts it.",
        examples: &["/disqualify team alpha reason=\"labels of the test set in the image\""],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        Ok(Self { team: args.team()?, reason: args.required_named("reason")? })
    }

    fn arguments(&self) -> String {
        format!("team {} {}", self.team, named_argument("reason", &self.reason))
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let team = &self.team;
        let boards = set_disqualified(context, team, true, &self.reason).await?;
        let names = board_names(&boards);
        Ok(format!(
            "Team `{team}` is disqualified and no longer ranked on {names}. Its scores are kept; \
             `/reinstate team {team}` reverts this."
        )
        .into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, NOW, World, arbitrary_team, arbitrary_text};
    use super::*;

    impl AnyCommand for Disqualify {
        fn any() -> impl Strategy<Value = Self> + 'static {
            (arbitrary_team(), arbitrary_text()).prop_map(|(team, reason)| Self { team, reason })
        }
    }

    #[tokio::test]
    async fn a_disqualified_team_is_listed_and_not_ranked() {
        let mut world = World::new().await;
        world.organizer("/disqualify team a reason=\"two names\"").await;
        world.scored("a", 0.5, NOW).await;
        world.scored("b", 0.4, NOW).await;
        world.organizer("/disqualify team a reason=\"two names\"").await;
        let view = world.board_view().await.unwrap();
        assert_eq!((view.rows.len(), view.rows[0].rank), (1, 1));
        assert_eq!(view.disqualified.len(), 1);
        world.organizer("/disqualify team a reason=\"two names\"").await;
        world.organizer("/disqualify team z reason=\"two names\"").await;
        world.assert_transcript("disqualify");
        assert_eq!(world.audit().await, ["disqualify"]);
    }
}
