//! One lock for each repository, so that one task at a time writes into it.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

/// The locks of all repositories of a forge, by the forge's own id of the repository.
#[derive(Debug, Default)]
pub struct RepositoryLocks {
    locks: Mutex<HashMap<String, Arc<Mutex<()>>>>,
}

impl RepositoryLocks {
    /// Waits until no other task holds the lock of this repository.
    pub async fn lock(&self, id: &str) -> OwnedMutexGuard<()> {
        let lock = Arc::clone(self.locks.lock().await.entry(id.to_owned()).or_default());
        lock.lock_owned().await
    }
}
