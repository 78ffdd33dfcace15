//! `/queue`: lists the submissions that run, and those that wait for a run.

use super::wording::{submission_row, table};
use super::{CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandSpec};
use crate::pipeline::schedule;
use crate::store::SubmissionRecord;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue;

impl CommandHandler for Queue {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "queue",
        summary: "Lists the running submissions, and the waiting ones in the order in which they will start.",
        details: "Position `now` means that a stage of the submission is running. The others wait for their run on \
        the sample or \
                  on the data of the phase.",
        examples: &["/queue"],
        ..CommandSpec::DEFAULT
    };

    fn parse(_: &mut Args<'_>) -> Result<Self, CommandError> {
        Ok(Self)
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let of_challenge = |record: &SubmissionRecord| record.submission.challenge == context.challenge.slug;
        let mut running = context.store.submissions_under_way().await?;
        running.retain(|record| of_challenge(record) && record.submission.state.is_working());
        let mut waiting = schedule::order(&context.daemon()?.context).await?;
        waiting.retain(of_challenge);
        Ok(reply(&running, &waiting).into())
    }
}

fn reply(running: &[SubmissionRecord], waiting: &[SubmissionRecord]) -> String {
    let now = running.iter().map(|record| submission_row("now", record));
    let later = (1..).zip(waiting);
    let later = later.map(|(position, record)| submission_row(&format!("{position}"), record));
    let rows: Vec<String> = now.chain(later).collect();
    if rows.is_empty() {
        return "No submission runs, and none waits.".to_owned();
    }
    let header = "| Position | Submission | Team | Leaderboard | State |\n|--:|---|---|---|---|";
    table(header, &rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, NOW, World, assert_replies};
    use super::*;
    use crate::model::Stage;

    impl AnyCommand for Queue {
        fn any() -> impl Strategy<Value = Self> + 'static {
            Just(Self)
        }
    }

    #[tokio::test]
    async fn the_queue_lists_running_and_waiting_submissions() {
        let mut world = World::new().await;
        let running = world.reached("a", Stage::Smoke, NOW).await;
        let waiting = [world.reached("b", Stage::Smoke, NOW).await, world.reached("a", Stage::Run, NOW).await];
        world.organizer("/queue").await;
        let replies = [reply(&[running], &waiting), reply(&[], &[])].join("\n\n-----\n\n");
        world.assert_transcript("queue");
        assert_replies("queue_replies", &replies);
    }
}
