//! `/phase close PHASE`: closes a phase now.

use super::phase_bounds::PhaseInForce;
use super::{CommandContext, CommandHandler, CommandRefusal, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandSpec};
use crate::model::{Duration, PhaseSlug};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseClose {
    phase: PhaseSlug,
}

impl CommandHandler for PhaseClose {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "phase close",
        takes: "PHASE",
        destructive: true,
        summary: "Closes a phase now, regardless of its `closes` time.",
        details: "Submissions that were pushed before are still evaluated. `/phase open PHASE` opens it again.",
        examples: &["/phase close validation"],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        args.phase().map(|phase| Self { phase })
    }

    fn arguments(&self) -> String {
        self.phase.to_string()
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let slug = &self.phase;
        let current = PhaseInForce::read(context, slug).await?;
        let (opens, closes) = (current.phase.opens, current.phase.closes);
        if context.now < opens {
            return Err(CommandRefusal::PhaseNotOpened { phase: slug.clone(), opens });
        }
        if closes < context.now {
            let state = format!("phase `{slug}` closed at {closes}");
            return Err(CommandRefusal::NothingToDo(state));
        }
        // A phase is still open at its closing time.
        let last = context.now.minus(Duration(1));
        let reply = current.close_at(context, "phase close", last).await?;
        Ok(reply.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, World, arbitrary_phase, later};
    use super::*;
    use crate::report::PhaseState;

    impl AnyCommand for PhaseClose {
        fn any() -> impl Strategy<Value = Self> + 'static {
            arbitrary_phase().prop_map(|phase| Self { phase })
        }
    }

    #[tokio::test]
    async fn an_open_phase_closes_now() {
        let mut world = World::new().await;
        let file = world.challenge.phases[0].clone();
        world.organizer("/phase close validation").await;
        let view = world.board_view().await.unwrap();
        assert_eq!(view.phase_state(), PhaseState::Closed);
        world.now = later(60);
        world.organizer("/phase close validation").await;
        world.now = file.opens.minus(Duration::DAY);
        world.organizer("/phase close test").await;
        world.organizer("/phase close final").await;
        world.assert_transcript("phase close");
        assert_eq!(world.audit().await, ["phase close"]);
    }
}
