//! A participating team on Gitea and Forgejo: its repository, its forge team, its members.
//!
//! That takes the rights of an owner, which our own account does not have. Every step looks first, so all
//! of it may be repeated; nothing is taken from anybody.

use super::GiteaForge;
use super::owner::{ORGANIZERS, Owner, PARTICIPANTS};
use super::port::split;
use crate::forge::{Forge as _, ForgeError, MadeTeam, NewTeam, Result};

impl GiteaForge {
    /// Makes what is missing of a team.
    ///
    /// # Errors
    /// When an account does not exist, before anything is made; or the forge says no.
    pub(super) async fn newcomer(&self, owner: &Owner, new: &NewTeam<'_>) -> Result<MadeTeam> {
        let mut unknown = Vec::new();
        for login in new.members {
            if !owner.account_exists(login).await? {
                unknown.push(*login);
            }
        }
        if !unknown.is_empty() {
            let unknown = unknown.join(", ");
            let message = format!("it has no account named {unknown}; nothing was made");
            return Err(ForgeError::Invalid(message));
        }
        let full_name = new.full_name;
        let (organization, name) = split(full_name)?;
        let made = owner.generate(new.template, full_name).await;
        let (repository, met) = made.map_err(|error| match error {
            ForgeError::NotFound => ForgeError::Invalid(format!(
                "it has no repository {} to make {full_name} from; `referee forge setup` makes it",
                new.template
            )),
            other => other,
        })?;
        let mut steps = vec![(met, format!("repository {full_name}"))];
        let forge_team = format!("{organization}/{name}");
        let (id, met) = owner.team(&forge_team, PARTICIPANTS, false).await?;
        steps.push((met, format!("team {forge_team}")));
        owner.team_repository(id, full_name).await?;
        if let Some(organizers) = new.organizers {
            // They read the reports there, and command where the question is.
            let (organizers, _) = owner.team(organizers, ORGANIZERS, false).await?;
            owner.team_repository(organizers, full_name).await?;
        }
        // Only members are told who else is one: our account has to be asked who takes part.
        let bot = self.account().await?;
        owner.member(id, &bot.login).await?;
        for login in new.members {
            let met = owner.member(id, login).await?;
            steps.push((met, format!("account {login} in it")));
        }
        let steps = steps.into_iter();
        let steps = steps.map(|(met, what)| (met.as_str(), what)).collect();
        let url = format!("{}/{full_name}.git", self.public_url());
        Ok(MadeTeam {
            repository,
            url,
            steps,
        })
    }
}
