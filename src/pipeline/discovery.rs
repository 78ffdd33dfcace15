//! Repositories come, get other names, and go. The forge's number of a repository tells which it is;
//! a name that fits the pattern only makes it a candidate, and an organizer decides.

use super::App;
use super::publish::{self, Way};
use crate::forge::ForgeRepository;
use crate::model::{Challenge, ForgeName, TeamSlug};
use crate::store::{RegistrationRequest, RegistrationState, Repository};

/// What a repository is to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// A team's.
    Team(Repository),
    /// It waits for an organizer.
    Waits,
    /// Nobody's, or no longer there.
    Nobody,
}

/// Looks at all repositories that a forge has for our challenges: new names are kept, new
/// repositories become candidates. A forge that does not answer is asked again next time.
///
/// # Errors
/// When the database fails.
pub(super) async fn sweep(app: &App) -> anyhow::Result<()> {
    for challenge in &app.challenges {
        let Some(forge) = app.forges.get(&challenge.forge) else {
            continue;
        };
        let name = &challenge.forge;
        match forge.repositories(&challenge.teams).await {
            Ok(found) => {
                app.health.answered(name, Way::Look);
                for at in found {
                    seen(app, name, &at).await?;
                    if !at.archived {
                        publish::is_back(app, name, &at.id).await?;
                    }
                }
            }
            Err(error) => {
                let now = app.clock.now();
                app.health.failed(name, (Way::Look, &error), now);
                // Its trouble is said once, and stays said until it works again.
                if !app.health.is_told(name) {
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

/// What the repository with this number is to us, asked of the forge where we do not know it.
///
/// # Errors
/// When the forge does not answer or the database fails.
pub async fn known(app: &App, forge: &ForgeName, forge_id: &str) -> anyhow::Result<Known> {
    if let Some(repository) = app.store.repository_of(forge, forge_id).await? {
        return Ok(Known::Team(repository));
    }
    match app.forge(forge)?.repository(forge_id).await? {
        Some(at) => seen(app, forge, &at).await,
        None => Ok(Known::Nobody),
    }
}

/// Takes note of a repository as the forge has it now.
async fn seen(app: &App, forge: &ForgeName, at: &ForgeRepository) -> anyhow::Result<Known> {
    let now = app.clock.now();
    if let Some(known) = app.store.repository_of(forge, &at.id).await? {
        if known.full_name == at.full_name {
            return Ok(Known::Team(known));
        }
        tracing::info!(
            before = known.full_name,
            after = at.full_name,
            "repository renamed"
        );
        let renamed = Repository {
            full_name: at.full_name.clone(),
            ..known
        };
        let (bound, _) = app.store.bind_repository(&renamed, &[], now).await?;
        return Ok(Known::Team(bound));
    }
    let Some((challenge, team)) = wanted(app, forge, &at.full_name) else {
        return Ok(Known::Nobody);
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
    let known = app.store.seen_repository(&request, now).await?;
    if known.is_some_and(|c| c.state == RegistrationState::Refused) {
        return Ok(Known::Nobody);
    }
    notify(app, challenge, (at, &team)).await?;
    Ok(Known::Waits)
}

/// The challenge and team that a repository of this name would belong to.
fn wanted<'a>(
    app: &'a App,
    forge: &ForgeName,
    full_name: &str,
) -> Option<(&'a Challenge, TeamSlug)> {
    app.challenges
        .iter()
        .filter(|c| c.forge == *forge)
        .find_map(|c| Some((c, c.team_of(full_name)?)))
}

/// Asks the organizers, once for each repository.
async fn notify(
    app: &App,
    challenge: &Challenge,
    (at, team): (&ForgeRepository, &TeamSlug),
) -> anyhow::Result<()> {
    let name = &at.full_name;
    let text = format!(
        "The repository `{name}` wants to take part as team `{team}`, and nobody here made it. What \
         is pushed there is not looked at yet.\n\n\
         Write `/team approve {team}` in a comment to let it in. What stands in it then is its first \
         submission, counted from that moment."
    );
    let subject = format!("candidate {} {}", challenge.forge, at.id);
    publish::notify_organizers(app, challenge, (&subject, &text)).await
}
