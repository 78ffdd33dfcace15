//! `/announce TEXT…`: posts a text to all teams.

use serde_json::json;

use super::{CommandContext, CommandHandler, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandSpec};
use crate::model::text::counted;
use crate::pipeline::outbox;
use crate::store::CommandEffects;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announce {
    /// The Markdown that the teams get.
    text: String,
}

impl CommandHandler for Announce {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "announce",
        takes: "TEXT…",
        destructive: true,
        summary: "Posts an announcement to all teams, in an issue of each team's repository.",
        details: "The text is the rest of the line, as Markdown. The following lines are not part of it.",
        examples: &["/announce The test phase opens on **Monday**."],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        Ok(Self { text: args.rest().ok_or_else(|| args.missing("a text"))? })
    }

    fn arguments(&self) -> String {
        self.text.clone()
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        let repositories = context.repositories().await?;
        let subject = format!("announcement {}", context.command_id);
        let notices: Vec<_> = repositories
            .iter()
            .map(|repository| outbox::team_notice(repository, &subject, &self.text, context.now))
            .collect();
        let detail = json!({ "text": self.text, "teams": repositories.len() });
        let audit = context.audit("announce", context.challenge.slug.as_str(), detail);
        context.store.record_command(CommandEffects { audit: &audit, messages: &notices }, context.now).await?;
        let teams = counted(repositories.len(), "team");
        Ok(format!("Referee posts the announcement to {teams}.").into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, NOW, World, arbitrary_text};
    use super::*;
    use crate::store::PriorityClass;

    impl AnyCommand for Announce {
        fn any() -> impl Strategy<Value = Self> + 'static {
            arbitrary_text().prop_map(|text| Self { text })
        }
    }

    #[tokio::test]
    async fn an_announcement_goes_to_every_team() {
        let mut world = World::new().await;
        world.submitted("a").await;
        world.submitted("b").await;
        world.organizer("/announce The test phase opens on **Monday**.").await;
        world.member("a", "/announce Hello").await;
        world.assert_transcript("announce");
        let (store, forge) = (&world.store, &world.challenge.forge);
        let due = store.due_messages(forge, PriorityClass::Rest, NOW, 9).await.unwrap();
        assert_eq!(due.len(), 2);
        let text = "The test phase opens on **Monday**.";
        assert!(due.iter().all(|message| message.payload["text"] == text));
        assert_eq!(world.audit().await, ["announce"]);
    }
}
