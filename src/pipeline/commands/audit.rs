//! `/audit`: shows the newest entries of the challenge's audit log.

use super::wording::table;
use super::{CommandContext, CommandHandler, CommandRefusal, CommandReply, CommandResult};
use crate::command::{Args, CommandError, CommandSpec};
use crate::report::escape::{markdown_code, markdown_text, shortened};
use crate::store::AuditEntry;

/// Entries of a reply, unless the command gives a number.
const ENTRIES: i64 = 20;
/// A reply has at most this many entries.
const ENTRIES_MAX: i64 = 100;
/// Characters of a detail in a reply. `referee audit` prints all of it.
const DETAIL_CHARS_MAX: usize = 160;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// How many entries are shown.
    entries: Option<i64>,
}

impl CommandHandler for Audit {
    const SPEC: &'static CommandSpec = &CommandSpec {
        name: "audit",
        takes: "[NUMBER]",
        summary: "Shows the newest entries of the audit log: who changed what, and when.",
        details: "It shows 20 entries, or as many as you write, up to 100. `referee audit` on the server shows all of \
                  them.",
        examples: &["/audit", "/audit 50"],
        ..CommandSpec::DEFAULT
    };

    fn parse(args: &mut Args<'_>) -> Result<Self, CommandError> {
        args.optional_number("a number of entries, such as `50`").map(|entries| Self { entries })
    }

    fn arguments(&self) -> String {
        self.entries.map(|entries| entries.to_string()).unwrap_or_default()
    }

    async fn run(&self, context: &CommandContext<'_>) -> CommandResult<CommandReply> {
        if context.team.is_some() {
            return Err(CommandRefusal::AboutAllTeams);
        }
        let entries = self.entries.unwrap_or(ENTRIES).min(ENTRIES_MAX);
        let newest = context.store.newest_audit_entries(&context.challenge.slug, entries).await?;
        if newest.is_empty() {
            return Ok("The audit log has no entries yet.".to_owned().into());
        }
        let rows: Vec<String> = newest.iter().map(row).collect();
        Ok(table("| Time | By | Action | Subject | Change |\n|---|---|---|---|---|", &rows).into())
    }
}

fn row(entry: &AuditEntry) -> String {
    format!(
        "| {} | {} | {} | {} | {} |",
        entry.created_at,
        markdown_code(&entry.actor),
        markdown_text(&entry.action),
        markdown_code(&entry.subject),
        markdown_code(&shortened(&entry.detail.to_string(), DETAIL_CHARS_MAX))
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{AnyCommand, NOW, World};
    use super::*;

    impl AnyCommand for Audit {
        fn any() -> impl Strategy<Value = Self> + 'static {
            prop::option::of(1..=ENTRIES_MAX).prop_map(|entries| Self { entries })
        }
    }

    #[tokio::test]
    async fn the_audit_log_shows_the_newest_changes_to_organizers() {
        let mut world = World::new().await;
        world.organizer("/audit").await;
        world.scored("a", 0.5, NOW).await;
        world.organizer("/pause validation the GPU node | is `down`").await;
        world.organizer("/grant team a 2 validation").await;
        world.organizer("/audit").await;
        world.organizer("/audit 1").await;
        world.organizer("/audit none").await;
        world.member("a", "/audit").await;
        world.assert_transcript("audit");
    }
}
