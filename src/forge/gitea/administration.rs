//! A participating team on Gitea and Forgejo: its repository, its forge team, its members and the organization of its
//! images.

use anyhow::Context as _;
use async_trait::async_trait;

use super::bodies::split;
use super::forge::GiteaForge;
use super::owner::{ORGANIZERS, PARTICIPANTS, PULLERS, PUSHERS};
use super::packages::REGISTRY_HELP;
use super::setup::set_up;
use crate::forge::{
    Administration, CreatedImageOwner, CreatedTeam, ForgeError, Members as _, NewTeam, Packages as _, Reporter, Result,
    SetupLine, Step,
};
use crate::model::{Challenge, TeamSlug, Timestamp};

#[async_trait]
impl Administration for GiteaForge {
    async fn set_up(
        &self,
        challenge: &Challenge,
        hook_url: &str,
        now: Timestamp,
        report: &mut Reporter<'_>,
    ) -> anyhow::Result<()> {
        set_up(self, challenge, hook_url, now, report).await
    }

    async fn create_team(&self, new: &NewTeam<'_>) -> Result<CreatedTeam> {
        let owner = self.owner()?;
        let mut unknown = Vec::new();
        for login in new.members {
            if !owner.account_exists(login).await? {
                unknown.push(*login);
            }
        }
        if !unknown.is_empty() {
            let unknown = unknown.join(", ");
            let message = format!("it has no account named {unknown}; nothing was created");
            return Err(ForgeError::Invalid(message));
        }
        let full_name = new.full_name;
        let generated = owner.generate(new.template, full_name).await;
        let (repository, outcome) = generated.map_err(|error| match error {
            ForgeError::NotFound => ForgeError::Invalid(format!(
                "it has no repository {} to make {full_name} from; `referee forge setup` creates it",
                new.template
            )),
            other => other,
        })?;
        let mut steps = vec![Step::new(outcome, format!("repository {full_name}"))];
        // The forge team has the name of the repository.
        let (id, outcome) = owner.team(full_name, PARTICIPANTS, false).await?;
        steps.push(Step::new(outcome, format!("team {full_name}")));
        owner.team_repository(id, full_name).await?;
        if let Some(organizers) = new.organizers {
            // They read the reports in the team's repository, and answer its questions by commands there.
            let (organizers, _) = owner.team(organizers, ORGANIZERS, false).await?;
            owner.team_repository(organizers, full_name).await?;
        }
        // Only members may see the other members, and our account has to see who takes part.
        owner.member(id, &self.account().await?.login).await?;
        for login in new.members {
            let outcome = owner.member(id, login).await?;
            steps.push(Step::new(outcome, format!("account {login}: member of {full_name}")));
        }
        Ok(CreatedTeam { repository, url: format!("{}/{full_name}.git", self.public_url), steps })
    }

    /// A package right applies to a whole organization, so each team gets a private organization of its own. Its
    /// number identifies the owner of an image.
    async fn create_image_owner(
        &self,
        challenge: &Challenge,
        team: &TeamSlug,
        members: &[String],
        hook_url: &str,
        report: &mut Reporter<'_>,
    ) -> anyhow::Result<CreatedImageOwner> {
        let owner = self.owner()?;
        let mut report = |outcome, subject: String| report(SetupLine::Step(Step::new(outcome, subject)));
        let registry = self.registry().await.context("asking the forge for the account of Referee")?;
        let has_registry = registry.is_there().await;
        anyhow::ensure!(
            has_registry.with_context(|| format!("looking for the registry of {}", self.url))?,
            "{} has no registry, so nothing was created for images. {REGISTRY_HELP}. Then repeat this command",
            self.url
        );
        let (organization, _) = split(&challenge.teams.before)?;
        let login = format!("{organization}-{team}");
        let outcome = owner.organization(&login).await;
        let outcome = outcome.with_context(|| format!("creating the organization {login}"))?;
        report(outcome, format!("organization {login}"));
        let others = owner
            .other_owners(&login)
            .await
            .with_context(|| format!("reading the owners of {login}; the token must belong to one of them"))?;
        anyhow::ensure!(
            others.is_empty(),
            "{login} is also owned by {}, who could push images for the team. Remove them from its team Owners, \
             and repeat this command",
            others.join(", ")
        );
        let readers = format!("{login}/referee");
        let (id, outcome) = owner.team(&readers, PULLERS, true).await?;
        report(outcome, format!("team {readers}: the account of Referee"));
        owner.member(id, &self.account().await?.login).await?;
        let pushers = format!("{login}/members");
        let (id, outcome) = owner.team(&pushers, PUSHERS, true).await?;
        report(outcome, format!("team {pushers}: its members push images"));
        for login in members {
            let outcome = owner.member(id, login).await?;
            report(outcome, format!("account {login}: member of {pushers}"));
        }
        let outcome = owner.webhook(&login, hook_url).await?;
        report(outcome, format!("webhook to {hook_url}"));
        let host = self.public_url.split_once("://");
        let host = host.map_or(self.public_url.as_str(), |(_, host)| host);
        Ok(CreatedImageOwner {
            id: owner.organization_id(&login).await?,
            registry_host: host.split('/').next().unwrap_or(host).to_owned(),
            login,
        })
    }
}
