//! Orders about repositories: making a team's, and which of those that nobody here has made are teams'.
//!
//! A team is bound to the forge's number of its repository, never to a name; a name that fits the
//! pattern only makes a repository a candidate.

use std::time::Duration as StdDuration;

use serde_json::json;

use super::super::{App, observe};
use super::{Answer, Desk, Refusal};
use crate::clock;
use crate::forge::{Forge, ForgeError, ForgeRepository, MadeTeam, NewTeam};
use crate::model::{CommitSha, RepositoryId, TeamSlug};
use crate::store::{RegistrationRequest, RegistrationState, Repository, SeenRef};

/// Looks at a new repository until its template is in it.
const TEMPLATE_LOOKS_MAX: u32 = 60;
const TEMPLATE_PAUSE: StdDuration = StdDuration::from_millis(500);

/// Makes a team with its repository on the challenge's forge, or what is missing of them, and binds it;
/// none where the forge does not let us.
///
/// # Errors
/// When the forge says no, or team or repository belong to somebody else.
pub async fn add(
    desk: &Desk<'_>,
    forge: &dyn Forge,
    (team, members): (&TeamSlug, &[&str]),
) -> Answer<Option<(Repository, MadeTeam)>> {
    let challenge = desk.challenge;
    let new = NewTeam {
        full_name: &challenge.teams.repository_of(team),
        template: &challenge.template_repository(),
        organizers: challenge.organizers.as_deref(),
        members,
    };
    let Some(made) = forge.make_team(&new).await? else {
        return Ok(None);
    };
    let refs = template_of(forge, new.full_name).await?;
    let bound = bind(desk, team, (&made.repository, refs)).await?;
    Ok(Some((bound, made)))
}

/// A forge answers before the template's files are all there: what is read too early would make the
/// template the team's first submission.
async fn template_of(forge: &dyn Forge, full_name: &str) -> Answer<Vec<(String, CommitSha)>> {
    for _ in 0..TEMPLATE_LOOKS_MAX {
        let refs = forge.refs(full_name).await?;
        if !refs.is_empty() {
            return Ok(refs);
        }
        tokio::time::sleep(TEMPLATE_PAUSE).await;
    }
    let message = format!("{full_name} is still empty");
    Err(Refusal::Forge(ForgeError::Unreadable(message)))
}

/// Binds a team to its repository. What stands in it at first sight is the template, known and
/// entered nowhere.
///
/// # Errors
/// When either belongs to somebody else, or the database fails.
pub async fn bind(
    desk: &Desk<'_>,
    team: &TeamSlug,
    (at, refs): (&ForgeRepository, Vec<(String, CommitSha)>),
) -> Answer<Repository> {
    let new = Repository {
        id: RepositoryId(0),
        forge: desk.challenge.forge.clone(),
        forge_id: at.id.clone(),
        full_name: at.full_name.clone(),
        challenge: desk.challenge.slug.clone(),
        team: team.clone(),
        hook_token: clock::page_token(),
    };
    let refs: Vec<SeenRef> = refs
        .into_iter()
        .map(|(full_ref, commit)| SeenRef { full_ref, commit })
        .collect();
    let (bound, is_new) = desk.store.bind_repository(&new, &refs, desk.now).await?;
    if is_new {
        let detail = json!({ "repository": bound.full_name, "challenge": bound.challenge });
        let by = desk.actor.to_string();
        let about = (bound.team.as_str(), detail);
        desk.store.record(&by, "team add", about, desk.now).await?;
    }
    Ok(bound)
}

/// Candidates that nobody has decided on, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn pending(desk: &Desk<'_>) -> Answer<Vec<RegistrationRequest>> {
    let mut all = desk
        .store
        .registration_requests(&desk.challenge.slug)
        .await?;
    all.retain(|c| c.state == RegistrationState::Pending);
    Ok(all)
}

/// Makes a candidate its team's repository. The daemon looks at it with its next sweep, or at once
/// where the order is given to it ([`approve_and_look`]).
///
/// # Errors
/// When there is no such candidate, it is bound already, or the team has another repository.
pub async fn approve(desk: &Desk<'_>, full_name: &str) -> Answer<Repository> {
    let request = request(desk, full_name).await?;
    let team = &request.team;
    if request.state == RegistrationState::Bound {
        let message = format!("`{full_name}` is the repository of team `{team}`");
        return Err(Refusal::Already(message));
    }
    let audit = desk.audit(
        "team approve",
        subject(&request),
        decided(&request, "bound", ""),
    );
    let token = clock::page_token();
    Ok(desk
        .store
        .approve(&request, &token, &audit, desk.now)
        .await?)
}

/// [`approve`], and what stands in the repository is entered at once.
///
/// # Errors
/// As [`approve`]. A repository that cannot be read now is left to the sweep.
pub async fn approve_and_look(app: &App, desk: &Desk<'_>, full_name: &str) -> Answer<Repository> {
    let repository = approve(desk, full_name).await?;
    if let Err(error) = observe::observe(&app.context, &app.forges, &repository).await {
        tracing::warn!(
            repository = repository.full_name,
            error = format!("{error:#}"),
            "repository not readable; left to the sweep"
        );
    }
    Ok(repository)
}

/// Refuses a candidate. What is pushed there is ignored.
///
/// # Errors
/// When there is no such candidate, or it is bound or refused already.
pub async fn refuse(desk: &Desk<'_>, full_name: &str, why: &str) -> Answer<RegistrationRequest> {
    let request = request(desk, full_name).await?;
    if request.state != RegistrationState::Pending {
        let message = format!("`{full_name}` is {}", request.state.as_str());
        return Err(Refusal::Already(message));
    }
    let detail = decided(&request, "refused", why);
    let audit = desk.audit("team refuse", subject(&request), detail);
    desk.store.refuse(&request, &audit, desk.now).await?;
    Ok(request)
}

/// The candidate of that name: of several that have had it, the newest.
async fn request(desk: &Desk<'_>, full_name: &str) -> Answer<RegistrationRequest> {
    let all = desk
        .store
        .registration_requests(&desk.challenge.slug)
        .await?;
    let named = all.iter().rev().find(|c| c.full_name == full_name);
    named.cloned().ok_or_else(|| {
        let open = all.iter().filter(|c| c.state == RegistrationState::Pending);
        let known = open.map(|c| c.full_name.as_str());
        Refusal::unknown("repository that waits for an approval", &full_name, known)
    })
}

fn subject(request: &RegistrationRequest) -> String {
    format!("{} team {}", request.challenge, request.team)
}

fn decided(request: &RegistrationRequest, after: &str, why: &str) -> serde_json::Value {
    json!({
        "before": request.state.as_str(),
        "after": after,
        "repository": request.full_name,
        "forge": request.forge,
        "forge_id": request.forge_id,
        "reason": why,
    })
}
