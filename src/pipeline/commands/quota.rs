//! `/quota`: shows the evaluations and submissions that a team has left.

use super::wording::{board_name, table};
use super::{CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandSpec, Permission};
use crate::pipeline::policy;
use crate::rules::quota;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota;

impl CommandHandler for Quota {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "quota",
        permission: Permission::TeamMembers,
        summary: "Shows how many evaluations and submissions your team has left.",
        details: "It lists each task of the open phases. A day begins at 00:00 UTC.",
        examples: &["/quota"],
        ..CommandSpec::DEFAULT
    };

    fn parse(_: &mut Args<'_>) -> Result<Self, CommandError> {
        Ok(Self)
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let team = context.own_team()?;
        let challenge = context.challenge;
        let overrides = context.store.overrides(&challenge.slug).await?;
        let mut rows = Vec::new();
        for phase in &challenge.phases {
            let phase = overrides.phase(&challenge.slug, phase);
            if !phase.is_open(context.now) {
                continue;
            }
            for task in &challenge.tasks {
                let board = context.board(&phase.slug, &task.slug);
                let usage = context.store.usage(&board, team, 0, context.now).await?;
                let left = quota::left(policy::counts(usage), &phase.quota);
                rows.push(format!(
                    "| {} | {} | {} | {} |",
                    board_name(&board),
                    left.today,
                    left.total,
                    left.submissions_today
                ));
            }
        }
        if rows.is_empty() {
            return Ok("No phase is open.".to_owned().into());
        }
        let header = "| Leaderboard | Evaluations left today | Evaluations left in the phase \
                      | Submissions left today |\n\
                      |---|--:|--:|--:|";
        Ok(format!("{}\n\nA day begins at 00:00 UTC.", table(header, &rows)).into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, NOW, World};
    use super::*;

    impl AnyCommand for Quota {
        fn any() -> impl Strategy<Value = Self> + 'static {
            Just(Self)
        }
    }

    #[tokio::test]
    async fn quota_lists_the_open_phases() {
        let mut world = World::new().await;
        world.scored("a", 0.5, NOW).await;
        world.member("a", "/quota").await;
        world.organizer("/quota").await;
        world.organizer("/phase close validation").await;
        world.organizer("/phase close test").await;
        world.member("a", "/quota").await;
        world.assert_transcript("quota");
    }
}
