//! One daemon per state directory, and the name that leases of this start carry.
//!
//! Because the lock is exclusive, every lease of an earlier start is known to be dead the moment
//! the lock is held: nothing has to wait for leases to run out after a crash.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek as _, Write as _};
use std::path::Path;

use sqlx::{AnyConnection, ConnectOptions as _};

use super::open::Engine;
use super::{Result, Store};

/// Held as long as the daemon lives; the operating system frees it however the daemon ends.
#[derive(Debug)]
pub struct InstanceLock {
    _file: File,
    /// Owner of the leases of this start.
    pub owner: String,
}

impl InstanceLock {
    /// Takes the lock of a state directory.
    ///
    /// # Errors
    /// When another daemon holds it, or the directory cannot be written.
    pub fn take(directory: &Path, nonce: [u8; 8]) -> std::io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let path = directory.join("referee.lock");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(std::io::Error::other(format!(
                    "another referee daemon uses {} (it holds {})",
                    directory.display(),
                    path.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self {
            _file: file,
            owner: format!("{}-{}", std::process::id(), hex::encode(nonce)),
        })
    }
}

/// Held as long as the daemon lives: no other daemon, of whatever machine, works on this database.
///
/// On PostgreSQL it is a lock of the session behind it. On SQLite the file is this machine's, and
/// its state directory, which [`InstanceLock`] guards, is enough.
#[derive(Debug)]
pub struct DatabaseLock {
    _session: Option<AnyConnection>,
}

impl Store {
    /// Takes the database for this daemon alone. Commands on the side do not need it: they own no
    /// attempts.
    ///
    /// # Errors
    /// When another daemon has it, or the database fails.
    pub async fn take(&self) -> Result<DatabaseLock> {
        if self.engine == Engine::Sqlite {
            return Ok(DatabaseLock { _session: None });
        }
        let mut session = self.options.connect().await?;
        let taken: bool = sqlx::query_scalar(
            "SELECT pg_try_advisory_lock(hashtext('referee daemon ' || current_schema()))",
        )
        .fetch_one(&mut session)
        .await?;
        match taken {
            true => Ok(DatabaseLock {
                _session: Some(session),
            }),
            false => Err(std::io::Error::other("another referee daemon uses this database").into()),
        }
    }
}
