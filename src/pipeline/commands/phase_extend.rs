//! `/phase extend PHASE (by 2d | until TIME)`: gives a phase a later end.

use super::phase_bounds::PhaseInForce;
use super::{CommandContext, CommandHandler, CommandRefusal, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandSpec};
use crate::model::{Duration, PhaseSlug, Timestamp, limits};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseExtend {
    phase: PhaseSlug,
    to: NewEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NewEnd {
    /// Later than the current end by this positive duration.
    By(Duration),
    /// At this time, a whole second.
    Until(Timestamp),
}

impl CommandHandler for PhaseExtend {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "phase extend",
        takes: "PHASE (by 2d | until 2026-09-20T23:59Z | until 2026-09-20)",
        destructive: true,
        summary: "Extends a phase, or opens a closed phase again with a new end.",
        details: "`by` counts from the current end, in days, hours and minutes: `2d`, `1d12h`. `until` takes a time \
                  with its time zone, or a day, which ends at 23:59:59 UTC. The new end must be later than the \
                  current end and later than now.",
        examples: &[
            "/phase extend validation by 2d",
            "/phase extend validation until 2026-09-20T23:59Z",
            "/phase extend validation until 2026-09-20",
        ],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        let phase = args.phase()?;
        let by_or_until = "`by` or `until`";
        let word = args.require_word(by_or_until)?;
        let to = if word.is_keyword("by") {
            NewEnd::By(duration(args)?)
        } else if word.is_keyword("until") {
            NewEnd::Until(end_time(args)?)
        } else {
            return Err(args.invalid(&word, by_or_until));
        };
        Ok(Self { phase, to })
    }

    fn arguments(&self) -> String {
        match self.to {
            NewEnd::By(span) => format!("{} by {}", self.phase, span.compact()),
            NewEnd::Until(end) => format!("{} until {end}", self.phase),
        }
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let current = PhaseInForce::read(context, &self.phase).await?;
        let closes = current.phase.closes;
        let until = match self.to {
            NewEnd::By(span) => closes.plus(span),
            NewEnd::Until(end) => end,
        };
        let after = closes.max(context.now);
        if until <= after {
            return Err(CommandRefusal::EndNotLater { phase: self.phase.clone(), closes, after });
        }
        let reply = current.close_at(context, "phase extend", until).await?;
        Ok(reply.into())
    }
}

fn duration(args: &mut Args<'_>) -> Result<Duration, CommandError> {
    let expected = "a duration, such as `2d`, `36h` or `1d12h`";
    let word = args.require_word(expected)?;
    let span = Duration::parse(&word.text.to_ascii_lowercase())
        .filter(|span| span.0 > 0)
        .ok_or_else(|| args.invalid(&word, expected))?;
    if span > limits::PHASE_EXTENSION_MAX {
        let most = limits::PHASE_EXTENSION_MAX.compact();
        return Err(args.invalid(&word, &format!("a duration of at most `{most}`")));
    }
    Ok(span)
}

fn end_time(args: &mut Args<'_>) -> Result<Timestamp, CommandError> {
    let expected = "a time with its time zone, such as `2026-09-20T23:59Z`, or a day, such as `2026-09-20`";
    let word = args.require_word(expected)?;
    let end_of_day = format!("{}T23:59:59Z", word.text);
    let end = Timestamp::parse(&word.text)
        .or_else(|_| Timestamp::parse(&end_of_day))
        .map_err(|_| args.invalid(&word, expected))?;
    Ok(Timestamp(end.0.div_euclid(1000) * 1000))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, World, arbitrary_phase, later};
    use super::*;
    use crate::report::PhaseState;

    impl AnyCommand for PhaseExtend {
        fn any() -> impl Strategy<Value = Self> + 'static {
            let to = prop_oneof![
                (1..=31_622_400_000_i64).prop_map(|ms| NewEnd::By(Duration(ms))),
                (-10_000_000_000..10_000_000_000_i64).prop_map(|seconds| NewEnd::Until(Timestamp(seconds * 1000))),
            ];
            (arbitrary_phase(), to).prop_map(|(phase, to)| Self { phase, to })
        }
    }

    #[tokio::test]
    async fn a_phase_gets_a_later_end() {
        let mut world = World::new().await;
        world.organizer("/phase extend validation by 1d12h").await;
        world.organizer("/phase extend validation until 2100-03-01").await;
        world.organizer("/phase extend validation until 2100-02-01T00:00+01:00").await;
        world.organizer("/phase close validation").await;
        world.now = later(3600);
        world.organizer("/phase extend validation by 30m").await;
        world.organizer("/phase extend validation by 2h").await;
        let view = world.board_view().await.unwrap();
        assert_eq!(view.phase_state(), PhaseState::Open);
        world.organizer("/phase extend final by 2d").await;
        world.assert_transcript("phase extend");
        let expected = ["phase extend", "phase extend", "phase close", "phase extend"];
        assert_eq!(world.audit().await, expected);
    }
}
