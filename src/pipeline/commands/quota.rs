//! `/quota`: shows the evaluations and submissions that a team has left.

use super::wording::{board_name, table};
use super::{CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandSpec, Permission};
use crate::model::{Phase, Timestamp};
use crate::pipeline::policy;
use crate::rules::quota;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota;

impl CommandHandler for Quota {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "quota",
        permission: Permission::TeamMembers,
        summary: "Shows how many evaluations and submissions your team has left, and when the next is possible.",
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
                    "| {} | {} | {} | {} | {} |",
                    board_name(&board),
                    left.today,
                    left.total,
                    left.submissions_today,
                    next_evaluation(left, &phase, context.now)
                ));
            }
        }
        if rows.is_empty() {
            return Ok("No phase is open.".to_owned().into());
        }
        let header = "| Leaderboard | Evaluations left today | Evaluations left in the phase \
                      | Submissions left today | Next evaluation |\n\
                      |---|--:|--:|--:|---|";
        Ok(format!("{}\n\nA day begins at 00:00 UTC.", table(header, &rows)).into())
    }
}

/// When the team can use its next evaluation.
fn next_evaluation(left: quota::Left, phase: &Phase, now: Timestamp) -> String {
    let tomorrow = quota::next_day(now);
    if left.total == 0 {
        "none is left in this phase".to_owned()
    } else if left.today > 0 && left.submissions_today > 0 {
        "now".to_owned()
    } else if phase.is_open(tomorrow) {
        tomorrow.to_string()
    } else {
        format!("none: the phase closes at {}", phase.closes)
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

    #[test]
    fn the_next_evaluation_is_now_tomorrow_or_never() {
        let world =
            crate::config::read_challenge(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nuclei"));
        let open = world.unwrap().phases[0].clone();
        let closing = Phase { closes: NOW.plus(crate::model::Duration::seconds(60)), ..open.clone() };
        let left = |today, total, submissions_today| quota::Left { today, total, submissions_today };
        let tomorrow = quota::next_day(NOW).to_string();
        assert_eq!(next_evaluation(left(1, 3, 2), &open, NOW), "now");
        assert_eq!(next_evaluation(left(0, 3, 2), &open, NOW), tomorrow);
        assert_eq!(next_evaluation(left(1, 3, 0), &open, NOW), tomorrow);
        assert_eq!(next_evaluation(left(0, 0, 2), &open, NOW), "none is left in this phase");
        let never = format!("none: the phase closes at {}", closing.closes);
        assert_eq!(next_evaluation(left(0, 3, 2), &closing, NOW), never);
    }
}
