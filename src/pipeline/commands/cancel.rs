//! `/cancel #12`: an organizer ends a submission that is in progress.

use super::end_submission::cancel_submission;
use super::{CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandSpec};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancel {
    submission: i64,
}

impl CommandHandler for Cancel {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "cancel",
        takes: "#12",
        destructive: true,
        summary: "Cancels a submission that is in progress, and refunds its quota.",
        details: "A submission that has ended, for example with a score, cannot be cancelled.",
        examples: &["/cancel #12"],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        args.submission().map(|submission| Self { submission })
    }

    fn arguments(&self) -> String {
        format!("#{}", self.submission)
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let reply = cancel_submission(context, self.submission).await?;
        Ok(reply.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, NOW, World, arbitrary_number};
    use super::*;

    impl AnyCommand for Cancel {
        fn any() -> impl Strategy<Value = Self> + 'static {
            arbitrary_number().prop_map(|submission| Self { submission })
        }
    }

    #[tokio::test]
    async fn an_organizer_cancels_a_submission_that_is_in_progress() {
        let mut world = World::new().await;
        world.scored("a", 0.5, NOW).await;
        world.submitted("a").await;
        world.organizer("/cancel #1").await;
        world.organizer("/cancel #2").await;
        world.organizer("/cancel #2").await;
        world.organizer("/cancel #3").await;
        world.member("a", "/cancel #2").await;
        world.assert_transcript("cancel");
        assert_eq!(world.audit().await, ["cancel"]);
    }
}
