//! `/team approve NAME`: a repository that waits for approval becomes the repository of its team.

use super::team_registration::{approve_request, pending_requests};
use super::{CommandContext, CommandHandler, CommandRefusal, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandSpec};
use crate::model::TeamSlug;
use crate::pipeline::observe;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamApprove {
    team: TeamSlug,
}

impl CommandHandler for TeamApprove {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "team approve",
        takes: "NAME",
        summary: "Approves a team whose repository waits for approval.",
        details: "The current state of its branches and tags is entered as its first submissions. Pushes that were \
                  overwritten before are not entered.",
        examples: &["/team approve alpha"],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        args.team_name().map(|team| Self { team })
    }

    fn arguments(&self) -> String {
        self.team.to_string()
    }

    /// A repository that cannot be read now is read by the next sweep.
    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let team = &self.team;
        let pending = pending_requests(context).await?;
        let Some(request) = pending.iter().find(|request| request.team == *team) else {
            let waiting = pending.iter().map(|request| request.team.to_string());
            return Err(CommandRefusal::NotWaiting { team: team.clone(), waiting: waiting.collect() });
        };
        let name = &request.full_name;
        let repository = approve_request(context, name).await?;
        if let Some(app) = context.daemon
            && let Err(error) = observe::observe(&app.context, &app.forges, &repository).await
        {
            let error = format!("{error:#}");
            tracing::warn!(repository = name, error, "approved repository not readable; the next sweep reads it");
        }
        Ok(format!("Team `{team}` takes part with `{name}`.").into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, NOW, World, arbitrary_team};
    use super::*;

    impl AnyCommand for TeamApprove {
        fn any() -> impl Strategy<Value = Self> + 'static {
            arbitrary_team().prop_map(|team| Self { team })
        }
    }

    #[tokio::test]
    async fn a_waiting_team_is_approved_once() {
        let mut world = World::new().await;
        world.organizer("/team approve b").await;
        world.scored("a", 0.5, NOW).await;
        world.registration_request("77", "b").await;
        world.registration_request("78", "a").await;
        world.organizer("/team approve c").await;
        world.organizer("/team approve b").await;
        world.organizer("/team approve b").await;
        world.organizer("/team approve a").await;
        world.assert_transcript("team approve");
        assert_eq!(world.audit().await, ["team approve"]);
    }
}
