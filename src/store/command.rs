//! Commands that people wrote: each is heard once, begun once and ended once. One whose execution was
//! cut off is never begun again by itself: whether it was done is for its author to look at.

use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::{Change, NewOutboxMessage, Result, Store, next_number, outbox, row};
use crate::model::{ForgeName, Sender, Timestamp};

/// Where a text stands on a forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextRef {
    /// On this forge.
    pub forge: ForgeName,
    /// In the repository with this number of the forge's.
    pub forge_id: String,
    /// Number of the issue.
    pub issue: i64,
    /// The forge's number of the comment; 0 for the text that opened the issue.
    pub comment_id: i64,
}

/// A command of a text as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommand {
    /// In its plainest form: what means the same is the same.
    pub text: String,
    /// The number of equal commands before this one in the text.
    pub ordinal: i64,
    /// The answer, where it needs no execution.
    pub reply: Option<String>,
}

/// A command as it was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRecord {
    /// Row.
    pub id: i64,
    pub source: TextRef,
    /// In its plainest form.
    pub text: String,
    /// Who wrote it.
    pub actor: Sender,
    /// How it stands.
    pub state: CommandState,
    /// What was answered, once it has ended.
    pub reply: Option<String>,
    /// When it was heard.
    pub created_at: Timestamp,
}

/// How a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandState {
    /// Heard.
    New,
    /// Being carried out.
    Running,
    /// Answered.
    Ended,
}

impl CommandState {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Running => "running",
            Self::Ended => "ended",
        }
    }

    fn parse(text: &str) -> Self {
        match text {
            "new" => Self::New,
            "running" => Self::Running,
            _ => Self::Ended,
        }
    }
}

fn read(row: &AnyRow) -> Result<CommandRecord> {
    let state: String = row.try_get("state")?;
    Ok(CommandRecord {
        id: row.try_get("id")?,
        source: TextRef {
            forge: row::text(row, "forge")?,
            forge_id: row.try_get("forge_id")?,
            issue: row.try_get("issue")?,
            comment_id: row.try_get("comment_id")?,
        },
        text: row.try_get("text")?,
        actor: Sender {
            id: row.try_get("actor_id")?,
            login: row.try_get("actor")?,
        },
        state: CommandState::parse(&state),
        reply: row.try_get("reply")?,
        created_at: row::timestamp(row, "created_at")?,
    })
}

impl Store {
    /// Enters the commands of a text as it is now; those that were heard before stay as they are. Where
    /// any is new, what shall be shown of it is put with them. Returns how many are new.
    ///
    /// # Errors
    /// When the database fails; then nothing was entered.
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
        for received in commands {
            new += usize::from(insert(&mut tx, source, actor, received, now).await?);
        }
        if new > 0 {
            for message in messages {
                outbox::put(&mut tx, message, now).await?;
            }
        }
        tx.commit().await?;
        if new > 0 {
            self.notify(Change::Delivery);
        }
        if new > 0 && !messages.is_empty() {
            self.notify(Change::Outbox);
        }
        Ok(new)
    }

    /// All commands of a text, in the order in which they were heard.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn commands_of(&self, source: &TextRef) -> Result<Vec<CommandRecord>> {
        sqlx::query(
            "SELECT * FROM command WHERE forge = $1 AND forge_id = $2 AND issue = $3 AND comment_id = $4
             ORDER BY id",
        )
        .bind(source.forge.as_str())
        .bind(&source.forge_id)
        .bind(source.issue)
        .bind(source.comment_id)
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// Commands in this state, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn commands_in(&self, state: CommandState) -> Result<Vec<CommandRecord>> {
        sqlx::query("SELECT * FROM command WHERE state = $1 AND state <> 'ended' ORDER BY id")
            .bind(state.as_str())
            .fetch_all(&self.reads)
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// Begins a command. `false` when somebody else has.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_command(&self, id: i64) -> Result<bool> {
        let begun =
            sqlx::query("UPDATE command SET state = 'running' WHERE id = $1 AND state = 'new'")
                .bind(id)
                .execute(&self.writes)
                .await?;
        Ok(begun.rows_affected() == 1)
    }

    /// Ends a command with its answer, and puts the wish that it be shown. One that has ended stays as
    /// it is, and nothing is put.
    ///
    /// # Errors
    /// When the database fails; then it has not ended.
    pub async fn end_command(
        &self,
        id: i64,
        reply: &str,
        news: Option<&NewOutboxMessage>,
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let ended = sqlx::query(
            "UPDATE command SET state = 'ended', reply = $1, ended_at = $2
             WHERE id = $3 AND state <> 'ended'",
        )
        .bind(reply.replace('\0', " "))
        .bind(now.0)
        .bind(id)
        .execute(&mut *tx)
        .await?;
        if ended.rows_affected() == 0 {
            return Ok(());
        }
        if let Some(message) = news {
            outbox::put(&mut tx, message, now).await?;
        }
        tx.commit().await?;
        if news.is_some() {
            self.notify(Change::Outbox);
        }
        Ok(())
    }
}

/// Whether it is new.
async fn insert(
    tx: &mut Transaction<'static, Any>,
    source: &TextRef,
    actor: &Sender,
    received: &NewCommand,
    now: Timestamp,
) -> Result<bool> {
    let id = next_number(tx, "command").await?;
    let (state, ended) = match received.reply {
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
    .bind(received.text.replace('\0', " "))
    .bind(received.ordinal)
    .bind(actor.id)
    .bind(&actor.login)
    .bind(state.as_str())
    .bind(received.reply.as_ref().map(|r| r.replace('\0', " ")))
    .bind(now.0)
    .bind(ended)
    .execute(&mut **tx)
    .await?;
    Ok(inserted.rows_affected() == 1)
}
