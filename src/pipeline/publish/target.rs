//! The repository that a message is published in. Names change and ids do not: a call that fails under the known name
//! is repeated under the name that the forge has now.

use std::future::Future;

use super::Unpublished;
use crate::forge::{Forge, ForgeError, ForgeRepository};
use crate::model::{CommitSha, ForgeName, RepositoryId};
use crate::pipeline::context::Context;
use crate::pipeline::forge_health::CallKind;
use crate::pipeline::forges::{Forges, located};
use crate::store::Repository;

/// A repository on a forge.
pub(super) struct Target<'a> {
    context: &'a Context,
    forges: &'a Forges,
    pub forge: &'a dyn Forge,
    /// Name of the forge.
    pub name: ForgeName,
    pub at: ForgeRepository,
    /// Its row, if it belongs to a team.
    bound: Option<Repository>,
}

impl<'a> Target<'a> {
    /// A team's repository.
    pub(super) async fn of(context: &'a Context, forges: &'a Forges, id: RepositoryId) -> anyhow::Result<Self> {
        Self::of_team(context, forges, context.store.repository(id).await?)
    }

    fn of_team(context: &'a Context, forges: &'a Forges, repository: Repository) -> anyhow::Result<Self> {
        Ok(Self {
            context,
            forges,
            forge: forges.require(&repository.forge)?.as_ref(),
            name: repository.forge.clone(),
            at: located(&repository),
            bound: Some(repository),
        })
    }

    /// Any repository, by the forge's own id.
    pub(super) async fn by_id(
        context: &'a Context,
        forges: &'a Forges,
        name: &ForgeName,
        forge_id: &str,
    ) -> Result<Self, Unpublished> {
        if let Some(repository) = context.store.repository_of(name, forge_id).await? {
            return Ok(Self::of_team(context, forges, repository)?);
        }
        let forge = forges.require(name)?.as_ref();
        let at = forge.repository(forge_id).await?;
        Ok(Self { context, forges, forge, name: name.clone(), at: at.ok_or(Unpublished::NoRepository)?, bound: None })
    }

    /// Any repository, by its name.
    pub(super) async fn by_name(
        context: &'a Context,
        forges: &'a Forges,
        name: &ForgeName,
        full_name: &str,
    ) -> Result<Self, Unpublished> {
        let forge = forges.require(name)?.as_ref();
        let at = forge.repository_named(full_name).await?;
        Ok(Self { context, forges, forge, name: name.clone(), at: at.ok_or(ForgeError::NotFound)?, bound: None })
    }

    /// Makes a call about the repository, and repeats it under the new name if the repository was renamed.
    pub(super) async fn call<T, F, R>(&mut self, call: F) -> Result<T, Unpublished>
    where
        F: Fn(&'a dyn Forge, ForgeRepository) -> R,
        R: Future<Output = Result<T, ForgeError>>,
    {
        let error = match call(self.forge, self.at.clone()).await {
            Ok(value) => {
                self.forges.health.succeeded(&self.name, CallKind::Write);
                return Ok(value);
            }
            Err(error) if error.may_be_renamed() => error,
            Err(error) => {
                if matches!(error, ForgeError::Archived) {
                    self.forges.record_archived(&self.name, &self.at.id);
                }
                return Err(error.into());
            }
        };
        let Some(now) = self.forge.repository(&self.at.id).await? else {
            return Err(Unpublished::NoRepository);
        };
        if now.full_name == self.at.full_name {
            return Err(error.into());
        }
        if let Some(bound) = &self.bound {
            let renamed = Repository { full_name: now.full_name.clone(), ..bound.clone() };
            let time = self.context.clock.now();
            let (bound, _) = self.context.store.bind_repository(&renamed, &[], time).await?;
            self.bound = Some(bound);
        }
        self.at = now;
        Ok(call(self.forge, self.at.clone()).await?)
    }

    /// [`Target::call`] about a commit. Forges answer in many ways for a commit that they no longer have, most often
    /// with a plain failure. So a failed call is followed by a question for the commit.
    pub(super) async fn call_of_commit<T, F, R>(&mut self, sha: &CommitSha, call: F) -> Result<T, Unpublished>
    where
        F: Fn(&'a dyn Forge, ForgeRepository) -> R,
        R: Future<Output = Result<T, ForgeError>>,
    {
        let error = match self.call(call).await {
            Err(Unpublished::Forge(
                error @ (ForgeError::Server { .. }
                | ForgeError::NotFound
                | ForgeError::Invalid(_)
                | ForgeError::Conflict(_)),
            )) => error,
            other => return other,
        };
        match self.forge.has_commit(&self.at, sha).await {
            Ok(false) => {}
            // The first failure is the better reason.
            Ok(true) | Err(_) => return Err(error.into()),
        }
        // A repository that is hidden from our account hides its commits with the same answer.
        match self.forge.repository(&self.at.id).await? {
            Some(_) => Err(Unpublished::NoCommit),
            None => Err(Unpublished::NoRepository),
        }
    }

    /// The row of a team's repository.
    pub(super) fn bound(&self) -> Option<&Repository> {
        self.bound.as_ref()
    }
}
