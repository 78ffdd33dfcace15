//! The outbox: the desired state of each subject on each channel of a forge.
//!
//! A message is replaced by a message with a higher version. It is delivered when the version that was sent is the
//! newest. Next to it is the state that Referee has published already, so that nothing is sent twice and a comment is
//! found again.

use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::row::{ReadRows as _, without_nul};
use super::{Change, Result, Store, next_number, row};
use crate::model::{Duration, ForgeName, Timestamp};

/// The priority of verdicts, for which participants wait.
pub const URGENT: i64 = 0;
/// The priority of replies to commands. Their authors wait at the screen.
pub const ANSWER: i64 = URGENT - 1;

/// Messages of one class do not wait for those of another. A slow push of notes does not delay a verdict, and many
/// verdicts do not delay a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriorityClass {
    /// Priority [`ANSWER`] and smaller.
    Answers,
    /// Priority [`URGENT`].
    Urgent,
    /// All larger priorities.
    Rest,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NewOutboxMessage {
    pub forge: ForgeName,
    /// For example `commit 3 0123abc…`.
    pub subject: String,
    /// For example `note`.
    pub channel: &'static str,
    /// The key of the rows from which the text is made when it is sent.
    pub payload: Value,
    /// Smaller goes first.
    pub priority: i64,
    /// The message is sent not before this time,
    pub not_before: Timestamp,
    /// and not before this duration after the last time that it was sent.
    pub pace: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub struct OutboxMessage {
    /// Row.
    pub id: i64,
    pub forge: ForgeName,
    pub subject: String,
    pub channel: String,
    pub payload: Value,
    pub version: i64,
    /// How often sending this version failed.
    pub attempts: i64,
    /// The state that Referee has published already, in a format of the channel. Null at first.
    pub published_state: Value,
}

/// Adds a message, or a new version of it. If an older version waits, its priority and its time stay if they are
/// better, so that the new version does not delay a change that the forge does not show yet.
pub(super) async fn put(tx: &mut Transaction<'static, Any>, message: &NewOutboxMessage, now: Timestamp) -> Result<()> {
    let id = next_number(tx, "outbox").await?;
    sqlx::query(
        "INSERT INTO outbox (id, forge, subject, channel, payload, version, sent, attempts,
                             priority, not_before, created_at)
         VALUES ($1, $2, $3, $4, $5, 1, 0, 0, $6, $7, $8)
         ON CONFLICT (forge, subject, channel) DO UPDATE
         SET payload = excluded.payload, version = outbox.version + 1, attempts = 0,
             priority = CASE WHEN outbox.sent < outbox.version
                                  AND outbox.priority < excluded.priority
                             THEN outbox.priority ELSE excluded.priority END,
             not_before = CASE
                 WHEN outbox.sent < outbox.version AND outbox.not_before < excluded.not_before
                 THEN outbox.not_before
                 WHEN outbox.sent_at IS NOT NULL AND outbox.sent_at + $9 > excluded.not_before
                 THEN outbox.sent_at + $9
                 ELSE excluded.not_before END",
    )
    .bind(id)
    .bind(message.forge.as_str())
    .bind(&message.subject)
    .bind(message.channel)
    .bind(message.payload.to_string())
    .bind(message.priority)
    .bind(message.not_before.0)
    .bind(now.0)
    .bind(message.pace.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<OutboxMessage> {
    Ok(OutboxMessage {
        id: row.try_get("id")?,
        forge: row::text(row, "forge")?,
        subject: row.try_get("subject")?,
        channel: row.try_get("channel")?,
        payload: row::json(row, "payload")?,
        version: row.try_get("version")?,
        attempts: row.try_get("attempts")?,
        published_state: row::optional_json(row, "published_state")?.unwrap_or(Value::Null),
    })
}

impl Store {
    /// Adds a message, or a new version of it.
    pub async fn enqueue(&self, message: &NewOutboxMessage, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        put(&mut tx, message, now).await?;
        tx.commit().await?;
        self.notify(Change::Outbox);
        Ok(())
    }

    /// Adds a message, unless there was one for this subject and channel before.
    pub async fn enqueue_once(&self, message: &NewOutboxMessage, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        let known = sqlx::query("SELECT id FROM outbox WHERE forge = $1 AND subject = $2 AND channel = $3")
            .bind(message.forge.as_str())
            .bind(&message.subject)
            .bind(message.channel)
            .fetch_optional(&mut *tx)
            .await?;
        if known.is_some() {
            return Ok(());
        }
        put(&mut tx, message, now).await?;
        tx.commit().await?;
        self.notify(Change::Outbox);
        Ok(())
    }

    /// Messages to a forge that are due, most urgent first.
    pub async fn due_messages(
        &self,
        forge: &ForgeName,
        class: PriorityClass,
        now: Timestamp,
        at_most: i64,
    ) -> Result<Vec<OutboxMessage>> {
        let (least, most) = match class {
            PriorityClass::Answers => (i64::MIN, ANSWER),
            PriorityClass::Urgent => (URGENT, URGENT),
            PriorityClass::Rest => (URGENT + 1, i64::MAX),
        };
        sqlx::query(
            "SELECT * FROM outbox WHERE sent < version AND not_before <= $1 AND forge = $2
                AND priority BETWEEN $3 AND $4
             ORDER BY priority, not_before, id LIMIT $5",
        )
        .bind(now.0)
        .bind(forge.as_str())
        .bind(least)
        .bind(most)
        .bind(at_most)
        .read_all(&self.reads, read)
        .await
    }

    /// Records the published state before the message is delivered completely.
    pub async fn record_published_state(&self, message: &OutboxMessage) -> Result<()> {
        sqlx::query("UPDATE outbox SET published_state = $1 WHERE id = $2")
            .bind(message.published_state.to_string())
            .bind(message.id)
            .execute(&self.writes)
            .await?;
        Ok(())
    }

    /// Records that this version was sent, with the published state. A newer version stays due.
    pub async fn record_sent(&self, message: &OutboxMessage, now: Timestamp) -> Result<()> {
        sqlx::query(
            "UPDATE outbox SET sent = $1, published_state = $2, sent_at = $3, last_error = NULL
             WHERE id = $4 AND sent < $1",
        )
        .bind(message.version)
        .bind(message.published_state.to_string())
        .bind(now.0)
        .bind(message.id)
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// Records that this version was sent, and makes the message due again at `recheck_at`. A newer version stays due
    /// as it was.
    pub async fn record_sent_until(
        &self,
        message: &OutboxMessage,
        now: Timestamp,
        recheck_at: Timestamp,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE outbox SET sent = $1, published_state = $2, sent_at = $3, last_error = NULL,
                    not_before = CASE WHEN version = $1 THEN $4 ELSE not_before END,
                    attempts = CASE WHEN version = $1 THEN 0 ELSE attempts END,
                    version = CASE WHEN version = $1 THEN version + 1 ELSE version END
             WHERE id = $5 AND sent < $1",
        )
        .bind(message.version)
        .bind(message.published_state.to_string())
        .bind(now.0)
        .bind(recheck_at.0)
        .bind(message.id)
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// Records that this version can never be sent, with the reason. A newer version stays due.
    pub async fn abandon_message(&self, message: &OutboxMessage, error: &str, now: Timestamp) -> Result<()> {
        sqlx::query(
            "UPDATE outbox SET sent = $1, published_state = $2, sent_at = $3, last_error = $4
             WHERE id = $5 AND sent < $1",
        )
        .bind(message.version)
        .bind(message.published_state.to_string())
        .bind(now.0)
        .bind(without_nul(error))
        .bind(message.id)
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// Makes all messages due now that failed with this error and wait for their next attempt.
    pub async fn retry_messages_now(&self, forge: &ForgeName, error: &str, now: Timestamp) -> Result<()> {
        let retried = sqlx::query(
            "UPDATE outbox SET not_before = $1
             WHERE forge = $2 AND sent < version AND not_before > $1 AND last_error = $3",
        )
        .bind(now.0)
        .bind(forge.as_str())
        .bind(error)
        .execute(&self.writes)
        .await?;
        if retried.rows_affected() > 0 {
            self.notify(Change::Outbox);
        }
        Ok(())
    }

    /// Records that sending this version failed. The next attempt is at `retry_at`. A newer version is not delayed.
    pub async fn record_failed_attempt(&self, message: &OutboxMessage, error: &str, retry_at: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE outbox SET published_state = $1 WHERE id = $2")
            .bind(message.published_state.to_string())
            .bind(message.id)
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "UPDATE outbox SET attempts = attempts + 1, last_error = $1, not_before = $2
             WHERE id = $3 AND version = $4",
        )
        .bind(without_nul(error))
        .bind(retry_at.0)
        .bind(message.id)
        .bind(message.version)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}
