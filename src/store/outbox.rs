//! The outbox: what a forge shall show. A row is a wish, renewed by a higher version; it is done
//! when the version that was sent is the newest. Beside the wish stands what the forge shows by our
//! hand already, so that nothing is sent twice and a comment is found again.

use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::{Change, Result, Store, next_number, row};
use crate::model::{Duration, ForgeName, Timestamp};

/// Wishes of this priority go by a lane of their own: a slow push of notes holds up no verdict.
pub const URGENT: i64 = 0;
/// So do wishes of this one: whoever has asked looks at the screen, and waits for no crowd of verdicts.
pub const ANSWER: i64 = URGENT - 1;

/// Which wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriorityClass {
    /// Answers to who has asked.
    Answers,
    /// Others that somebody waits for.
    Urgent,
    /// All others.
    Rest,
}

/// A wish.
#[derive(Debug, Clone, PartialEq)]
pub struct NewOutboxMessage {
    /// On this forge.
    pub forge: ForgeName,
    /// About this, for example `commit 3 0123abc…`.
    pub subject: String,
    /// By this way, for example `note`.
    pub channel: &'static str,
    /// Enough to find the rows that the text is made of when it is sent.
    pub payload: Value,
    /// Smaller goes first.
    pub priority: i64,
    /// Not before this moment.
    pub not_before: Timestamp,
    /// Nor earlier than this after the last time that it was sent.
    pub pace: Duration,
}

/// A wish that is due.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxMessage {
    /// Row.
    pub id: i64,
    /// On this forge.
    pub forge: ForgeName,
    /// About this.
    pub subject: String,
    /// By this way.
    pub channel: String,
    /// What to say.
    pub payload: Value,
    /// The version that this is.
    pub version: i64,
    /// How often it failed.
    pub attempts: i64,
    /// What the forge shows already, in the channel's own words; null at first.
    pub shown: Value,
}

/// Puts a wish. One that waits already keeps its urgency and its moment where they are better: news
/// never delay what nobody has seen yet.
pub(super) async fn put(
    tx: &mut Transaction<'static, Any>,
    item: &NewOutboxMessage,
    now: Timestamp,
) -> Result<()> {
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
    .bind(item.forge.as_str())
    .bind(&item.subject)
    .bind(item.channel)
    .bind(item.payload.to_string())
    .bind(item.priority)
    .bind(item.not_before.0)
    .bind(now.0)
    .bind(item.pace.0)
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
        shown: row::optional_json(row, "published_state")?.unwrap_or(Value::Null),
    })
}

impl Store {
    /// Puts a wish outside of any attempt.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enqueue(&self, item: &NewOutboxMessage, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        put(&mut tx, item, now).await?;
        tx.commit().await?;
        self.notify(Change::Outbox);
        Ok(())
    }

    /// Puts a wish unless there is one for this subject, whatever it says.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enqueue_once(&self, item: &NewOutboxMessage, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        let standing =
            sqlx::query("SELECT id FROM outbox WHERE forge = $1 AND subject = $2 AND channel = $3")
                .bind(item.forge.as_str())
                .bind(&item.subject)
                .bind(item.channel)
                .fetch_optional(&mut *tx)
                .await?;
        if standing.is_some() {
            return Ok(());
        }
        put(&mut tx, item, now).await?;
        tx.commit().await?;
        self.notify(Change::Outbox);
        Ok(())
    }

    /// Wishes to a forge that are due, most urgent first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due(
        &self,
        (forge, priority_class): (&ForgeName, PriorityClass),
        now: Timestamp,
        at_most: i64,
    ) -> Result<Vec<OutboxMessage>> {
        let (least, most) = match priority_class {
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
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// Keeps what the forge shows now, before the wish as a whole is fulfilled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn shown(&self, item: &OutboxMessage) -> Result<()> {
        sqlx::query("UPDATE outbox SET published_state = $1 WHERE id = $2")
            .bind(item.shown.to_string())
            .bind(item.id)
            .execute(&self.writes)
            .await?;
        Ok(())
    }

    /// A wish was fulfilled in this version, and the forge shows what the item says. A newer version
    /// stays due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sent(&self, item: &OutboxMessage, now: Timestamp) -> Result<()> {
        sqlx::query(
            "UPDATE outbox SET sent = $1, published_state = $2, sent_at = $3, last_error = NULL
             WHERE id = $4 AND sent < $1",
        )
        .bind(item.version)
        .bind(item.shown.to_string())
        .bind(now.0)
        .bind(item.id)
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// A wish was fulfilled in this version, but that has to be looked at again at that moment. A newer
    /// version stays due as it was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sent_for_now(
        &self,
        item: &OutboxMessage,
        now: Timestamp,
        again: Timestamp,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE outbox SET sent = $1, published_state = $2, sent_at = $3, last_error = NULL,
                    not_before = CASE WHEN version = $1 THEN $4 ELSE not_before END,
                    attempts = CASE WHEN version = $1 THEN 0 ELSE attempts END,
                    version = CASE WHEN version = $1 THEN version + 1 ELSE version END
             WHERE id = $5 AND sent < $1",
        )
        .bind(item.version)
        .bind(item.shown.to_string())
        .bind(now.0)
        .bind(again.0)
        .bind(item.id)
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// A wish can never be fulfilled in this version; the reason is kept. A newer one stays due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn given_up(&self, item: &OutboxMessage, error: &str, now: Timestamp) -> Result<()> {
        sqlx::query(
            "UPDATE outbox SET sent = $1, published_state = $2, sent_at = $3, last_error = $4
             WHERE id = $5 AND sent < $1",
        )
        .bind(item.version)
        .bind(item.shown.to_string())
        .bind(now.0)
        .bind(error.replace('\0', " "))
        .bind(item.id)
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// Wishes to a forge that failed for this reason and wait are due now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wake(&self, forge: &ForgeName, error: &str, now: Timestamp) -> Result<()> {
        let woken = sqlx::query(
            "UPDATE outbox SET not_before = $1
             WHERE forge = $2 AND sent < version AND not_before > $1 AND last_error = $3",
        )
        .bind(now.0)
        .bind(forge.as_str())
        .bind(error)
        .execute(&self.writes)
        .await?;
        if woken.rows_affected() > 0 {
            self.notify(Change::Outbox);
        }
        Ok(())
    }

    /// A wish could not be fulfilled; it is tried again at that moment. A newer one is not held up.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn not_sent(
        &self,
        item: &OutboxMessage,
        error: &str,
        again: Timestamp,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE outbox SET published_state = $1 WHERE id = $2")
            .bind(item.shown.to_string())
            .bind(item.id)
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "UPDATE outbox SET attempts = attempts + 1, last_error = $1, not_before = $2
             WHERE id = $3 AND version = $4",
        )
        .bind(error.replace('\0', " "))
        .bind(again.0)
        .bind(item.id)
        .bind(item.version)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}
