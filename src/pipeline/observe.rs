//! Intake: what stands in a repository becomes submissions, however we came to look.
//!
//! A push hook, a signed delivery and the sweep all end here: read the refs, compare with what we
//! saw last, enter what changed. Nothing that a message claims is believed.

use anyhow::Context as _;

use super::App;
use crate::clock;
use crate::model::{Challenge, ForgeEvent, ForgeName, RepositoryRef, Timestamp};
use crate::store::{Candidate, CandidateState, NewSource, Repository, SeenRef, SourceRecord};

/// Deliveries handled in one go.
const DELIVERIES_A_STEP: i64 = 64;

/// What a look at a repository brought to light.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Refs whose value is new or changed.
    pub changed: Vec<SeenRef>,
    /// What they enter.
    pub entered: Vec<SourceRecord>,
}

/// Looks at a repository.
///
/// # Errors
/// When it cannot be read, or the database fails; then the next sweep tries again.
pub async fn observe(app: &App, repository: &Repository) -> anyhow::Result<Observed> {
    let now = app.clock.now();
    let challenge = app
        .challenge(&repository.challenge)
        .with_context(|| format!("challenge {} is not configured", repository.challenge))?;
    let refs = read_refs(app, repository).await?;
    let known = app.store.known_refs(repository.id).await?;
    let changed: Vec<SeenRef> = refs
        .iter()
        .filter(|seen| !known.contains(seen))
        .cloned()
        .collect();
    let gone = known
        .iter()
        .any(|k| !refs.iter().any(|r| r.full_ref == k.full_ref));
    if changed.is_empty() && !gone {
        return Ok(Observed {
            changed,
            entered: Vec::new(),
        });
    }
    let new = entries(challenge, &changed);
    let entered = app.store.observe(repository, &refs, &new, now).await?;
    for record in entered.iter().filter(|r| r.new) {
        tracing::info!(
            repository = repository.full_name,
            submission = record.submission.0,
            sha = record.seen.commit.as_str(),
            "submission received"
        );
    }
    Ok(Observed { changed, entered })
}

/// Takes note of what stands in a repository without entering anything: its first sight.
///
/// # Errors
/// As [`observe`].
pub async fn remember(app: &App, repository: &Repository, now: Timestamp) -> anyhow::Result<()> {
    let refs = read_refs(app, repository).await?;
    app.store.observe(repository, &refs, &[], now).await?;
    Ok(())
}

async fn read_refs(app: &App, repository: &Repository) -> anyhow::Result<Vec<SeenRef>> {
    let forge = app.forge(&repository.forge)?.clone();
    let name = repository.full_name.clone();
    let refs = tokio::task::spawn_blocking(move || forge.refs(&name)).await??;
    Ok(refs
        .into_iter()
        .map(|(full_ref, commit)| SeenRef { full_ref, commit })
        .collect())
}

/// The changed refs that trigger a phase, each with that phase.
fn entries(challenge: &Challenge, changed: &[SeenRef]) -> Vec<NewSource> {
    changed
        .iter()
        .flat_map(|seen| {
            challenge
                .phases_of_ref(&seen.full_ref)
                .map(|phase| NewSource {
                    seen: seen.clone(),
                    phase: phase.slug.clone(),
                    token: clock::page_token(),
                    revision: challenge.revision.clone(),
                })
        })
        .collect()
}

/// Acts on deliveries that nobody has acted on. Returns how many there were.
///
/// # Errors
/// When the database fails. A repository that cannot be read is noted and left to the sweep.
pub async fn handle_deliveries(app: &App) -> anyhow::Result<usize> {
    let deliveries = app.store.unhandled_deliveries(DELIVERIES_A_STEP).await?;
    let count = deliveries.len();
    for (id, delivery) in deliveries {
        let note = match repository(&delivery.event) {
            None => "ignored: nothing that we act on".to_owned(),
            Some(named) => {
                let found = app
                    .store
                    .repository_of(&delivery.forge, &named.id.to_string())
                    .await?;
                match found {
                    None => stranger(app, &delivery.forge, named).await?.to_owned(),
                    Some(repository) => match observe(app, &repository).await {
                        Ok(observed) => format!("{} refs changed", observed.changed.len()),
                        Err(error) => {
                            tracing::warn!(
                                repository = repository.full_name,
                                error = format!("{error:#}"),
                                "repository not readable; left to the sweep"
                            );
                            "left to the sweep".to_owned()
                        }
                    },
                }
            }
        };
        app.store.handled(id, &note, app.clock.now()).await?;
    }
    Ok(count)
}

/// Takes note of a repository that is no team's: by its name it may want to become one. What is
/// pushed to it is not looked at before an organizer has approved it.
async fn stranger(
    app: &App,
    forge: &ForgeName,
    named: &RepositoryRef,
) -> anyhow::Result<&'static str> {
    let fits = app.challenges.iter().filter(|c| c.forge == *forge);
    let fit = fits
        .filter_map(|c| Some((c, c.teams.team_of(&named.full_name)?)))
        .next();
    let Some((challenge, team)) = fit else {
        tracing::info!(
            forge = forge.as_str(),
            repository = named.id,
            "delivery of an unknown repository ignored"
        );
        return Ok("ignored: unknown repository");
    };
    let now = app.clock.now();
    let seen = Candidate {
        id: 0,
        forge: forge.clone(),
        forge_id: named.id.to_string(),
        full_name: named.full_name.clone(),
        challenge: challenge.slug.clone(),
        team,
        state: CandidateState::Pending,
        created_at: now,
    };
    let known = app.store.seen_repository(&seen, now).await?;
    Ok(match known.map(|c| c.state) {
        Some(CandidateState::Refused) => "ignored: an organizer has refused this repository",
        _ => "waits: an organizer has to approve this repository",
    })
}

/// The repository whose refs an event says have changed, or that was made.
fn repository(event: &ForgeEvent) -> Option<&RepositoryRef> {
    match event {
        ForgeEvent::Pushed { repository, .. }
        | ForgeEvent::Created { repository, .. }
        | ForgeEvent::Deleted { repository, .. } => Some(repository),
        ForgeEvent::Repository {
            repository, action, ..
        } if action == "created" => Some(repository),
        _ => None,
    }
}

/// Looks at every repository. What cannot be read is logged and tried again next time.
///
/// # Errors
/// When the database fails.
pub async fn sweep(app: &App) -> anyhow::Result<usize> {
    let mut entered = 0;
    for repository in app.store.repositories().await? {
        if app.challenge(&repository.challenge).is_none() {
            continue;
        }
        match observe(app, &repository).await {
            Ok(observed) => entered += observed.entered.iter().filter(|r| r.new).count(),
            Err(error) => tracing::warn!(
                repository = repository.full_name,
                error = format!("{error:#}"),
                "repository not readable"
            ),
        }
    }
    Ok(entered)
}
