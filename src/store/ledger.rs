//! The audit ledger: who did what, when. Append-only; nothing here changes or removes an entry.

use serde_json::Value;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Result, Store, next_number, row};
use crate::model::Timestamp;

/// An entry.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerEntry {
    /// Row: entries are numbered in the order in which they happened.
    pub id: i64,
    /// Who.
    pub actor: String,
    /// Did what.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What changed.
    pub detail: Value,
    /// When.
    pub created_at: Timestamp,
}

fn read(row: &AnyRow) -> Result<LedgerEntry> {
    Ok(LedgerEntry {
        id: row.try_get("id")?,
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        subject: row.try_get("subject")?,
        detail: row::json(row, "detail")?,
        created_at: row::moment(row, "created_at")?,
    })
}

impl Store {
    /// Appends to the ledger.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record(
        &self,
        actor: &str,
        action: &str,
        (subject, detail): (&str, Value),
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let id = next_number(&mut tx, "ledger").await?;
        sqlx::query(
            "INSERT INTO ledger (id, actor, action, subject, detail, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(id)
        .bind(actor)
        .bind(action)
        .bind(subject)
        .bind(detail.to_string())
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Entries after this one (0: from the start), oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ledger(&self, after: i64, at_most: i64) -> Result<Vec<LedgerEntry>> {
        sqlx::query("SELECT * FROM ledger WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(after)
            .bind(at_most)
            .fetch_all(&self.reads)
            .await?
            .iter()
            .map(read)
            .collect()
    }
}
