//! Overrides of `challenge.toml`. Rows are only added.
//!
//! Which override is in force is decided in `model::overrides`.

use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::row::ReadRows as _;
use super::{Change, CommandEffects, Result, Store, StoreError, next_number, row};
use crate::model::{Board, ChallengeSlug, Override, Overrides, Setting, Timestamp};

fn read(row: &AnyRow) -> Result<Override> {
    let key: String = row.try_get("key")?;
    let value: Value = row::json(row, "value")?;
    let setting: Setting =
        serde_json::from_value(json!({ "key": key, "value": value })).map_err(|_| row::corrupt("override", key))?;
    Ok(Override {
        id: row.try_get("id")?,
        challenge: row::text(row, "challenge")?,
        phase: row::optional_text(row, "phase")?,
        task: row::optional_text(row, "task")?,
        team: row::optional_text(row, "team")?,
        setting,
        actor: row.try_get("actor")?,
        reason: row.try_get("reason")?,
        created_at: row::timestamp(row, "created_at")?,
    })
}

impl Store {
    pub async fn overrides(&self, challenge: &ChallengeSlug) -> Result<Overrides> {
        let rows = sqlx::query("SELECT * FROM override WHERE challenge = $1 ORDER BY id")
            .bind(challenge.as_str())
            .read_all(&self.reads, read)
            .await?;
        Ok(Overrides::new(rows))
    }

    /// Adds overrides of one challenge. `newest_seen` is the newest row that the command was decided on. Readers of
    /// the boards are notified.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if another command added an override in the meantime.
    pub async fn put_overrides(
        &self,
        challenge: &ChallengeSlug,
        newest_seen: i64,
        new: &[Override],
        boards: &[Board],
        effects: CommandEffects<'_>,
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let newest: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(id), 0) FROM override WHERE challenge = $1")
            .bind(challenge.as_str())
            .fetch_one(&mut *tx)
            .await?;
        if newest != newest_seen {
            return Err(StoreError::Stale);
        }
        for new in new {
            let id = next_number(&mut tx, "override").await?;
            let setting = serde_json::to_value(&new.setting).unwrap_or_default();
            sqlx::query(
                "INSERT INTO override (id, challenge, phase, task, team, key, value, actor, reason,
                                       created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            )
            .bind(id)
            .bind(challenge.as_str())
            .bind(new.phase.as_ref().map_or("", |p| p.as_str()))
            .bind(new.task.as_ref().map_or("", |t| t.as_str()))
            .bind(new.team.as_ref().map_or("", |t| t.as_str()))
            .bind(setting["key"].as_str().unwrap_or_default().to_owned())
            .bind(setting["value"].to_string())
            .bind(&new.actor)
            .bind(&new.reason)
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        }
        effects.write(&mut tx, now).await?;
        tx.commit().await?;
        for board in boards {
            self.notify(Change::Board(board.clone()));
        }
        if !effects.messages.is_empty() {
            self.notify(Change::Outbox);
        }
        Ok(())
    }
}
