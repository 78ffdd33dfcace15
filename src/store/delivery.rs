//! Deliveries: committed before they are answered, many of them in one commit when many wait.

use serde_json::Value;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use tokio::sync::{mpsc, oneshot};

use super::{Change, Result, Store, StoreError, next_number, row};
use crate::model::{Digest, ForgeEvent, ForgeName, Timestamp};

/// Deliveries that may wait for the writer; more are refused with "try again".
const WAITING_MAX: usize = 1024;
/// Deliveries of one commit.
const BATCH_MAX: usize = 256;

/// A delivery to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// From this forge.
    pub forge: ForgeName,
    /// Of the body.
    pub digest: Digest,
    /// What it says.
    pub event: ForgeEvent,
    /// When it came.
    pub received_at: Timestamp,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is new, and durable now.
    New,
    /// The same bytes came before.
    Duplicate,
}

type Waiting = (Delivery, oneshot::Sender<Result<Received>>);

/// The one writer of deliveries. Clients that wait at the same time share a commit, so durability
/// costs one disk flush for all of them.
#[derive(Debug, Clone)]
pub struct DeliveryWriter {
    queue: mpsc::Sender<Waiting>,
}

impl DeliveryWriter {
    /// Starts the writer; it ends when the last clone is dropped.
    pub fn start(store: Store) -> Self {
        let (queue, mut waiting) = mpsc::channel::<Waiting>(WAITING_MAX);
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH_MAX);
            while waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
                store.write_batch(std::mem::take(&mut batch)).await;
            }
        });
        Self { queue }
    }

    /// Returns once the delivery is durable.
    ///
    /// # Errors
    /// When the database fails, or too many deliveries wait.
    pub async fn write(&self, delivery: Delivery) -> Result<Received> {
        let (answer, answered) = oneshot::channel();
        self.queue
            .try_send((delivery, answer))
            .map_err(|_| StoreError::Io(std::io::Error::other("too many deliveries wait")))?;
        answered
            .await
            .map_err(|_| StoreError::Io(std::io::Error::other("the writer has ended")))?
    }
}

impl Store {
    async fn write_batch(&self, batch: Vec<Waiting>) {
        let (deliveries, answers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        match self.insert_deliveries(&deliveries).await {
            Ok(results) => {
                for (answer, result) in answers.into_iter().zip(results) {
                    let _ = answer.send(Ok(result));
                }
                self.tell(Change::Delivery);
            }
            Err(error) => {
                let says = error.to_string();
                for answer in answers {
                    let _ = answer.send(Err(StoreError::Io(std::io::Error::other(says.clone()))));
                }
            }
        }
    }

    async fn insert_deliveries(&self, deliveries: &[Delivery]) -> Result<Vec<Received>> {
        let mut tx = self.begin().await?;
        let mut results = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let id = next_number(&mut tx, "delivery").await?;
            let inserted = sqlx::query(
                "INSERT INTO delivery (id, forge, digest, event, received_at)
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (forge, digest) DO NOTHING",
            )
            .bind(id)
            .bind(delivery.forge.as_str())
            .bind(delivery.digest.as_str())
            .bind(row::to_json(&delivery.event)?)
            .bind(delivery.received_at.0)
            .execute(&mut *tx)
            .await?;
            results.push(match inserted.rows_affected() {
                0 => Received::Duplicate,
                _ => Received::New,
            });
        }
        tx.commit().await?;
        Ok(results)
    }

    /// The oldest deliveries that nobody has acted on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unhandled_deliveries(&self, at_most: i64) -> Result<Vec<(i64, Delivery)>> {
        let read = |r: &AnyRow| {
            Ok((
                r.try_get("id")?,
                Delivery {
                    forge: row::text(r, "forge")?,
                    digest: row::text(r, "digest")?,
                    event: row::json(r, "event")?,
                    received_at: row::moment(r, "received_at")?,
                },
            ))
        };
        sqlx::query("SELECT * FROM delivery WHERE handled_at IS NULL ORDER BY id LIMIT $1")
            .bind(at_most)
            .fetch_all(&self.pool)
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// Marks a delivery as acted on; `note` says what came of it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn handled(&self, id: i64, note: &str, now: Timestamp) -> Result<()> {
        sqlx::query("UPDATE delivery SET handled_at = $1, note = $2 WHERE id = $3")
            .bind(now.0)
            .bind(note)
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// How many deliveries there are, and what came of them; for tests and for `doctor`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delivery_notes(&self) -> Result<Vec<(i64, Option<String>)>> {
        sqlx::query("SELECT id, note FROM delivery ORDER BY id")
            .fetch_all(&self.pool)
            .await?
            .iter()
            .map(|r| Ok((r.try_get("id")?, r.try_get("note")?)))
            .collect()
    }

    /// Appends to the audit ledger.
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
}
