//! Who may give which command: organizers, and members of a team in the team's own repository.
//!
//! The forge is asked each time, and a command is refused when the forge does not answer the
//! question. It does not know how a command is carried out.

use super::Command;
use super::refusal::{CommandRefusal, CommandResult};
use crate::command::{CommandError, CommandProblem, CommandRole, CommandSet as _};
use crate::forge::ForgeError;
use crate::model::{Challenge, ForgeName, Sender, TeamSlug};
use crate::pipeline::App;
use crate::pipeline::discovery::{self, Known};

/// The name under which commands of `referee admin` are stored, in place of a forge. Their
/// repository is the challenge. `referee.toml` cannot give this name to a forge.
pub const COMMAND_LINE: &str = crate::config::RESERVED_FORGE;

/// A repository, or the command line, from which Referee takes commands.
#[derive(Debug, Clone)]
pub(super) struct CommandSource<'a> {
    /// The challenge that the commands are about.
    pub challenge: &'a Challenge,
    /// `owner/name`; empty for the command line.
    pub full_name: String,
    kind: SourceKind,
}

#[derive(Debug, Clone)]
enum SourceKind {
    /// A person who can write the database may give every command of organizers.
    CommandLine,
    Organizers,
    Team {
        team: TeamSlug,
        private: bool,
    },
}

impl<'a> CommandSource<'a> {
    /// The source with this number on this forge; none if Referee takes no commands from it.
    ///
    /// # Errors
    /// The forge does not answer, or the database fails.
    pub(super) async fn find(app: &'a App, forge: &ForgeName, forge_id: &str) -> anyhow::Result<Option<Self>> {
        let challenges = &app.context.challenges;
        if forge.as_str() == COMMAND_LINE {
            let challenge = challenges.iter().find(|c| c.slug.as_str() == forge_id);
            return Ok(challenge.map(|challenge| Self {
                challenge,
                full_name: String::new(),
                kind: SourceKind::CommandLine,
            }));
        }
        let Some(repository) = app.forges.require(forge)?.repository(forge_id).await? else {
            return Ok(None);
        };
        let full_name = repository.full_name;
        let is_organizers = |c: &&Challenge| c.forge == *forge && c.organizers.as_deref() == Some(&full_name);
        if let Some(challenge) = challenges.iter().find(is_organizers) {
            return Ok(Some(Self { challenge, full_name, kind: SourceKind::Organizers }));
        }
        let Known::Team(bound) = discovery::known(&app.context, &app.forges, forge, forge_id).await? else {
            return Ok(None);
        };
        Ok(app.context.challenge(&bound.challenge).map(|challenge| Self {
            challenge,
            full_name,
            kind: SourceKind::Team { team: bound.team, private: repository.private },
        }))
    }

    pub(super) fn is_command_line(&self) -> bool {
        matches!(self.kind, SourceKind::CommandLine)
    }

    /// The team that owns the repository; none for the organizers' repository and the command line.
    pub(super) fn team(&self) -> Option<&TeamSlug> {
        match &self.kind {
            SourceKind::Team { team, .. } => Some(team),
            SourceKind::CommandLine | SourceKind::Organizers => None,
        }
    }

    /// The role in which a person may give a command here. A member of the team has the role of a
    /// participant where the command allows it, also if the person is an organizer.
    ///
    /// # Errors
    /// [`CommandRefusal::NotPermitted`], or a reason for which the forge cannot answer.
    pub(super) async fn role_of(&self, app: &App, command: &Command, person: &Sender) -> CommandResult<CommandRole> {
        let refusal = match &self.kind {
            SourceKind::CommandLine => return permit(command, CommandRole::Organizer),
            SourceKind::Organizers => CommandRefusal::NotOrganizer,
            SourceKind::Team { private, .. } => match permit(command, CommandRole::Participant) {
                Ok(role) if self.is_team_member(app, person, *private).await? => return Ok(role),
                Ok(_) => CommandRefusal::NotMember,
                Err(not_permitted) => not_permitted,
            },
        };
        if self.is_organizer(app, person).await? {
            return permit(command, CommandRole::Organizer);
        }
        Err(refusal)
    }

    /// Whether a person belongs to the team of the repository: by the forge's team of the
    /// repository's name, or, without such a team, because the repository is private.
    async fn is_team_member(&self, app: &App, person: &Sender, private: bool) -> anyhow::Result<bool> {
        let forge = app.forges.require(&self.challenge.forge)?;
        match forge.members()?.is_member(&self.full_name, person).await {
            Ok(member) => Ok(member),
            Err(ForgeError::NotFound | ForgeError::Forbidden(_)) => Ok(private),
            Err(error) => Err(error.into()),
        }
    }

    async fn is_organizer(&self, app: &App, person: &Sender) -> CommandResult<bool> {
        let Some(organizers) = &self.challenge.organizers else {
            return Err(CommandRefusal::NoOrganizers);
        };
        let forge = app.forges.require(&self.challenge.forge)?;
        match forge.members()?.is_member(organizers, person).await {
            Ok(is_member) => Ok(is_member),
            Err(error @ (ForgeError::Forbidden(_) | ForgeError::NotFound)) => {
                tracing::error!(organizers, %error, "the forge does not show the members of the organizers' team");
                Err(CommandRefusal::OrganizersHidden(organizers.clone()))
            }
            Err(error) => Err(CommandRefusal::Fault(error.into())),
        }
    }
}

pub(super) fn permit(command: &Command, role: CommandRole) -> CommandResult<CommandRole> {
    let permission = command.permission();
    if permission.includes(role) {
        return Ok(role);
    }
    let problem = CommandProblem::NotAllowed(permission);
    Err(CommandError::of_command(command.spec(), problem).into())
}
