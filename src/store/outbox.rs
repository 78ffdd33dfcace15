//! The outbox: what a forge shall show. A row is a wish, renewed by a higher version; it is done
//! when the version that was sent is the newest.

use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::{Change, Result, Store, next_number, row};
use crate::model::{ForgeName, Timestamp};

/// A wish.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxPut {
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
}

/// A wish that is due.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxItem {
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
    pub tries: i64,
}

/// Puts a wish. One that waits already keeps its urgency and its moment where they are better: news
/// never delay what nobody has seen yet.
pub(super) async fn put(
    tx: &mut Transaction<'static, Any>,
    item: &OutboxPut,
    now: Timestamp,
) -> Result<()> {
    let id = next_number(tx, "outbox").await?;
    sqlx::query(
        "INSERT INTO outbox (id, forge, subject, channel, payload, version, sent, tries,
                             priority, not_before, created_at)
         VALUES ($1, $2, $3, $4, $5, 1, 0, 0, $6, $7, $8)
         ON CONFLICT (forge, subject, channel) DO UPDATE
         SET payload = excluded.payload, version = outbox.version + 1, tries = 0,
             priority = CASE WHEN outbox.sent < outbox.version
                                  AND outbox.priority < excluded.priority
                             THEN outbox.priority ELSE excluded.priority END,
             not_before = CASE WHEN outbox.sent < outbox.version
                                    AND outbox.not_before < excluded.not_before
                               THEN outbox.not_before ELSE excluded.not_before END",
    )
    .bind(id)
    .bind(item.forge.as_str())
    .bind(&item.subject)
    .bind(item.channel)
    .bind(item.payload.to_string())
    .bind(item.priority)
    .bind(item.not_before.0)
    .bind(now.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<OutboxItem> {
    Ok(OutboxItem {
        id: row.try_get("id")?,
        forge: row::text(row, "forge")?,
        subject: row.try_get("subject")?,
        channel: row.try_get("channel")?,
        payload: row::json(row, "payload")?,
        version: row.try_get("version")?,
        tries: row.try_get("tries")?,
    })
}

impl Store {
    /// Puts a wish outside of any attempt.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_outbox(&self, item: &OutboxPut, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        put(&mut tx, item, now).await?;
        tx.commit().await?;
        self.tell(Change::Outbox);
        Ok(())
    }

    /// Wishes that are due, most urgent first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due(&self, now: Timestamp, at_most: i64) -> Result<Vec<OutboxItem>> {
        sqlx::query(
            "SELECT * FROM outbox WHERE sent < version AND not_before <= $1
             ORDER BY priority, not_before, id LIMIT $2",
        )
        .bind(now.0)
        .bind(at_most)
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// A wish was fulfilled in this version. A newer one stays due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sent(&self, item: &OutboxItem) -> Result<()> {
        sqlx::query("UPDATE outbox SET sent = $1, last_error = NULL WHERE id = $2 AND sent < $1")
            .bind(item.version)
            .bind(item.id)
            .execute(&self.writes)
            .await?;
        Ok(())
    }

    /// A wish could not be fulfilled; it is tried again at that moment. A newer one is not held up.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn not_sent(&self, item: &OutboxItem, error: &str, again: Timestamp) -> Result<()> {
        sqlx::query(
            "UPDATE outbox SET tries = tries + 1, last_error = $1, not_before = $2
             WHERE id = $3 AND version = $4",
        )
        .bind(error.replace('\0', " "))
        .bind(again.0)
        .bind(item.id)
        .bind(item.version)
        .execute(&self.writes)
        .await?;
        Ok(())
    }
}
