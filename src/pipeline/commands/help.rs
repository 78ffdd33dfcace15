//! `/help [COMMAND]`: lists the commands, or explains some.

use super::{Command, CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::command::{self, Args, CommandError, CommandSpec, Permission};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Help {
    /// A command (`phase open`) or a family of commands (`phase`); none for the list.
    topic: Option<&'static str>,
}

impl CommandHandler for Help {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "help",
        takes: "[COMMAND]",
        permission: Permission::Both,
        summary: "Lists the commands, or explains one.",
        details: "The list has only the commands that you can use.",
        examples: &["/help", "/help rescore", "/help phase open"],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        let Some(first) = args.next_word()? else {
            return Ok(Self { topic: None });
        };
        let mut name = first.text.trim_start_matches('/').to_owned();
        while let Some(word) = args.next_word()? {
            name = format!("{name} {}", word.text);
        }
        let topic = command::find_topic::<Command>(&name);
        Ok(Self { topic: Some(topic.map_err(|error| error.at(first.column))?) })
    }

    fn arguments(&self) -> String {
        self.topic.unwrap_or_default().to_owned()
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let reply = match self.topic {
            Some(topic) => command::explain_commands::<Command>(topic),
            None => command::list_commands::<Command>(context.role),
        };
        Ok(reply.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample;

    use super::super::tests::{AnyCommand, World};
    use super::*;
    use crate::command::topics;

    impl AnyCommand for Help {
        fn any() -> impl Strategy<Value = Self> + 'static {
            proptest::option::of(sample::select(topics::<Command>().collect::<Vec<_>>()))
                .prop_map(|topic| Self { topic })
        }
    }

    #[tokio::test]
    async fn help_lists_or_explains_commands() {
        let mut world = World::new().await;
        world.organizer("/help").await;
        world.member("a", "/help").await;
        world.organizer("/help team").await;
        world.organizer("/help rescroe").await;
        world.assert_transcript("help");
    }
}
