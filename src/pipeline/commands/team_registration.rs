//! Teams and their repositories: made by Referee, or made by others and approved by an organizer.
//!
//! A team is bound to the number of its repository on the forge, never to a name. A name that fits the
//! pattern of a challenge only makes a repository a registration request.

use std::time::Duration as StdDuration;

use serde_json::json;

use super::context::CommandContext;
use super::refusal::{CommandRefusal, CommandResult};
use crate::clock;
use crate::forge::{CreatedTeam, Forge, ForgeError, ForgeRepository, NewTeam};
use crate::model::{CommitSha, RepositoryId, TeamSlug};
use crate::store::{RegistrationRequest, RegistrationState, Repository, SeenRef};

/// A new repository is read this often until it holds the template.
const TEMPLATE_READS_MAX: u32 = 60;
const TEMPLATE_PAUSE: StdDuration = StdDuration::from_millis(500);

/// Makes a team with its repository on the forge, or the parts that are missing, and binds it. None if
/// Referee has no right to make a team there.
///
/// # Errors
/// The forge refuses, or the team or the repository is bound otherwise.
pub async fn add_team(
    context: &CommandContext<'_>,
    forge: &dyn Forge,
    team: &TeamSlug,
    members: &[&str],
) -> CommandResult<Option<(Repository, CreatedTeam)>> {
    let challenge = context.challenge;
    let new = NewTeam {
        full_name: &challenge.teams.repository_of(team),
        template: &challenge.template_repository(),
        organizers: challenge.organizers.as_deref(),
        members,
    };
    let Ok(administration) = forge.administration() else {
        return Ok(None);
    };
    let made = administration.create_team(&new).await?;
    let refs = wait_for_template(forge, new.full_name).await?;
    let bound = bind_team(context, team, &made.repository, refs).await?;
    Ok(Some((bound, made)))
}

/// The refs of a new repository. A forge answers before the files of the template are there; without this
/// wait, the template would become the first submission of the team.
async fn wait_for_template(forge: &dyn Forge, full_name: &str) -> CommandResult<Vec<(String, CommitSha)>> {
    for _ in 0..TEMPLATE_READS_MAX {
        let refs = forge.refs(full_name).await?;
        if !refs.is_empty() {
            return Ok(refs);
        }
        tokio::time::sleep(TEMPLATE_PAUSE).await;
    }
    let message = format!("{full_name} is still empty");
    Err(ForgeError::Unreadable(message).into())
}

/// Binds a team to its repository. The commits that are in it now are the template: they are remembered
/// and not entered as submissions.
///
/// # Errors
/// The team has another repository, or the repository belongs to another team.
pub async fn bind_team(
    context: &CommandContext<'_>,
    team: &TeamSlug,
    repository: &ForgeRepository,
    refs: Vec<(String, CommitSha)>,
) -> CommandResult<Repository> {
    let new = Repository {
        id: RepositoryId(0),
        forge: context.challenge.forge.clone(),
        forge_id: repository.id.clone(),
        full_name: repository.full_name.clone(),
        challenge: context.challenge.slug.clone(),
        team: team.clone(),
        hook_token: clock::page_token(),
    };
    let refs: Vec<SeenRef> = refs.into_iter().map(|(full_ref, commit)| SeenRef { full_ref, commit }).collect();
    let detail = json!({ "repository": new.full_name, "challenge": new.challenge });
    let audit = context.audit("team add", new.team.as_str(), detail);
    Ok(context.store.register_repository(&new, &refs, &audit, context.now).await?)
}

/// Registration requests without a decision, oldest first.
pub(super) async fn pending_requests(context: &CommandContext<'_>) -> CommandResult<Vec<RegistrationRequest>> {
    let slug = &context.challenge.slug;
    let mut all = context.store.registration_requests(slug).await?;
    all.retain(|request| request.state == RegistrationState::Pending);
    Ok(all)
}

/// Makes the repository of a request the repository of its team. It does not read the repository.
///
/// # Errors
/// There is no such request, it is approved already, or the team has another repository.
pub(super) async fn approve_request(context: &CommandContext<'_>, full_name: &str) -> CommandResult<Repository> {
    let request = newest_request(context, full_name).await?;
    if request.state == RegistrationState::Approved {
        let state = format!("`{full_name}` is the repository of team `{}`", request.team);
        return Err(CommandRefusal::NothingToDo(state));
    }
    let detail = decision(&request, "bound", "");
    let audit = context.audit("team approve", subject(&request), detail);
    let token = clock::page_token();
    let store = context.store;
    let approved = store.approve_registration(&request, &token, &audit, context.now);
    Ok(approved.await?)
}

/// Refuses a request; pushes to its repository are ignored.
///
/// # Errors
/// There is no such request, or it is approved or refused already.
pub async fn refuse_request(
    context: &CommandContext<'_>,
    full_name: &str,
    reason: &str,
) -> CommandResult<RegistrationRequest> {
    let request = newest_request(context, full_name).await?;
    if request.state != RegistrationState::Pending {
        let state = format!("`{full_name}` is {}", request.state.as_str());
        return Err(CommandRefusal::NothingToDo(state));
    }
    let detail = decision(&request, "refused", reason);
    let audit = context.audit("team refuse", subject(&request), detail);
    context.store.refuse_registration(&request, &audit, context.now).await?;
    Ok(request)
}

/// The newest request of a repository with this name.
async fn newest_request(context: &CommandContext<'_>, full_name: &str) -> CommandResult<RegistrationRequest> {
    let slug = &context.challenge.slug;
    let all = context.store.registration_requests(slug).await?;
    let named = all.iter().rev().find(|request| request.full_name == full_name);
    named.cloned().ok_or_else(|| {
        let pending = |request: &&RegistrationRequest| request.state == RegistrationState::Pending;
        let known = all.iter().filter(pending).map(|request| &request.full_name);
        CommandRefusal::unknown("registration request", &full_name, known)
    })
}

fn subject(request: &RegistrationRequest) -> String {
    format!("{} team {}", request.challenge, request.team)
}

fn decision(request: &RegistrationRequest, after: &str, reason: &str) -> serde_json::Value {
    json!({
        "before": request.state.as_str(),
        "after": after,
        "repository": request.full_name,
        "forge": request.forge,
        "forge_id": request.forge_id,
        "reason": reason,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW, World};
    use super::*;

    #[tokio::test]
    async fn a_registration_request_is_approved_or_refused_by_name() {
        let mut world = World::new().await;
        world.scored("a", 0.5, NOW).await;
        world.registration_request("77", "b").await;
        world.registration_request("78", "a").await;
        let context = world.context();
        assert_eq!(pending_requests(&context).await.unwrap().len(), 2);
        let bound = approve_request(&context, "nuclei/team-b").await.unwrap();
        assert_eq!(bound.forge_id, "77");
        let twice = approve_request(&context, "nuclei/team-b").await;
        assert!(matches!(twice, Err(CommandRefusal::NothingToDo(_))));
        let taken = approve_request(&context, "nuclei/team-a").await;
        let taken = taken.unwrap_err().to_string();
        assert!(taken.contains("already has the repository nuclei/team-a"), "{taken}");
        let refused = refuse_request(&context, "nuclei/team-a", "not a team").await;
        assert_eq!(refused.unwrap().forge_id, "78");
        assert_eq!(pending_requests(&context).await.unwrap(), []);
        let unknown = refuse_request(&context, "nuclei/team-x", "").await;
        let unknown = unknown.unwrap_err().to_string();
        assert!(unknown.ends_with("Known: none."), "{unknown}");
        assert_eq!(world.audit().await, ["team approve", "team refuse"]);
    }
}
