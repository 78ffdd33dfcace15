//! The lock of a state directory and the lock of a database. A daemon holds both.
//!
//! Both locks are exclusive. A daemon that holds them knows that every lease of an earlier start is
//! lost, so after a crash nothing has to wait until leases run out.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek as _, Write as _};
use std::path::Path;

use sqlx::{AnyConnection, ConnectOptions as _};

use super::open::Engine;
use super::{Result, Store};

/// The lock of a state directory. The operating system releases it when the daemon ends, also after a crash.
#[derive(Debug)]
pub struct InstanceLock {
    _file: File,
    /// The owner of all leases of this start of the daemon.
    pub owner: String,
}

impl InstanceLock {
    /// # Errors
    /// Another daemon holds the lock, or the directory cannot be written.
    pub fn acquire(directory: &Path, nonce: [u8; 8]) -> std::io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let path = directory.join("referee.lock");
        let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path)?;
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
        Ok(Self { _file: file, owner: format!("{}-{}", std::process::id(), hex::encode(nonce)) })
    }
}

/// The lock of a database, against daemons of other machines.
///
/// On PostgreSQL it is a lock of the session. On SQLite the file is on this machine, so the [`InstanceLock`] of the
/// state directory is enough.
#[derive(Debug)]
pub struct DatabaseLock {
    _session: Option<AnyConnection>,
}

impl Store {
    /// Locks the database for one daemon. Other commands do not need the lock, because they own no attempts.
    ///
    /// A server that restarts releases the lock, and the daemon does not take it again.
    ///
    /// # Errors
    /// Another daemon holds the lock.
    pub async fn lock_for_daemon(&self) -> Result<DatabaseLock> {
        if self.engine == Engine::Sqlite {
            return Ok(DatabaseLock { _session: None });
        }
        let mut session = self.options.connect().await?;
        let locked: bool =
            sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtext('referee daemon ' || current_schema()))")
                .fetch_one(&mut session)
                .await?;
        if locked {
            Ok(DatabaseLock { _session: Some(session) })
        } else {
            let message = "another referee daemon uses this database; stop it, or give this one another database";
            Err(std::io::Error::other(message).into())
        }
    }
}
