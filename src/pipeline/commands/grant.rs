//! `/grant team NAME 2 PHASE[/TASK]`: grants a team additional evaluations.

use serde_json::json;

use super::wording::board_name;
use super::{CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::command::{Args, BoardSelector, CommandError, CommandSpec};
use crate::model::text::counted;
use crate::model::{Board, TeamSlug, limits};
use crate::pipeline::policy;
use crate::rules::quota;
use crate::store::Grant as NewGrant;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    team: TeamSlug,
    evaluations: u32,
    boards: BoardSelector,
}

impl CommandHandler for Grant {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "grant",
        takes: "team NAME 2 PHASE[/TASK]",
        destructive: true,
        summary: "Grants a team additional evaluations on each leaderboard of a phase, or on one.",
        details: "They are added to the quota of the phase, and today also to the quota of the day. Repeating the \
                  command grants them again.",
        examples: &["/grant team alpha 2 validation", "/grant team alpha 1 test/segmentation"],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        let most = limits::GRANT_MAX;
        Ok(Self {
            team: args.team()?,
            evaluations: args.number(most, &format!("a number of evaluations from 1 to {most}"))?,
            boards: args.boards()?,
        })
    }

    fn arguments(&self) -> String {
        format!("team {} {} {}", self.team, self.evaluations, self.boards)
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let mut replies = Vec::new();
        for board in context.boards(&self.boards)? {
            replies.push(self.grant(context, &board).await?);
        }
        context.publish_boards().await?;
        Ok(replies.join("\n").into())
    }
}

impl Grant {
    async fn grant(&self, context: &CommandContext<'_>, board: &Board) -> CommandResult<String> {
        let (team, amount) = (&self.team, self.evaluations);
        let (phase, _) = context.parts_of(board)?;
        context.repository_of(team).await?;
        let usage = async || context.store.usage(board, team, 0, context.now).await;
        let granted = policy::counts(usage().await?).granted;
        let detail = json!({
            "before": { "granted": granted },
            "after": { "granted": granted.saturating_add(amount) },
            "reason": "",
        });
        let audit = context.audit("grant", format!("{board} team {team}"), detail);
        let grant = NewGrant { board, team, amount, reason: "" };
        context.store.grant(&grant, &audit, context.now).await?;
        let left = quota::left(policy::counts(usage().await?), &phase.quota);
        Ok(format!(
            "Team `{team}` has {} on {}: {} left today, {} left in the phase.",
            counted(amount as usize, "more evaluation"),
            board_name(board),
            left.today,
            left.total
        ))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, NOW, World, arbitrary_boards, arbitrary_team};
    use super::*;

    impl AnyCommand for Grant {
        fn any() -> impl Strategy<Value = Self> + 'static {
            (arbitrary_team(), 1..=limits::GRANT_MAX, arbitrary_boards()).prop_map(|(team, evaluations, boards)| Self {
                team,
                evaluations,
                boards,
            })
        }
    }

    #[tokio::test]
    async fn a_team_gets_more_evaluations() {
        let mut world = World::new().await;
        world.challenge.phases[0].quota.total = 1;
        world.scored("a", 0.5, NOW).await;
        world.member("a", "/quota").await;
        world.organizer("/grant team a 2 validation/segmentation").await;
        world.member("a", "/quota").await;
        world.organizer("/grant team a 1 validation").await;
        world.organizer("/grant team b 1 validation").await;
        world.organizer("/grant team a 1 final").await;
        world.assert_transcript("grant");
        assert_eq!(world.audit().await, ["grant", "grant"]);
    }
}
