//! `/team list`: lists the teams and the registration requests.

use super::team_registration::pending_requests;
use super::wording::table;
use super::{CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandSpec};
use crate::report::escape::markdown_code;
use crate::store::Repository;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamList;

impl CommandHandler for TeamList {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "team list",
        summary: "Lists all teams, and the teams that wait for approval.",
        details: "Each team is listed with its repository and the number of its submissions.",
        examples: &["/team list"],
        ..CommandSpec::DEFAULT
    };

    fn parse(_: &mut Args<'_>) -> Result<Self, CommandError> {
        Ok(Self)
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let bound = context.repositories().await?;
        let submissions = context.store.submission_counts(&context.challenge.slug).await?;
        let row = |bound: &Repository| {
            let count = submissions.get(&bound.team).copied().unwrap_or_default();
            format!("| `{}` | {} | {count} | |", bound.team, markdown_code(&bound.full_name))
        };
        let mut rows: Vec<String> = bound.iter().map(row).collect();
        rows.extend(pending_requests(context).await?.iter().map(|request| {
            let (team, name) = (&request.team, markdown_code(&request.full_name));
            format!("| `{team}` | {name} | | waits for `/team approve {team}` |")
        }));
        if rows.is_empty() {
            let reply = "There are no teams yet. Use `/team add NAME USER…` to create one.";
            return Ok(reply.to_owned().into());
        }
        Ok(table("| Team | Repository | Submissions | |\n|---|---|--:|---|", &rows).into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, NOW, World};
    use super::*;

    impl AnyCommand for TeamList {
        fn any() -> impl Strategy<Value = Self> + 'static {
            Just(Self)
        }
    }

    #[tokio::test]
    async fn teams_and_registration_requests_are_listed() {
        let mut world = World::new().await;
        world.organizer("/team list").await;
        world.scored("a", 0.5, NOW).await;
        world.registration_request("77", "b").await;
        world.organizer("/team list").await;
        world.assert_transcript("team list");
    }
}
