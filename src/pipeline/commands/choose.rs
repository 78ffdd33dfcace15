//! `/choose #12`: a team selects the submission that counts, where the phase lets it choose.

use serde_json::json;

use super::team_ranking::put_team_override;
use super::wording::board_name;
use super::{CommandContext, CommandHandler, CommandRefusal, CommandReply, CommandResult};
use crate::command::{Args, BoardSelector, CommandError, CommandSpec, Permission};
use crate::model::{Outcome, Pick, Setting};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choose {
    submission: i64,
}

impl CommandHandler for Choose {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "choose",
        takes: "#12",
        permission: Permission::TeamMembers,
        summary: "Selects the submission that counts for your team.",
        details: "The phase must have `pick = \"chosen\"` in challenge.toml, and the submission must have a score. The \
                  latest choice counts.",
        examples: &["/choose #12"],
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
        let team = context.own_team()?;
        let record = context.submission(number).await?;
        let submission = &record.submission;
        let cannot = |problem| CommandRefusal::CannotChoose { number, problem };
        if submission.team != *team {
            return Err(cannot("belongs to another team"));
        }
        let (Some(board), Some(Outcome::Scored)) = (submission.board(), submission.outcome()) else {
            return Err(cannot("has no score"));
        };
        let (phase, _) = context.parts_of(&board)?;
        let no_choice = |pick| CommandRefusal::NoChoice { phase: phase.slug.clone(), pick };
        match phase.pick {
            Pick::Chosen => {}
            Pick::Best => return Err(no_choice("best")),
            Pick::Last => return Err(no_choice("last")),
        }
        let overrides = context.store.overrides(&context.challenge.slug).await?;
        let before = overrides.chosen(&board, team);
        if before == Some(number) {
            let state = format!("submission #{number} is already chosen");
            return Err(CommandRefusal::NothingToDo(state));
        }
        let detail = json!({ "before": before, "after": number });
        let audit = context.audit("choose", format!("{board} team {team}"), detail);
        let setting = Setting::Chosen(Some(number));
        let row = context.override_of(&BoardSelector::of_board(&board), setting, "");
        let boards = std::slice::from_ref(&board);
        put_team_override(context, &overrides, team, row, &audit, boards).await?;
        let instead = before.map(|number| format!(" instead of submission #{number}"));
        Ok(format!(
            "Submission #{number} counts for team `{team}` on {}{}.",
            board_name(&board),
            instead.unwrap_or_default()
        )
        .into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, NOW, World, arbitrary_number};
    use super::*;

    impl AnyCommand for Choose {
        fn any() -> impl Strategy<Value = Self> + 'static {
            arbitrary_number().prop_map(|submission| Self { submission })
        }
    }

    #[tokio::test]
    async fn a_team_chooses_where_the_phase_lets_it() {
        let mut world = World::new().await;
        world.challenge.tasks[0].metrics.truncate(2);
        let best = world.scored("a", 0.9, NOW).await;
        let other = world.scored("a", 0.5, NOW).await;
        world.scored("b", 0.7, NOW).await;
        world.submitted("a").await;
        world.member("a", &format!("/choose #{other}")).await;
        world.challenge.phases[0].pick = Pick::Chosen;
        let before = world.ranked().await;
        assert!(before.contains(&("a".to_owned(), best)), "without a choice");
        world.member("a", "/choose #3").await;
        world.member("a", "/choose #4").await;
        world.member("a", "/choose #5").await;
        world.member("a", &format!("/choose #{other}")).await;
        assert!(world.ranked().await.contains(&("a".to_owned(), other)));
        world.member("a", &format!("/choose #{other}")).await;
        world.member("a", &format!("/choose #{best}")).await;
        assert!(world.ranked().await.contains(&("a".to_owned(), best)));
        world.organizer("/choose #1").await;
        world.assert_transcript("choose");
        assert_eq!(world.audit().await, ["choose", "choose"]);
    }
}
