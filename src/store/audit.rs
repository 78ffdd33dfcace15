//! The audit log: who did what, and when.
//!
//! Entries are only added. Nothing here changes or removes one.

use serde::Serialize;
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::row::ReadRows as _;
use super::{Result, Store, next_number, row};
use crate::model::{ChallengeSlug, Timestamp};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditEntry {
    /// Row. Entries are numbered in their order.
    pub id: i64,
    pub challenge: ChallengeSlug,
    pub actor: String,
    pub action: String,
    pub subject: String,
    /// The change, as the command describes it.
    pub detail: Value,
    pub created_at: Timestamp,
}

/// An entry that is added in the same transaction as the change that it describes.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAuditEntry {
    pub challenge: ChallengeSlug,
    pub actor: String,
    pub action: &'static str,
    pub subject: String,
    /// The change: the values before and after, and the reason.
    pub detail: Value,
}

pub(super) async fn append(tx: &mut Transaction<'static, Any>, entry: &NewAuditEntry, now: Timestamp) -> Result<()> {
    let id = next_number(tx, "audit_log").await?;
    sqlx::query(
        "INSERT INTO audit_log (id, challenge, actor, action, subject, detail, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(id)
    .bind(entry.challenge.as_str())
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
        challenge: row::text(row, "challenge")?,
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        subject: row.try_get("subject")?,
        detail: row::json(row, "detail")?,
        created_at: row::timestamp(row, "created_at")?,
    })
}

impl Store {
    /// Adds an entry about a change outside of the database.
    pub async fn append_audit_entry(&self, entry: &NewAuditEntry, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        append(&mut tx, entry, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The newest entries of a challenge, newest first.
    pub async fn newest_audit_entries(&self, challenge: &ChallengeSlug, at_most: i64) -> Result<Vec<AuditEntry>> {
        sqlx::query("SELECT * FROM audit_log WHERE challenge = $1 ORDER BY id DESC LIMIT $2")
            .bind(challenge.as_str())
            .bind(at_most)
            .read_all(&self.reads, read)
            .await
    }

    /// The entries after this one (0: from the first), oldest first.
    pub async fn audit_entries(&self, after: i64, at_most: i64) -> Result<Vec<AuditEntry>> {
        sqlx::query("SELECT * FROM audit_log WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(after)
            .bind(at_most)
            .read_all(&self.reads, read)
            .await
    }
}
