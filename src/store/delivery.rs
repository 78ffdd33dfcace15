//! Deliveries: committed before they are answered, many of them in one commit when many wait.

use std::ops::Range;

use sqlx::any::AnyRow;
use sqlx::{Any, Row as _};
use tokio::sync::{mpsc, oneshot};

use super::{Change, Result, Store, StoreError, next_numbers, row};
use crate::model::{Digest, ForgeEvent, ForgeName, Timestamp};

/// Deliveries that may wait for the writer; more are refused with "try again".
const WAITING_MAX: usize = 1024;
/// Deliveries of one commit.
const BATCH_MAX: usize = 256;
/// Deliveries of one statement.
const ROWS_MAX: usize = 64;
/// Numbers that the writer draws ahead, so that most deliveries need no counter. What it had not
/// given out when it ended is never given out: a gap means nothing. At least [`BATCH_MAX`].
const NUMBERS_RESERVED: i64 = 1024;

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

/// Which deliveries: those of one kind are not held up by a crowd of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Texts that people wrote. Somebody waits for an answer.
    Texts,
    /// All others.
    Rest,
}

/// A delivery that nobody has acted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unhandled {
    /// Row.
    pub id: i64,
    /// How often the forge did not answer.
    pub attempts: i64,
    /// The delivery.
    pub delivery: Delivery,
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
            let mut numbers = 0..0;
            while waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
                let batch = std::mem::take(&mut batch);
                store.write_batch(&mut numbers, batch).await;
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
            .map_err(|_| StoreError::Busy)?;
        answered
            .await
            .map_err(|_| StoreError::Io(std::io::Error::other("the writer has ended")))?
    }
}

impl Store {
    async fn write_batch(&self, numbers: &mut Range<i64>, batch: Vec<Waiting>) {
        let (deliveries, answers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        match self.insert_deliveries(numbers, &deliveries).await {
            Ok(results) => {
                for (answer, result) in answers.into_iter().zip(results) {
                    let _ = answer.send(Ok(result));
                }
                self.notify(Change::Delivery);
            }
            Err(error) => {
                let message = error.to_string();
                for answer in answers {
                    let _ =
                        answer.send(Err(StoreError::Io(std::io::Error::other(message.clone()))));
                }
            }
        }
    }

    async fn insert_deliveries(
        &self,
        numbers: &mut Range<i64>,
        deliveries: &[Delivery],
    ) -> Result<Vec<Received>> {
        if numbers.end - numbers.start < deliveries.len() as i64 {
            let mut tx = self.begin().await?;
            let last = next_numbers(&mut tx, "delivery", NUMBERS_RESERVED).await?;
            tx.commit().await?;
            *numbers = last - NUMBERS_RESERVED + 1..last + 1;
        }
        let first = numbers.start;
        let rows = deliveries.len().min(ROWS_MAX).next_power_of_two();
        let mut new = 0;
        if deliveries.len() <= rows {
            // One statement is a transaction of its own: nothing to begin and nothing to commit.
            new += insert(&self.writes, numbers, deliveries, rows).await?;
        } else {
            let mut tx = self.begin().await?;
            for part in deliveries.chunks(rows) {
                new += insert(&mut *tx, numbers, part, rows).await?;
            }
            tx.commit().await?;
        }
        let last = first + deliveries.len() as i64;
        if new == deliveries.len() as u64 {
            return Ok(vec![Received::New; deliveries.len()]);
        }
        let new: Vec<i64> =
            sqlx::query_scalar("SELECT id FROM delivery WHERE id >= $1 AND id < $2")
                .bind(first)
                .bind(last)
                .fetch_all(&self.writes)
                .await?;
        Ok((first..last)
            .map(|id| match new.contains(&id) {
                true => Received::New,
                false => Received::Duplicate,
            })
            .collect())
    }

    /// The oldest deliveries that nobody has acted on and that are to be acted on now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unhandled_deliveries(
        &self,
        about: About,
        now: Timestamp,
        at_most: i64,
    ) -> Result<Vec<Unhandled>> {
        let read = |r: &AnyRow| {
            let attempts: Option<i64> = r.try_get("attempts")?;
            Ok(Unhandled {
                id: r.try_get("id")?,
                attempts: attempts.unwrap_or(0),
                delivery: Delivery {
                    forge: row::text(r, "forge")?,
                    digest: row::text(r, "digest")?,
                    event: row::json(r, "event")?,
                    received_at: row::timestamp(r, "received_at")?,
                },
            })
        };
        sqlx::query(
            "SELECT * FROM delivery WHERE handled_at IS NULL
                AND (not_before IS NULL OR not_before <= $1)
                AND (CASE WHEN event LIKE '{\"event\":\"comment\"%'
                            OR event LIKE '{\"event\":\"issue\"%' THEN 1 ELSE 0 END) = $2
             ORDER BY id LIMIT $3",
        )
        .bind(now.0)
        .bind(i64::from(about == About::Texts))
        .bind(at_most)
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// A delivery cannot be acted on now, because the forge does not answer: again at that moment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn defer(&self, id: i64, again: Timestamp) -> Result<()> {
        sqlx::query(
            "UPDATE delivery SET not_before = $1, attempts = COALESCE(attempts, 0) + 1 WHERE id = $2",
        )
        .bind(again.0)
        .bind(id)
        .execute(&self.writes)
        .await?;
        Ok(())
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
            .execute(&self.writes)
            .await?;
        Ok(())
    }

