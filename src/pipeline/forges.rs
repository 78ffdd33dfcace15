//! The configured forges, the health of each, and the archived repositories that wait to come back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;

use super::context::Context;
use super::forge_health::Health;
use crate::forge::{Capabilities, Forge, ForgeError, ForgeRepository};
use crate::model::{Challenge, ForgeName, Origin};
use crate::store::{Repository, StoreError, SubmissionRecord};

/// All configured forges.
#[derive(Default)]
pub struct Forges {
    forges: BTreeMap<ForgeName, Arc<dyn Forge>>,
    /// Whether each forge answers and accepts the token.
    pub health: Health,
    /// Held while an issue is opened, so that two reports do not open two issues.
    pub opening_issue: tokio::sync::Mutex<()>,
    /// Repositories that were archived when Referee wrote to them last, by the forge's own id.
    archived: Mutex<BTreeSet<(ForgeName, String)>>,
}

impl Forges {
    pub fn new(forges: BTreeMap<ForgeName, Arc<dyn Forge>>) -> Self {
        Self { forges, ..Self::default() }
    }

    /// The forge of this name, if it is configured with a token.
    pub fn get(&self, name: &ForgeName) -> Option<&Arc<dyn Forge>> {
        self.forges.get(name)
    }

    /// The forge of this name.
    ///
    /// # Errors
    /// When it is not configured, or has no token.
    pub fn require(&self, name: &ForgeName) -> anyhow::Result<&Arc<dyn Forge>> {
        self.get(name).with_context(|| format!("no forge `{name}` is configured, or it has no `token-file`"))
    }

    /// The names of all forges.
    pub fn names(&self) -> impl Iterator<Item = &ForgeName> {
        self.forges.keys()
    }

    /// Whether the forge can be asked now: it is configured and accepts the token.
    pub fn is_usable(&self, name: &ForgeName) -> bool {
        self.forges.contains_key(name) && !self.health.is_refused(name)
    }

    /// The capabilities of a challenge's forge.
    pub fn capabilities(&self, challenge: &Challenge) -> Capabilities {
        self.get(&challenge.forge).map_or(Capabilities::NOTES_ONLY, |forge| forge.capabilities())
    }

    /// A bare repository on this disk that holds the commit of a submission.
    ///
    /// # Errors
    /// When the forge or the database fails, or the submission is an image.
    pub async fn commit(&self, context: &Context, record: &SubmissionRecord) -> Result<PathBuf, ForgeError> {
        let failed = |e: anyhow::Error| ForgeError::Io(std::io::Error::other(e));
        let Origin::Commit { sha, full_ref } = &record.submission.origin else {
            return Err(ForgeError::NotFound);
        };
        let repository = context.store.repository(record.repository).await;
        let repository = repository.map_err(|e| failed(e.into()))?;
        let forge = self.require(&repository.forge).map_err(failed)?;
        forge.fetch_commit(&located(&repository), full_ref, sha).await
    }

    /// Records that a repository is archived: Referee could not write to it.
    pub fn record_archived(&self, forge: &ForgeName, forge_id: &str) {
        self.archived().insert((forge.clone(), forge_id.to_owned()));
    }

    /// Records that a repository is not archived. If it was, the messages that wait for it are due now.
    pub async fn record_unarchived(
        &self,
        context: &Context,
        forge: &ForgeName,
        forge_id: &str,
    ) -> Result<(), StoreError> {
        let was_archived = self.archived().remove(&(forge.clone(), forge_id.to_owned()));
        if was_archived {
            let reason = ForgeError::Archived.to_string();
            let now = context.clock.now();
            context.store.retry_messages_now(forge, &reason, now).await?;
        }
        Ok(())
    }

    fn archived(&self) -> std::sync::MutexGuard<'_, BTreeSet<(ForgeName, String)>> {
        self.archived.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A team's repository in the form in which its forge is asked about it.
pub fn located(repository: &Repository) -> ForgeRepository {
    ForgeRepository {
        id: repository.forge_id.clone(),
        full_name: repository.full_name.clone(),
        private: true,
        archived: false,
    }
}
