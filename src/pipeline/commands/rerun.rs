//! `/rerun #12`: continues a submission that ended without a score.

use serde_json::json;

use super::{CommandContext, CommandHandler, CommandRefusal, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandSpec};
use crate::model::RerunPlan;
use crate::store::CommandEffects;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rerun {
    submission: i64,
}

impl CommandHandler for Rerun {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "rerun",
        takes: "#12",
        summary: "Retries a submission that ended without a score.",
        details: "It continues from the stage at which it ended. An evaluation that it has used is not charged again. \
                  A submission with a score is never run again: `/rescore` scores a whole leaderboard again. A \
                  withdrawn or cancelled submission is not run again either.",
        examples: &["/rerun #12", "/rerun 12"],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        args.submission().map(|submission| Self { submission })
    }

    fn arguments(&self) -> String {
        format!("#{}", self.submission)
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let number = self.submission;
        let record = context.submission(number).await?;
        let plan = RerunPlan::new(&record.submission, None)
            .map_err(|problem| CommandRefusal::CannotRerun { number, problem })?;
        let detail = json!({
            "before": { "outcome": plan.from(), "stage": plan.ended_at() },
            "after": { "stage": plan.to() },
            "reason": "",
        });
        let subject = format!("{}#{number}", context.challenge.slug);
        let effects =
            CommandEffects { audit: &context.audit("rerun", subject, detail), messages: &context.report(&record) };
        context.store.rerun(&plan, effects, context.now).await?;
        Ok(format!(
            "Submission #{number} of team `{}` (outcome: {}) continues from the {} stage. An evaluation that it has \
             used is not charged again.",
            record.submission.team,
            plan.from(),
            plan.to()
        )
        .into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, NOW, World, arbitrary_number};
    use super::*;
    use crate::model::{Outcome, Stage};

    impl AnyCommand for Rerun {
        fn any() -> impl Strategy<Value = Self> + 'static {
            arbitrary_number().prop_map(|submission| Self { submission })
        }
    }

    #[tokio::test]
    async fn only_a_submission_that_ended_without_a_score_is_run_again() {
        let mut world = World::new().await;
        world.ended("a", Outcome::Fault).await;
        world.scored("a", 0.5, NOW).await;
        world.submitted("a").await;
        world.organizer("/rerun #1").await;
        let first = world.context().submission(1).await.unwrap().submission;
        assert_eq!((first.stage(), first.outcome()), (Stage::Run, None));
        world.organizer("/rerun #2").await;
        world.organizer("/rerun #3").await;
        world.organizer("/cancel #3").await;
        world.organizer("/rerun #3").await;
        world.organizer("/rerun #9").await;
        world.assert_transcript("rerun");
        assert_eq!(world.audit().await, ["rerun", "cancel"]);
    }
}
