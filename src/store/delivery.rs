//! Webhook deliveries. Each is committed before the webhook is answered.
//!
//! One task writes all deliveries, and deliveries that wait at the same time share a transaction. A commit waits for
//! the disk, so with a commit per delivery a deadline with hundreds of pushes would exceed the time after which a
//! forge gives up a delivery (5 s in Gitea). `cargo bench --bench intake` measures this.

use sqlx::any::AnyRow;
use sqlx::{Any, Row as _};
use tokio::sync::{mpsc, oneshot};

use super::row::ReadRows as _;
use super::{Change, Result, Store, StoreError, row};
use crate::model::{Digest, ForgeEvent, ForgeName, Timestamp};

/// Deliveries that may wait for the writer. It refuses more with [`StoreError::Busy`].
const WAITING_MAX: usize = 1024;
/// Deliveries of one transaction.
const BATCH_MAX: usize = 256;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub forge: ForgeName,
    /// Digest of the body.
    pub digest: Digest,
    pub event: ForgeEvent,
    pub received_at: Timestamp,
}

/// Deliveries of one kind do not wait for those of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryKind {
    /// Events about issues and comments. They may hold commands, and the author of a command waits for the reply.
    Texts,
    /// All other events.
    Other,
}

/// A delivery that Referee has not handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingDelivery {
    /// Row.
    pub id: i64,
    /// How often the forge did not respond to the questions about this delivery.
    pub attempts: i64,
    pub delivery: Delivery,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// The delivery is new, and durable now.
    New,
    /// The same bytes were received before.
    Duplicate,
}

type Waiting = (Delivery, oneshot::Sender<Result<Received>>);

/// The task that writes all deliveries.
#[derive(Debug, Clone)]
pub struct DeliveryWriter {
    queue: mpsc::Sender<Waiting>,
}

impl DeliveryWriter {
    /// Starts the task. It ends when the last clone of the writer is dropped.
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
    /// [`StoreError::Busy`] if too many deliveries wait.
    pub async fn write(&self, delivery: Delivery) -> Result<Received> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send((delivery, answer)).map_err(|_| StoreError::Busy)?;
        answered.await.map_err(|_| StoreError::Io(std::io::Error::other("the writer has ended")))?
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
                self.notify(Change::Delivery);
            }
            Err(error) => {
                let message = error.to_string();
                for answer in answers {
                    let error = std::io::Error::other(message.clone());
                    let _ = answer.send(Err(StoreError::Io(error)));
                }
            }
        }
    }

    async fn insert_deliveries(&self, deliveries: &[Delivery]) -> Result<Vec<Received>> {
        if let [only] = deliveries {
            // A single statement is a transaction of its own, which saves a BEGIN and a COMMIT.
            return Ok(vec![insert(&self.writes, only).await?]);
        }
        let mut tx = self.begin().await?;
        let mut results = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            results.push(insert(&mut *tx, delivery).await?);
        }
        tx.commit().await?;
        Ok(results)
    }

    /// The oldest deliveries that are to be handled now.
    pub async fn pending_deliveries(
        &self,
        kind: DeliveryKind,
        now: Timestamp,
        at_most: i64,
    ) -> Result<Vec<PendingDelivery>> {
        sqlx::query(
            "SELECT * FROM delivery WHERE handled_at IS NULL
                AND (not_before IS NULL OR not_before <= $1)
                AND (CASE WHEN event LIKE '{\"event\":\"comment\"%'
                            OR event LIKE '{\"event\":\"issue\"%' THEN 1 ELSE 0 END) = $2
             ORDER BY id LIMIT $3",
        )
        .bind(now.0)
        .bind(i64::from(kind == DeliveryKind::Texts))
        .bind(at_most)
        .read_all(&self.reads, read)
        .await
    }

    /// Postpones a delivery, because the forge does not respond.
    pub async fn defer_delivery(&self, id: i64, not_before: Timestamp) -> Result<()> {
        sqlx::query("UPDATE delivery SET not_before = $1, attempts = COALESCE(attempts, 0) + 1 WHERE id = $2")
            .bind(not_before.0)
            .bind(id)
            .execute(&self.writes)
            .await?;
        Ok(())
    }

    /// Records that a delivery was handled. `note` is the result, for maintainers.
    pub async fn record_handled_delivery(&self, id: i64, note: &str, now: Timestamp) -> Result<()> {
        sqlx::query("UPDATE delivery SET handled_at = $1, note = $2 WHERE id = $3")
            .bind(now.0)
            .bind(note)
            .bind(id)
            .execute(&self.writes)
            .await?;
        Ok(())
    }

    /// Deletes deliveries that were handled before this time, and returns how many. The last one of each forge stays,
    /// because it shows when the forge last sent one. If the forge sends deleted bytes again, they are new, and have
    /// no further effect: refs and commands are in rows of their own.
    pub async fn delete_handled_deliveries(&self, before: Timestamp, at_most: i64) -> Result<u64> {
        let deleted = sqlx::query(
            "DELETE FROM delivery WHERE id IN (
                SELECT id FROM delivery WHERE handled_at < $1
                   AND id NOT IN (SELECT MAX(id) FROM delivery GROUP BY forge)
                ORDER BY id LIMIT $2)",
        )
        .bind(before.0)
        .bind(at_most)
        .execute(&self.writes)
        .await?;
        Ok(deleted.rows_affected())
    }

    /// The time of the last delivery of a forge.
    pub async fn last_delivery_at(&self, forge: &ForgeName) -> Result<Option<Timestamp>> {
        let at: Option<i64> = sqlx::query_scalar("SELECT MAX(received_at) FROM delivery WHERE forge = $1")
            .bind(forge.as_str())
            .fetch_one(&self.reads)
            .await?;
        Ok(at.map(Timestamp))
    }

    /// All deliveries with the results of handling them, for tests.
    pub async fn delivery_notes(&self) -> Result<Vec<(i64, Option<String>)>> {
        sqlx::query("SELECT id, note FROM delivery ORDER BY id")
            .read_all(&self.reads, |r| Ok((r.try_get("id")?, r.try_get("note")?)))
            .await
    }
}

fn read(row: &AnyRow) -> Result<PendingDelivery> {
    let attempts: Option<i64> = row.try_get("attempts")?;
    Ok(PendingDelivery {
        id: row.try_get("id")?,
        attempts: attempts.unwrap_or(0),
        delivery: Delivery {
            forge: row::text(row, "forge")?,
            digest: row::text(row, "digest")?,
            event: row::json(row, "event")?,
            received_at: row::timestamp(row, "received_at")?,
        },
    })
}

/// Inserts a delivery under the next number. Numbers do not come from the table `counter`, which would cost a second
/// statement. They are never used again, because the last delivery of a forge is never deleted.
async fn insert(database: impl sqlx::Executor<'_, Database = Any>, delivery: &Delivery) -> Result<Received> {
    let inserted = sqlx::query(
        "INSERT INTO delivery (id, forge, digest, event, received_at)
         SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4 FROM delivery WHERE TRUE
         ON CONFLICT (forge, digest) DO NOTHING",
    )
    .bind(delivery.forge.as_str())
    .bind(delivery.digest.as_str())
    .bind(row::to_json(&delivery.event)?)
    .bind(delivery.received_at.0)
    .execute(database)
    .await?;
    Ok(if inserted.rows_affected() == 1 { Received::New } else { Received::Duplicate })
}
