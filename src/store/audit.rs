//! The audit ledger: who did what, when. Append-only; nothing here changes or removes an entry.

use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::{Result, Store, next_number, row};
use crate::model::Timestamp;

/// An entry.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
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

/// An entry to be, appended with what it tells of or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAuditEntry {
    /// Who.
    pub actor: String,
    /// Did what.
    pub action: &'static str,
    /// To what.
    pub subject: String,
    /// What changed: before, after and why.
    pub detail: Value,
}

/// Appends an entry within a transaction.
pub(super) async fn append(
    tx: &mut Transaction<'static, Any>,
    entry: &NewAuditEntry,
    now: Timestamp,
) -> Result<()> {
    let id = next_number(tx, "audit_log").await?;
    sqlx::query(
        "INSERT INTO audit_log (id, actor, action, subject, detail, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id)
    .bind(&entry.actor)
    .bind(entry.action)
    .bind(&entry.subject)
    .bind(entry.detail.to_string())
    .bind(now.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<AuditEntry> {
    Ok(AuditEntry {
        id: row.try_get("id")?,
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        subject: row.try_get("subject")?,
        detail: row::json(row, "detail")?,
        created_at: row::timestamp(row, "created_at")?,
    })
}

impl Store {
    /// Appends to the ledger what changed nothing else.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record(
        &self,
        actor: &str,
        action: &'static str,
        (subject, detail): (&str, Value),
        now: Timestamp,
    ) -> Result<()> {
        let entry = NewAuditEntry {
            actor: actor.to_owned(),
            action,
            subject: subject.to_owned(),
            detail,
        };
        let mut tx = self.begin().await?;
        append(&mut tx, &entry, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Entries after this one (0: from the start), oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(&self, after: i64, at_most: i64) -> Result<Vec<AuditEntry>> {
        sqlx::query("SELECT * FROM audit_log WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(after)
            .bind(at_most)
            .fetch_all(&self.reads)
            .await?
            .iter()
            .map(read)
            .collect()
    }
}
