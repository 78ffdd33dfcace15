//! `/rescore PHASE/TASK`: scores all stored predictions of a leaderboard again. The leaderboard does not change.
//!
//! The command only records the request. The work is in `pipeline::rescore`, and the reply follows when
//! it is done.

use serde_json::json;

use super::rescore_preview::{RescorePreview, describe_changes, preview_rescore};
use super::wording::board_name;
use super::{CommandContext, CommandHandler, CommandRefusal, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandSpec};
use crate::model::{PhaseSlug, TaskSlug};
use crate::report::escape::markdown_text;
use crate::store::RescoreState;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rescore {
    phase: PhaseSlug,
    task: TaskSlug,
}

impl CommandHandler for Rescore {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "rescore",
        takes: "PHASE/TASK",
        summary: "Scores all predictions of a leaderboard again and shows the changes.",
        details: "Use it after the scorer or the ground truth was corrected. The leaderboard changes only after \
                  `/apply`.",
        examples: &["/rescore validation/segmentation"],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        let (phase, task) = args.board()?;
        Ok(Self { phase, task })
    }

    fn arguments(&self) -> String {
        format!("{}/{}", self.phase, self.task)
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let board = context.board(&self.phase, &self.task);
        context.parts_of(&board)?;
        let Some(current) = context.store.current_scoring_revision(&board).await? else {
            return Err(CommandRefusal::NoScores { board });
        };
        if let Some(last) = context.store.rescore_of(&board).await?
            && last.state.is_open()
        {
            return Err(CommandRefusal::RescoreOpen { board, rescore: last.id, state: last.state });
        }
        let detail = json!({ "before": { "revision": current.id } });
        let audit = context.audit("rescore", board.to_string(), detail);
        context.store.request_rescore(&board, &audit, context.now).await?;
        Ok(CommandReply::Later)
    }
}

impl Rescore {
    /// The reply once all submissions are scored again or the rescore failed; none before.
    pub(super) async fn later_reply(&self, context: &CommandContext<'_>) -> CommandResult<Option<String>> {
        let board = context.board(&self.phase, &self.task);
        let preview = preview_rescore(context, &board).await?;
        Ok(match preview.state {
            RescoreState::Ready => Some(ready(&preview)),
            RescoreState::Failed => Some(failed(&preview)),
            _ => None,
        })
    }
}

fn ready(preview: &RescorePreview) -> String {
    format!(
        "The rescore of {} is ready: {} of {} submissions have new scores. {}\n\nUse `/apply {number}` to publish the \
         new scores or `/discard {number}` to cancel.",
        board_name(&preview.board),
        preview.done,
        preview.all,
        describe_changes(&preview.changes, preview.decimals),
        number = preview.rescore,
    )
}

fn failed(preview: &RescorePreview) -> String {
    let problem = preview.problem.as_deref();
    format!(
        "{} could not be scored again: {}\n\nThe leaderboard does not change. Fix the problem and use `/rescore` \
         again.",
        board_name(&preview.board),
        markdown_text(problem.unwrap_or("the log of the server has the reason"))
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Command;
    use super::super::tests::{AnyCommand, NOW, World, arbitrary_phase, arbitrary_task, assert_replies};
    use super::*;
    use crate::command::parse_arguments;
    use crate::model::{ForgeName, Sender};
    use crate::pipeline::replies;
    use crate::store::{CommandRecord, CommandState, TextRef};

    impl AnyCommand for Rescore {
        fn any() -> impl Strategy<Value = Self> + 'static {
            (arbitrary_phase(), arbitrary_task()).prop_map(|(phase, task)| Self { phase, task })
        }
    }

    #[tokio::test]
    async fn a_rescore_shows_the_changes_and_makes_none() {
        let mut world = World::new().await;
        world.challenge.tasks[0].metrics.truncate(2);
        world.organizer("/rescore test/segmentation").await;
        world.organizer("/rescore validation/detection").await;
        world.scored("a", 0.5, NOW).await;
        world.scored("b", 0.4, NOW).await;
        world.organizer("/rescore validation/segmentation").await;
        world.organizer("/rescore validation/segmentation").await;
        let before = world.ranked().await;
        world.rescored(&[0.3]).await;
        let Ok(Command::Rescore(rescore)) = parse_arguments(&["rescore", "validation/segmentation"]) else {
            panic!("a rescore");
        };
        assert_eq!(rescore.later_reply(&world.context()).await.unwrap(), None);
        world.rescored(&[0.6]).await;
        let reply = rescore.later_reply(&world.context()).await.unwrap();
        assert_eq!(world.ranked().await, before);
        world.store.fail_rescore(1, "the scorer ended with status 1", NOW).await.unwrap();
        let failure = rescore.later_reply(&world.context()).await.unwrap();
        world.assert_transcript("rescore");
        let replies = [reply.unwrap(), failure.unwrap()].join("\n\n-----\n\n");
        assert_replies("rescore_replies", &replies);
        assert_eq!(world.audit().await, ["rescore"]);
    }

    #[test]
    fn the_reply_to_a_rescore_follows_later() {
        let text = "/rescore validation/segmentation";
        let command: Command = parse_arguments(&["rescore", "validation/segmentation"]).unwrap();
        assert_eq!(command.to_string(), text);
        let record = CommandRecord {
            id: 1,
            source: TextRef {
                forge: ForgeName::new("gitea").unwrap(),
                forge_id: "1".to_owned(),
                issue: 1,
                comment_id: 1,
            },
            text: text.to_owned(),
            actor: Sender { id: 1, login: "ada".to_owned() },
            state: CommandState::Running,
            reply: None,
            created_at: NOW,
        };
        assert!(replies::continues_in_background(&record));
    }
}
