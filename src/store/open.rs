//! Opens the database: its engine, its connections and its schema.
//!
//! There is one writing connection and several reading ones. Writers wait for each other in the order in which they
//! came, without polling a lock. Readers never wait for writers. The reading connections refuse to write, so every
//! change of a row uses the writing connection.

use std::path::Path;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{Any, AnyConnection, AnyPool, Executor as _, Transaction};
use tokio::sync::broadcast;

use super::{Result, Store, StoreError};
use crate::model::{Digest, limits};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Readers at the same time. More readers wait.
const READERS: u32 = 8;
/// The longest wait for a connection.
const CONNECTION_WAIT: Duration = Duration::from_secs(30);

/// The database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    fn of(url: &str) -> Self {
        if url.starts_with("sqlite:") { Self::Sqlite } else { Self::Postgres }
    }

    /// The statement that begins a writing transaction. A deferred transaction of SQLite could fail half-way, if
    /// another process writes after it has begun to read.
    fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// The first statements of every connection.
    fn setup(self) -> &'static [&'static str] {
        match self {
            // FULL: an acknowledged delivery must survive a power failure.
            Self::Sqlite => &[
                "PRAGMA busy_timeout = 10000",
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = FULL",
                "PRAGMA foreign_keys = ON",
            ],
            // The last one releases the writers' lock if this machine disappears while it holds the lock.
            Self::Postgres => &[
                "SET lock_timeout = '10s'",
                "SET synchronous_commit = on",
                "SET idle_in_transaction_session_timeout = '60s'",
            ],
        }
    }

    /// A further statement of a reading connection.
    fn read_only(self) -> &'static str {
        match self {
            Self::Sqlite => "PRAGMA query_only = ON",
            Self::Postgres => "SET default_transaction_read_only = on",
        }
    }
}

impl Store {
    /// Opens the database. Creates the file and the schema where they do not exist.
    ///
    /// # Errors
    /// [`StoreError::Schema`] if a version of Referee with another schema, older or newer, created the database.
    pub async fn open(url: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let engine = Engine::of(url);
        let options: AnyConnectOptions = complete(engine, url)?.parse()?;
        let writes = connect(engine, options.clone(), false).await?;
        let mut tx = writes.begin_with(engine.begin()).await?;
        lock_writers(engine, &mut tx).await?;
        migrate(&mut tx).await?;
        tx.commit().await?;
        let reads = connect(engine, options.clone(), true).await?;
        let (changes, _) = broadcast::channel(limits::LIVE_EVENTS_BUFFER);
        Ok(Self { reads, writes, engine, options, changes })
    }

    /// Opens the SQLite file at this path.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_file(path: &Path) -> Result<Self> {
        let text = path.to_str().ok_or_else(|| {
            let message = format!("{} is not UTF-8", path.display());
            StoreError::Io(std::io::Error::other(message))
        })?;
        // These characters have a meaning in an address.
        let escaped = text.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
        Self::open(&format!("sqlite:{escaped}")).await
    }

    /// Begins a writing transaction. There is one writer at a time: within this process because of the single
    /// connection, and among processes because of the database's lock. A writer sees everything that was committed
    /// before, and nothing is committed while it holds the lock.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Any>> {
        let mut tx = self.writes.begin_with(self.engine.begin()).await?;
        lock_writers(self.engine, &mut tx).await?;
        Ok(tx)
    }
}

/// Makes PostgreSQL behave like SQLite: one writer at a time. Two writers cannot deadlock then, and rows that a
/// transaction has read do not change until it ends.
async fn lock_writers(engine: Engine, tx: &mut Transaction<'static, Any>) -> Result<()> {
    if engine == Engine::Postgres {
        sqlx::query("SELECT pg_advisory_xact_lock(hashtext('referee writes ' || current_schema()))")
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// The address with the parameters that SQLite needs to create the file.
fn complete(engine: Engine, url: &str) -> Result<String> {
    if engine == Engine::Postgres {
        return Ok(url.to_owned());
    }
    if url.contains(":memory:") || url.contains("mode=memory") {
        let message = "a database in memory would lose acknowledged deliveries";
        return Err(sqlx::Error::Configuration(message.into()).into());
    }
    Ok(match url.split_once('?') {
        None => format!("{url}?mode=rwc"),
        Some((_, parameters)) if !parameters.contains("mode=") => format!("{url}&mode=rwc"),
        Some(_) => url.to_owned(),
    })
}

async fn connect(engine: Engine, options: AnyConnectOptions, read_only: bool) -> Result<AnyPool> {
    Ok(AnyPoolOptions::new()
        .max_connections(if read_only { READERS } else { 1 })
        .acquire_timeout(CONNECTION_WAIT)
        // A connection to a file cannot break.
        .test_before_acquire(engine == Engine::Postgres)
        .after_connect(move |connection, _| Box::pin(set_up(connection, engine, read_only)))
        .connect_with(options)
        .await?)
}

async fn set_up(connection: &mut AnyConnection, engine: Engine, read_only: bool) -> sqlx::Result<()> {
    for statement in engine.setup() {
        connection.execute(*statement).await?;
    }
    if read_only {
        connection.execute(engine.read_only()).await?;
    }
    Ok(())
}

/// Creates the schema in an empty database, and compares it with that of any other database. The transaction holds the
/// writers' lock, so two starts at the same time do not create it twice.
///
/// `Migrator::run` does the same, but its future is not `Send`.
async fn migrate(tx: &mut Transaction<'static, Any>) -> Result<()> {
    let mut migrations = Migrator::with_migrations(MIGRATIONS.iter().cloned().collect());
    migrations.set_locking(false);
    match migrations.run_direct(None, &mut **tx, false).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_)) => {
            let found = sqlx::query_scalar::<_, Vec<u8>>("SELECT checksum FROM _sqlx_migrations ORDER BY version")
                .fetch_all(&mut **tx)
                .await?;
            let expected = MIGRATIONS.iter().map(|m| m.checksum.to_vec());
            Err(StoreError::Schema { found: schema_digest(found), expected: schema_digest(expected) })
        }
        Err(error) => Err(error.into()),
    }
}

/// A short digest of the schema that these migrations create.
fn schema_digest(checksums: impl IntoIterator<Item = Vec<u8>>) -> String {
    let all: Vec<u8> = checksums.into_iter().flatten().collect();
    Digest::of(&all).hex()[..12].to_owned()
}
