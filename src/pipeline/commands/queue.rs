//! `/queue`: lists the submissions that run, and those that wait for a run.

use super::wording::{submission_row, table};
use super::{CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandSpec};
use crate::model::Stage;
use crate::pipeline::wait_time::{self, WaitingSubmission};
use crate::store::SubmissionRecord;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue;

impl CommandHandler for Queue {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "queue",
        summary: "Lists the running submissions, and the waiting ones in the order in which they will start.",
        details: "Position `now` means that a stage of the submission is running. The others wait for their run on the \
                  sample or on the data of the phase. The expected time follows from earlier runs.",
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
        let mut waiting = wait_time::starts(&context.daemon()?.context).await?;
        waiting.retain(|waiting| of_challenge(&waiting.record));
        let overrides = context.store.overrides(&context.challenge.slug).await?;
        for waiting in &mut waiting {
            let submission = &waiting.record.submission;
            // A pause stops evaluations alone.
            let board = submission.board().filter(|_| submission.stage() == Stage::Run);
            if board.is_some_and(|board| overrides.paused(&board).is_some()) {
                // The end of a pause is not known.
                waiting.wait = None;
            }
        }
        Ok(reply(&running, &waiting).into())
    }
}

fn reply(running: &[SubmissionRecord], waiting: &[WaitingSubmission]) -> String {
    let now = running.iter().map(|record| format!("{} |", submission_row("now", record)));
    let later = (1..).zip(waiting);
    let later = later.map(|(position, waiting)| {
        let start = waiting.wait.map(|wait| format!("in about {wait}")).unwrap_or_default();
        format!("{} {start} |", submission_row(&format!("{position}"), &waiting.record))
    });
    let rows: Vec<String> = now.chain(later).collect();
    if rows.is_empty() {
        return "No submission runs, and none waits.".to_owned();
    }
    let header = "| Position | Submission | Team | Leaderboard | State | Expected start |\n|--:|---|---|---|---|---|";
    table(header, &rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, NOW, World, assert_replies};
    use super::*;
    use crate::model::Duration;

    impl AnyCommand for Queue {
        fn any() -> impl Strategy<Value = Self> + 'static {
            Just(Self)
        }
    }

    #[tokio::test]
    async fn the_queue_lists_running_and_waiting_submissions() {
        let mut world = World::new().await;
        let running = world.reached("a", Stage::Smoke, NOW).await;
        let waiting = [
            WaitingSubmission { record: world.reached("b", Stage::Smoke, NOW).await, wait: None },
            WaitingSubmission { record: world.reached("a", Stage::Run, NOW).await, wait: Some(Duration::seconds(120)) },
        ];
        world.organizer("/queue").await;
        let replies = [reply(&[running], &waiting), reply(&[], &[])].join("\n\n-----\n\n");
        world.assert_transcript("queue");
        assert_replies("queue_replies", &replies);
    }
}
