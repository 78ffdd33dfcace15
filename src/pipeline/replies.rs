//! The reply to all commands of one text, made from their rows.
//!
//! A leaf: the commands and the outbox both use it. It carries nothing out.

use crate::report::escape::markdown_code;
use crate::store::{CommandRecord, CommandState};

/// How the normal form of a command begins that continues in the background after its start.
const CONTINUES_IN_BACKGROUND: &str = "/rescore ";

/// Whether a started command ends later by itself, also after a restart of the daemon.
pub fn continues_in_background(record: &CommandRecord) -> bool {
    record.text.starts_with(CONTINUES_IN_BACKGROUND)
}

/// Whether the commands of a text can be replied to: each has ended or continues in the background.
pub fn can_be_answered(records: &[CommandRecord]) -> bool {
    records.iter().all(|record| match record.state {
        CommandState::New => false,
        CommandState::Running => continues_in_background(record),
        CommandState::Ended => true,
    })
}

/// The reply to all commands of a text in their order, as Markdown. A single command is not repeated.
pub fn reply_to(records: &[CommandRecord]) -> String {
    let reply = |record: &CommandRecord| {
        let in_progress = "In progress. The result follows here.";
        record.reply.as_deref().unwrap_or(in_progress).to_owned()
    };
    if let [only] = records {
        return reply(only);
    }
    let parts = records.iter().map(|record| format!("{}\n\n{}", markdown_code(&record.text), reply(record)));
    parts.collect::<Vec<_>>().join("\n\n---\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ForgeName, Sender, Timestamp};
    use crate::store::TextRef;

    fn record(text: &str, state: CommandState, reply: Option<&str>) -> CommandRecord {
        CommandRecord {
            id: 1,
            source: TextRef {
                forge: ForgeName::new("gitea").unwrap(),
                forge_id: "1".to_owned(),
                issue: 1,
                comment_id: 1,
            },
            text: text.to_owned(),
            actor: Sender { id: 1, login: "ada".to_owned() },
            state,
            reply: reply.map(str::to_owned),
            created_at: Timestamp(0),
        }
    }

    #[test]
    fn commands_are_replied_to_together_as_soon_as_none_needs_waiting() {
        let ended = record("/queue", CommandState::Ended, Some("No submission runs."));
        let rescore = record("/rescore test/a", CommandState::Running, None);
        let pause = record("/pause", CommandState::Running, None);
        let new = record("/queue", CommandState::New, None);
        assert!(can_be_answered(&[ended.clone(), rescore.clone()]));
        assert!(!can_be_answered(&[ended.clone(), pause]));
        assert!(!can_be_answered(&[ended.clone(), new]));
        assert_eq!(reply_to(std::slice::from_ref(&ended)), "No submission runs.");
        assert_eq!(
            reply_to(&[ended, rescore]),
            "`/queue`\n\nNo submission runs.\n\n---\n\n`/rescore test/a`\n\n\
             In progress. The result follows here."
        );
    }
}
