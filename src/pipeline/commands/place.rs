//! Where commands are heard: in the organizers' repository and in those of teams. And who may give
//! them: asked of the forge each time, and refused when it cannot be found out.

use crate::command::{Command, CommandError, Role};
use crate::forge::ForgeError;
use crate::model::{Challenge, ForgeName, Sender, TeamSlug};
use crate::pipeline::App;
use crate::pipeline::discovery::{self, Known};

/// Stands for the forge of a command that was given on the server itself, by `referee admin`; the
/// repository is the challenge then. `referee.toml` may not call a forge so.
pub const COMMAND_LINE: &str = crate::config::RESERVED_FORGE;

/// A place for commands.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    /// They are about this challenge.
    pub challenge: &'a Challenge,
    /// The repository's name, `owner/name`.
    pub full_name: String,
    /// Of this team; none for the organizers' own.
    pub team: Option<TeamSlug>,
    private: bool,
    /// On the server itself: whoever can write the database may do anything.
    pub trusted: bool,
}

/// The place that a repository is, if it is one.
///
/// # Errors
/// When the forge does not answer or the database fails.
pub async fn of<'a>(
    app: &'a App,
    forge: &ForgeName,
    forge_id: &str,
) -> anyhow::Result<Option<Place<'a>>> {
    if forge.as_str() == COMMAND_LINE {
        let challenge = app
            .context
            .challenges
            .iter()
            .find(|c| c.slug.as_str() == forge_id);
        return Ok(challenge.map(|challenge| Place {
            challenge,
            full_name: String::new(),
            team: None,
            private: true,
            trusted: true,
        }));
    }
    let Some(at) = app.forges.require(forge)?.repository(forge_id).await? else {
        return Ok(None);
    };
    let own = app
        .context
        .challenges
        .iter()
        .find(|c| c.forge == *forge && c.organizers.as_deref() == Some(at.full_name.as_str()));
    if let Some(challenge) = own {
        return Ok(Some(Place {
            challenge,
            full_name: at.full_name,
            team: None,
            private: at.private,
            trusted: false,
        }));
    }
    let Known::Team(repository) =
        discovery::known(&app.context, &app.forges, forge, forge_id).await?
    else {
        return Ok(None);
    };
    Ok(app
        .context
        .challenge(&repository.challenge)
        .map(|challenge| Place {
            challenge,
            full_name: at.full_name,
            team: Some(repository.team),
            private: at.private,
            trusted: false,
        }))
}

impl Place<'_> {
    /// Whether somebody may give a command here, and as what.
    ///
    /// # Errors
    /// Why not, as a sentence for the one who asked.
    pub async fn permit(
        &self,
        app: &App,
        command: &Command,
        who: &Sender,
    ) -> anyhow::Result<Result<Role, String>> {
        if self.trusted {
            let role = command.permit(Role::Organizer);
            return Ok(role.map(|()| Role::Organizer).map_err(|e| e.to_string()));
        }
        let mut refusal: Option<CommandError> = None;
        if self.team.is_some() {
            match command.permit(Role::Participant) {
                Ok(()) if self.takes_part(app, who).await? => return Ok(Ok(Role::Participant)),
                Ok(()) => {}
                Err(error) => refusal = Some(error),
            }
        }
        let Some(organizers) = &self.challenge.organizers else {
            return Ok(Err(
                "This challenge names no organizers: set `organizers` in challenge.toml to a team \
                 of the forge."
                    .to_owned(),
            ));
        };
        match app
            .forges
            .require(&self.challenge.forge)?
            .is_member(organizers, who)
            .await
        {
            Ok(true) => Ok(command
                .permit(Role::Organizer)
                .map(|()| Role::Organizer)
                .map_err(|e| e.to_string())),
            Ok(false) => Ok(Err(match refusal {
                Some(error) => error.to_string(),
                None => "Only members of this team, and organizers, may say that here.".to_owned(),
            })),
            Err(error @ (ForgeError::Forbidden(_) | ForgeError::NotFound)) => {
                tracing::error!(organizers, %error, "nobody can be recognised as an organizer");
                Ok(Err(format!(
                    "It cannot be found out who is an organizer, so nothing was done. Whoever runs \
                     this server has to make our account a member of `{organizers}`; \
                     `referee doctor` says more."
                )))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether somebody belongs to the team whose repository this is: by the forge's team of the
    /// repository's name, or, where there is none, because the repository is shown to nobody else.
    async fn takes_part(&self, app: &App, who: &Sender) -> anyhow::Result<bool> {
        let forge = app.forges.require(&self.challenge.forge)?;
        match forge.is_member(&self.full_name, who).await {
            Ok(member) => Ok(member),
            Err(ForgeError::NotFound | ForgeError::Forbidden(_)) => Ok(self.private),
            Err(error) => Err(error.into()),
        }
    }
}
