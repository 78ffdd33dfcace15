//! Commands that people wrote. Each is recorded once, begun once and ended once.
//!
//! A command that was interrupted by a crash is not begun again: its author has to check whether it took effect.

use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};
use strum::{EnumString, IntoStaticStr};

use super::row::{ReadRows as _, without_nul};
use super::{Change, NewOutboxMessage, Result, Store, next_number, outbox, row};
use crate::model::{ForgeName, Sender, Timestamp};

/// A text on a forge: a comment, or the text that opened an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextRef {
    pub forge: ForgeName,
    /// The forge's own id of the repository.
    pub forge_id: String,
    /// Number of the issue.
    pub issue: i64,
    /// The forge's own id of the comment. 0 for the text that opened the issue.
    pub comment_id: i64,
}

/// A command in the present version of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommand {
    /// The normalized command: commands of the same meaning have the same text.
    pub text: String,
    /// The number of equal commands before this one in the text.
    pub ordinal: i64,
    /// The reply to a command that needs no execution.
    pub reply: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRecord {
    /// Row.
    pub id: i64,
    pub source: TextRef,
    /// The normalized command.
    pub text: String,
    pub actor: Sender,
    pub state: CommandState,
    /// The reply, once the command has ended.
    pub reply: Option<String>,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum CommandState {
    /// Recorded, and not begun.
    New,
    Running,
    /// The reply is recorded.
    Ended,
}

impl CommandState {
    fn as_str(self) -> &'static str {
        self.into()
    }
}

fn read(row: &AnyRow) -> Result<CommandRecord> {
    Ok(CommandRecord {
        id: row.try_get("id")?,
        source: TextRef {
            forge: row::text(row, "forge")?,
            forge_id: row.try_get("forge_id")?,
            issue: row.try_get("issue")?,
            comment_id: row.try_get("comment_id")?,
        },
        text: row.try_get("text")?,
        actor: Sender { id: row.try_get("actor_id")?, login: row.try_get("actor")? },
        state: row::word(row, "state")?,
        reply: row.try_get("reply")?,
        created_at: row::timestamp(row, "created_at")?,
    })
}

impl Store {
    /// Records the commands in the present version of a text. Commands that were recorded before stay as they are.
    /// If one is new, the messages are enqueued with it. Returns the number of new commands.
    pub async fn record_commands(
        &self,
        source: &TextRef,
        actor: &Sender,
        commands: &[NewCommand],
        messages: &[NewOutboxMessage],
        now: Timestamp,
    ) -> Result<usize> {
        let mut tx = self.begin().await?;
        let mut new = 0;
        for command in commands {
            new += usize::from(insert(&mut tx, source, actor, command, now).await?);
        }
        if new > 0 {
            for message in messages {
                outbox::put(&mut tx, message, now).await?;
            }
        }
        tx.commit().await?;
        if new > 0 {
            self.notify(Change::Delivery);
            if !messages.is_empty() {
                self.notify(Change::Outbox);
            }
        }
        Ok(new)
    }

    /// All commands of a text, in the order in which they were recorded.
    pub async fn commands_of(&self, source: &TextRef) -> Result<Vec<CommandRecord>> {
        sqlx::query(
            "SELECT * FROM command WHERE forge = $1 AND forge_id = $2 AND issue = $3 AND comment_id = $4
             ORDER BY id",
        )
        .bind(source.forge.as_str())
        .bind(&source.forge_id)
        .bind(source.issue)
        .bind(source.comment_id)
        .read_all(&self.reads, read)
        .await
    }

    /// Commands in this state, oldest first. None for [`CommandState::Ended`].
    pub async fn commands_in(&self, state: CommandState) -> Result<Vec<CommandRecord>> {
        sqlx::query("SELECT * FROM command WHERE state = $1 AND state <> 'ended' ORDER BY id")
            .bind(state.as_str())
            .read_all(&self.reads, read)
            .await
    }

    /// Begins a command. `false` if it was begun before.
    pub async fn begin_command(&self, id: i64) -> Result<bool> {
        let begun = sqlx::query("UPDATE command SET state = 'running' WHERE id = $1 AND state = 'new'")
            .bind(id)
            .execute(&self.writes)
            .await?;
        Ok(begun.rows_affected() == 1)
    }

    /// Ends a command with its reply, and enqueues the message that publishes the reply. A command that has ended
    /// before stays as it is, and the message is not enqueued.
    pub async fn end_command(
        &self,
        id: i64,
        reply: &str,
        message: Option<&NewOutboxMessage>,
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let ended = sqlx::query(
            "UPDATE command SET state = 'ended', reply = $1, ended_at = $2
             WHERE id = $3 AND state <> 'ended'",
        )
        .bind(without_nul(reply))
        .bind(now.0)
        .bind(id)
        .execute(&mut *tx)
        .await?;
        if ended.rows_affected() == 0 {
            return Ok(());
        }
        if let Some(message) = message {
            outbox::put(&mut tx, message, now).await?;
        }
        tx.commit().await?;
        if message.is_some() {
            self.notify(Change::Outbox);
        }
        Ok(())
    }
}

/// Inserts a command. `false` if it was recorded before.
async fn insert(
    tx: &mut Transaction<'static, Any>,
    source: &TextRef,
    actor: &Sender,
    command: &NewCommand,
    now: Timestamp,
) -> Result<bool> {
    let id = next_number(tx, "command").await?;
    let (state, ended_at) = match command.reply {
        Some(_) => (CommandState::Ended, Some(now.0)),
        None => (CommandState::New, None),
    };
    let inserted = sqlx::query(
        "INSERT INTO command (id, forge, forge_id, issue, comment_id, text, ordinal, actor_id, actor, state,
                              reply, created_at, ended_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (forge, forge_id, issue, comment_id, text, ordinal) DO NOTHING",
    )
    .bind(id)
    .bind(source.forge.as_str())
    .bind(&source.forge_id)
    .bind(source.issue)
    .bind(source.comment_id)
    .bind(without_nul(&command.text))
    .bind(command.ordinal)
    .bind(actor.id)
    .bind(&actor.login)
    .bind(state.as_str())
    .bind(command.reply.as_deref().map(without_nul))
    .bind(now.0)
    .bind(ended_at)
    .execute(&mut **tx)
    .await?;
    Ok(inserted.rows_affected() == 1)
}
