//! One daemon per state directory, and the name that leases of this start carry.
//!
//! Because the lock is exclusive, every lease of an earlier start is known to be dead the moment
//! the lock is held: nothing has to wait for leases to run out after a crash.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek as _, Write as _};
use std::path::Path;

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
