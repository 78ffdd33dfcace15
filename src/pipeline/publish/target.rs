//! The repository that something is shown in. Names change, numbers do not: what fails under the name
//! that we know is tried once more under the one that the forge has now.

use std::future::Future;

use super::Unsent;
use crate::forge::{Forge, ForgeError, ForgeRepository};
use crate::model::{CommitSha, ForgeName, RepositoryId};
use crate::pipeline::publish::Way;
use crate::pipeline::{App, located};
use crate::store::Repository;

/// A repository on a forge.
pub(super) struct Target<'a> {
    /// The forge.
    pub forge: &'a dyn Forge,
    /// Its name.
    pub name: ForgeName,
    /// The repository.
    pub at: ForgeRepository,
    /// Its row, if it is a team's.
    bound: Option<Repository>,
}

impl<'a> Target<'a> {
    /// A team's repository.
    pub async fn of(app: &'a App, id: RepositoryId) -> anyhow::Result<Self> {
        let repository = app.store.repository(id).await?;
        Ok(Self {
            forge: app.forge(&repository.forge)?.as_ref(),
            name: repository.forge.clone(),
            at: located(&repository),
            bound: Some(repository),
        })
    }

    /// Any repository, by the forge's number of it.
    pub async fn by_id(app: &'a App, name: &ForgeName, forge_id: &str) -> Result<Self, Unsent> {
        if let Some(repository) = app.store.repository_of(name, forge_id).await? {
            return Ok(Self::of(app, repository.id).await?);
        }
        let forge = app.forge(name)?.as_ref();
        let at = forge.repository(forge_id).await?;
        Ok(Self {
            forge,
            name: name.clone(),
            at: at.ok_or(Unsent::Gone)?,
            bound: None,
        })
    }

    /// Any repository, by its name.
    pub async fn by_name(app: &'a App, name: &ForgeName, full_name: &str) -> Result<Self, Unsent> {
        let forge = app.forge(name)?.as_ref();
        let at = forge.repository_named(full_name).await?;
        Ok(Self {
            forge,
            name: name.clone(),
            at: at.ok_or(ForgeError::NotFound)?,
            bound: None,
        })
    }

    /// Does something in the repository; once more under its new name, where it has been renamed.
    pub async fn call<T, F, R>(&mut self, app: &App, doing: F) -> Result<T, Unsent>
    where
        F: Fn(&'a dyn Forge, ForgeRepository) -> R,
        R: Future<Output = Result<T, ForgeError>>,
    {
        let error = match doing(self.forge, self.at.clone()).await {
            Ok(value) => {
                app.health.answered(&self.name, Way::Write);
                return Ok(value);
            }
            Err(error) if error.may_be_renamed() => error,
            Err(error) => {
                if matches!(error, ForgeError::Archived) {
                    app.health.archived(&self.name, &self.at.id);
                }
                return Err(error.into());
            }
        };
        let Some(now) = self.forge.repository(&self.at.id).await? else {
            return Err(Unsent::Gone);
        };
        if now.full_name == self.at.full_name {
            return Err(error.into());
        }
        if let Some(bound) = &self.bound {
            let renamed = Repository {
                full_name: now.full_name.clone(),
                ..bound.clone()
            };
            let (bound, _) = app
                .store
                .bind_repository(&renamed, &[], app.clock.now())
                .await?;
            self.bound = Some(bound);
        }
        self.at = now;
        Ok(doing(self.forge, self.at.clone()).await?)
    }

    /// [`Target::call`] about a commit. Forges say many things of one that they no longer have, most
    /// often only that they failed: they are asked for it.
    pub async fn call_of_commit<T, F, R>(
        &mut self,
        app: &App,
        sha: &CommitSha,
        doing: F,
    ) -> Result<T, Unsent>
    where
        F: Fn(&'a dyn Forge, ForgeRepository) -> R,
        R: Future<Output = Result<T, ForgeError>>,
    {
        let error = match self.call(app, doing).await {
            Err(Unsent::Forge(
                error @ (ForgeError::Server { .. }
                | ForgeError::NotFound
                | ForgeError::Invalid(_)
                | ForgeError::Conflict(_)),
            )) => error,
            other => return other,
        };
        match self.forge.has_commit(&self.at, sha).await {
            Ok(false) => {}
            // What it failed at first is the better reason.
            Ok(true) | Err(_) => return Err(error.into()),
        }
        // A repository that is hidden from us hides its commits in the same words.
        match self.forge.repository(&self.at.id).await? {
            Some(_) => Err(Unsent::NoCommit),
            None => Err(Unsent::Gone),
        }
    }

    /// The team's row.
    pub fn bound(&self) -> Option<&Repository> {
        self.bound.as_ref()
    }
}
