//! What every command writes beside its own rows: the entry of the audit log and messages for the forge.

use sqlx::{Any, Transaction};

use super::audit::{NewAuditEntry, append};
use super::outbox::{NewOutboxMessage, put};
use super::{Change, Result, Store};
use crate::model::Timestamp;

/// The rows that are written together with a command.
#[derive(Debug, Clone, Copy)]
pub struct CommandEffects<'a> {
    /// The entry of the audit log.
    pub audit: &'a NewAuditEntry,
    /// Messages for the forge, such as reports that it shows again.
    pub messages: &'a [NewOutboxMessage],
}

impl CommandEffects<'_> {
    pub(super) async fn write(&self, tx: &mut Transaction<'static, Any>, now: Timestamp) -> Result<()> {
        append(tx, self.audit, now).await?;
        for message in self.messages {
            put(tx, message, now).await?;
        }
        Ok(())
    }
}

impl Store {
    /// Records a command that changes no other rows, with its messages.
    pub async fn record_command(&self, effects: CommandEffects<'_>, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        effects.write(&mut tx, now).await?;
        tx.commit().await?;
        self.notify(Change::Outbox);
        Ok(())
    }
}
