//! Discovery: repositories appear, get other names, and disappear.
//!
//! The forge's own id identifies a repository. A new repository whose name matches the pattern of a challenge's teams
//! becomes a registration request, and an organizer decides.

use super::context::Context;
use super::forge_health::CallKind;
use super::forges::Forges;
use super::outbox;
use crate::forge::ForgeRepository;
use crate::model::{Challenge, ForgeName, TeamSlug};
use crate::store::{RegistrationRequest, RegistrationState, Repository};

/// The role of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// It belongs to a team.
    Team(Repository),
    /// A registration request waits for an organizer.
    Requested,
    /// It belongs to no challenge, its request was refused, or it does not exist.
    Unrelated,
}

/// Lists the repositories of all challenges: records new names, and creates registration requests for new repositories.
/// A forge that does not answer is asked again by the next sweep.
pub(super) async fn sweep(context: &Context, forges: &Forges) -> anyhow::Result<()> {
    for challenge in &context.challenges {
        let name = &challenge.forge;
        let Some(forge) = forges.get(name) else {
            continue;
        };
        match forge.team_repositories(&challenge.teams).await {
            Ok(found) => {
                forges.health.succeeded(name, CallKind::Read);
                for at in found {
                    record(context, forges, name, &at).await?;
                    if !at.archived {
                        forges.record_unarchived(context, name, &at.id).await?;
                    }
                }
            }
            Err(error) => {
                let now = context.clock.now();
                forges.health.failed(name, CallKind::Read, &error, now);
                // Trouble with a forge is logged once, until the forge works again.
                if !forges.health.is_logged(name) {
                    tracing::warn!(
                        forge = name.as_str(),
                        challenge = challenge.slug.as_str(),
                        %error,
                        "repositories not listed"
                    );
                }
            }
        }
    }
    Ok(())
}

/// The role of the repository with this id. The forge is asked about a repository that is not in the database.
///
/// # Errors
/// When the forge does not answer.
pub async fn known(context: &Context, forges: &Forges, forge: &ForgeName, forge_id: &str) -> anyhow::Result<Known> {
    if let Some(repository) = context.store.repository_of(forge, forge_id).await? {
        return Ok(Known::Team(repository));
    }
    match forges.require(forge)?.repository(forge_id).await? {
        Some(at) => record(context, forges, forge, &at).await,
        None => Ok(Known::Unrelated),
    }
}

/// Records a repository as the forge describes it now.
async fn record(context: &Context, forges: &Forges, forge: &ForgeName, at: &ForgeRepository) -> anyhow::Result<Known> {
    let now = context.clock.now();
    if let Some(known) = context.store.repository_of(forge, &at.id).await? {
        if known.full_name == at.full_name {
            return Ok(Known::Team(known));
        }
        tracing::info!(before = known.full_name, after = at.full_name, "repository renamed");
        let renamed = Repository { full_name: at.full_name.clone(), ..known };
        let (bound, _) = context.store.bind_repository(&renamed, &[], now).await?;
        return Ok(Known::Team(bound));
    }
    let Some((challenge, team)) = matching(context, forge, &at.full_name) else {
        return Ok(Known::Unrelated);
    };
    let request = RegistrationRequest {
        id: 0,
        forge: forge.clone(),
        forge_id: at.id.clone(),
        full_name: at.full_name.clone(),
        challenge: challenge.slug.clone(),
        team: team.clone(),
        state: RegistrationState::Pending,
        created_at: now,
    };
    let known = context.store.record_registration_request(&request, now).await?;
    if known.is_some_and(|r| r.state == RegistrationState::Refused) {
        return Ok(Known::Unrelated);
    }
    notify_organizers(context, forges, challenge, at, &team).await?;
    Ok(Known::Requested)
}

/// The challenge and the team that a repository of this name would belong to.
fn matching<'a>(context: &'a Context, forge: &ForgeName, full_name: &str) -> Option<(&'a Challenge, TeamSlug)> {
    context.challenges.iter().filter(|c| c.forge == *forge).find_map(|c| Some((c, c.team_of(full_name)?)))
}

/// Notifies the organizers of a registration request, once.
async fn notify_organizers(
    context: &Context,
    forges: &Forges,
    challenge: &Challenge,
    at: &ForgeRepository,
    team: &TeamSlug,
) -> anyhow::Result<()> {
    let text = format!(
        "The repository `{}` asks to take part as team `{team}`. Referee did not create it, so Referee ignores its \
         pushes until you approve it.\n\n\
         Write `/team approve {team}` in a comment to approve it. Referee then enters the current state of its \
         branches and tags as its first submissions. The time of the approval counts.",
        at.full_name
    );
    let subject = format!("registration {} {}", challenge.forge, at.id);
    let now = context.clock.now();
    match outbox::organizer_notice(forges, challenge, &subject, &text, now) {
        Some(message) => Ok(context.store.enqueue_once(&message, now).await?),
        None => {
            tracing::warn!(
                challenge = challenge.slug.as_str(),
                repository = at.full_name,
                "a registration request waits, and the organizers have no repository for notices"
            );
            Ok(())
        }
    }
}