    /// Forgets deliveries that were acted on before a moment, so many at most, and returns how many. The
    /// last of each forge stays: it tells when the forge was heard. The same bytes may come again: then
    /// they are new, and what they tell of is known from its own rows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_deliveries(&self, before: Timestamp, at_most: i64) -> Result<u64> {
        let forgotten = sqlx::query(
            "DELETE FROM delivery WHERE id IN (
                SELECT id FROM delivery WHERE handled_at < $1
                   AND id NOT IN (SELECT MAX(id) FROM delivery GROUP BY forge)
                ORDER BY id LIMIT $2)",
        )
        .bind(before.0)
        .bind(at_most)
        .execute(&self.writes)
        .await?;
        Ok(forgotten.rows_affected())
    }

    /// When a forge was heard last.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_delivery(&self, forge: &ForgeName) -> Result<Option<Timestamp>> {
        let at: Option<i64> =
            sqlx::query_scalar("SELECT MAX(received_at) FROM delivery WHERE forge = $1")
                .bind(forge.as_str())
                .fetch_one(&self.reads)
                .await?;
        Ok(at.map(Timestamp))
    }

    /// How many deliveries there are, and what came of them; for tests and for `doctor`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delivery_notes(&self) -> Result<Vec<(i64, Option<String>)>> {
        sqlx::query("SELECT id, note FROM delivery ORDER BY id")
            .fetch_all(&self.reads)
            .await?
            .iter()
            .map(|r| Ok((r.try_get("id")?, r.try_get("note")?)))
            .collect()
    }
}

/// Inserts deliveries under the next numbers and says how many are new. The statement has `rows`
/// rows, a power of two, so that there are few statements and all stay prepared: what is left over
/// repeats the last delivery, and a repeated delivery is not inserted.
async fn insert(
    database: impl sqlx::Executor<'_, Database = Any>,
    numbers: &mut Range<i64>,
    deliveries: &[Delivery],
    rows: usize,
) -> Result<u64> {
    let values: Vec<String> = (0..rows)
        .map(|row| {
            let of = |column| row * 5 + column;
            format!(
                "(${}, ${}, ${}, ${}, ${})",
                of(1),
                of(2),
                of(3),
                of(4),
                of(5)
            )
        })
        .collect();
    let text = format!(
        "INSERT INTO delivery (id, forge, digest, event, received_at) VALUES {}
         ON CONFLICT (forge, digest) DO NOTHING",
        values.join(", ")
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(text));
    let repeated = deliveries
        .iter()
        .chain(deliveries.last().into_iter().cycle());
    // Rows that repeat have numbers from behind the batch, which nothing is kept under.
    for (id, delivery) in (numbers.start..).zip(repeated.take(rows)) {
        query = query
            .bind(id)
            .bind(delivery.forge.as_str())
            .bind(delivery.digest.as_str())
            .bind(row::to_json(&delivery.event)?)
            .bind(delivery.received_at.0);
    }
    numbers.start += deliveries.len() as i64;
    Ok(query.execute(database).await?.rows_affected())
}
