//! L2, the only module that knows SQL.
//!
//! One SQL text serves SQLite (the embedded default) and PostgreSQL. Every change of state is one
//! transaction that also guards the state it starts from: a stale worker changes nothing. No row is
//! ever decided here; that is done by pure code above and handed in as values.

mod artifact;
mod attempt;
mod delivery;
mod evaluation;
mod lock;
mod outbox;
mod quota;
mod repository;
mod row;
mod submission;
mod withdraw;

pub use artifact::Artifacts;
pub use attempt::{AttemptRecord, Claim, Effect, Finish, Next};
pub use delivery::{Delivery, DeliveryWriter, Received};
pub use evaluation::{EvaluationRevision, ScoreRecord};
pub use lock::InstanceLock;
pub use outbox::{OutboxItem, OutboxPut};
pub use quota::Usage;
pub use repository::{Repository, SeenRef};
pub use submission::{NewSource, SourceRecord, SubmissionRecord};
pub use withdraw::Withdrawn;

use std::path::Path;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyPool, Connection as _, Executor as _, Transaction};
use tokio::sync::broadcast;

use crate::model::{Board, SubmissionId, limits};

/// What a reader of live pages may want to look at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// This submission.
    Submission(SubmissionId),
    /// This board.
    Board(Board),
    /// Something is due to a forge.
    Outbox,
    /// A delivery came in.
    Delivery,
}

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database itself.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The schema.
    #[error("migrating the database: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A row holds what no code of this version wrote.
    #[error("the database holds {what} `{value}`, which this version does not know")]
    Corrupt {
        /// Kind of value.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// The lease was lost: somebody else owns the attempt, or it has ended.
    #[error("attempt {0} is no longer ours")]
    LeaseLost(i64),
    /// The file system.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Shorthand.
pub type Result<T> = std::result::Result<T, StoreError>;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: AnyPool,
    /// `BEGIN IMMEDIATE` where a deferred transaction could fail half-way (SQLite).
    begin: &'static str,
    changes: broadcast::Sender<Change>,
}

impl Store {
    /// Opens the database, creating it if it is a file, and brings its schema up to date.
    ///
    /// # Errors
    /// When it cannot be reached, or its schema is newer than this version knows.
    pub async fn open(url: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let sqlite = url.starts_with("sqlite:");
        let url = match (sqlite, url.contains('?')) {
            (true, false) => format!("{url}?mode=rwc"),
            _ => url.to_owned(),
        };
        let options: AnyConnectOptions = url.parse()?;
        let pool = AnyPoolOptions::new()
            .max_connections(16)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if sqlite {
                        // FULL: a delivery that was answered must survive a power cut.
                        for pragma in [
                            "PRAGMA busy_timeout = 10000",
                            "PRAGMA journal_mode = WAL",
                            "PRAGMA synchronous = FULL",
                            "PRAGMA foreign_keys = ON",
                        ] {
                            connection.execute(pragma).await?;
                        }
                    }
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        MIGRATIONS.run(&pool).await?;
        let (changes, _) = broadcast::channel(limits::LIVE_EVENTS_BUFFER);
        Ok(Self {
            pool,
            begin: if sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" },
            changes,
        })
    }

    /// Opens the SQLite file at this path.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_file(path: &Path) -> Result<Self> {
        Self::open(&format!("sqlite:{}", path.display())).await
    }

    /// Everything that changes from now on. Slow readers miss changes and are told so.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<()> {
        let mut connection = self.pool.acquire().await?;
        connection.ping().await?;
        Ok(())
    }

    async fn begin(&self) -> Result<Transaction<'static, Any>> {
        Ok(self.pool.begin_with(self.begin).await?)
    }

    /// Tells live readers. Called after the commit, never before: they will read the rows.
    fn tell(&self, change: Change) {
        // Nobody listening is fine.
        let _ = self.changes.send(change);
    }
}

/// Draws the next number of a counter, starting with 1.
async fn next_number(tx: &mut Transaction<'static, Any>, counter: &str) -> Result<i64> {
    let value: i64 = sqlx::query_scalar(
        "INSERT INTO counter (name, value) VALUES ($1, 1)
         ON CONFLICT (name) DO UPDATE SET value = counter.value + 1
         RETURNING value",
    )
    .bind(counter)
    .fetch_one(&mut **tx)
    .await?;
    Ok(value)
}
