//! `/phase open PHASE`: opens a phase now.

use super::phase_bounds::PhaseInForce;
use super::{CommandContext, CommandHandler, CommandRefusal, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandSpec};
use crate::model::PhaseSlug;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseOpen {
    phase: PhaseSlug,
}

impl CommandHandler for PhaseOpen {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "phase open",
        takes: "PHASE",
        summary: "Opens a phase now, regardless of its `opens` time.",
        details: "Pushes from now on are entered for it. A phase that was closed with `/phase close` is then open \
                  until its `closes` time in challenge.toml. After that time, use `/phase extend`.",
        examples: &["/phase open validation"],
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
        if current.phase.is_open(context.now) {
            let state = format!("phase `{slug}` is open until {closes}");
            return Err(CommandRefusal::NothingToDo(state));
        }
        let reply = if context.now < opens {
            current.open_at(context, context.now).await?
        } else if context.now <= context.phase(slug)?.closes {
            current.close_as_in_file(context).await?
        } else {
            return Err(CommandRefusal::PhaseOver { phase: slug.clone(), closed: closes });
        };
        Ok(reply.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, World, arbitrary_phase, later};
    use super::*;
    use crate::model::Duration;
    use crate::report::PhaseState;

    impl AnyCommand for PhaseOpen {
        fn any() -> impl Strategy<Value = Self> + 'static {
            arbitrary_phase().prop_map(|phase| Self { phase })
        }
    }

    #[tokio::test]
    async fn a_phase_opens_early_or_again() {
        let mut world = World::new().await;
        let file = world.challenge.phases[0].clone();
        world.organizer("/phase open validation").await;
        world.organizer("/phase open final").await;
        world.organizer("/phase close validation").await;
        world.now = later(60);
        world.organizer("/phase open validation").await;
        let view = world.board_view().await.unwrap();
        assert_eq!(view.phase_state(), PhaseState::Open);
        world.now = file.closes.plus(Duration::DAY);
        world.organizer("/phase open validation").await;
        world.now = file.opens.minus(Duration::DAY);
        world.organizer("/phase open test").await;
        world.assert_transcript("phase open");
        assert_eq!(world.audit().await, ["phase close", "phase open", "phase open"]);
    }
}
