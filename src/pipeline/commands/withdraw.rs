//! `/withdraw #12`: ends a submission that is in progress.

use super::end_submission::{cancel_submission, withdraw_submission};
use super::{CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandRole, CommandSpec, Permission};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdraw {
    submission: i64,
}

impl CommandHandler for Withdraw {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "withdraw",
        takes: "#12",
        permission: Permission::Both,
        destructive: true,
        summary: "Withdraws a submission that is in progress.",
        details: "A submission that has ended, for example with a score, cannot be withdrawn. A team can withdraw only \
                  its own submissions. The evaluation is charged if its run on hidden data has started. For an \
                  organizer this is the same as `/cancel`.",
        examples: &["/withdraw #12"],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        args.submission().map(|submission| Self { submission })
    }

    fn arguments(&self) -> String {
        format!("#{}", self.submission)
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let reply = match context.role {
            CommandRole::Participant => withdraw_submission(context, self.submission).await?,
            CommandRole::Organizer => cancel_submission(context, self.submission).await?,
        };
        Ok(reply.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, NOW, World, arbitrary_number};
    use super::*;

    impl AnyCommand for Withdraw {
        fn any() -> impl Strategy<Value = Self> + 'static {
            arbitrary_number().prop_map(|submission| Self { submission })
        }
    }

    #[tokio::test]
    async fn a_team_withdraws_its_own_submission_that_is_in_progress() {
        let mut world = World::new().await;
        world.scored("a", 0.5, NOW).await;
        world.submitted("a").await;
        world.submitted("a").await;
        world.member("b", "/withdraw #2").await;
        world.member("a", "/withdraw #1").await;
        world.member("a", "/withdraw #2").await;
        world.member("a", "/withdraw #2").await;
        world.organizer("/withdraw #3").await;
        world.assert_transcript("withdraw");
        assert_eq!(world.audit().await, ["withdraw", "cancel"]);
    }
}
