//! Intake: what stands in a repository becomes submissions, however we came to look.
//!
//! A push hook, a signed delivery and the sweep all end here: read the refs, compare with what we
//! saw last, enter what changed. Nothing that a message claims is believed.

use anyhow::Context as _;
use futures_util::StreamExt as _;

use super::{App, discovery, images};
use crate::clock;
use crate::model::{Challenge, Timestamp};
use crate::store::{NewSource, Repository, SeenRef, SourceRecord};

/// Repositories looked at, at the same time.
const LOOKS: usize = 4;

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
    let forge = app.forge(&repository.forge)?;
    let refs = forge.refs(&repository.full_name).await?;
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
                    config_digest: challenge.config_digest.clone(),
                })
        })
        .collect()
}

/// Looks at every repository, and for new ones, and at the images of teams. What cannot be read is logged and tried again next
/// time. Returns how many sources were entered.
///
/// # Errors
/// When the database fails.
pub async fn sweep(app: &App) -> anyhow::Result<usize> {
    discovery::sweep(app).await?;
    let mut all = app.store.repositories().await?;
    all.retain(|r| app.challenge(&r.challenge).is_some() && !app.health.is_refused(&r.forge));
    let looks: Vec<_> = all.into_iter().map(|r| look(app, r)).collect();
    let mut looked = futures_util::stream::iter(looks).buffer_unordered(LOOKS);
    let mut entered = 0;
    while let Some((repository, result)) = looked.next().await {
        match result {
            Ok(observed) => entered += observed.entered.iter().filter(|r| r.new).count(),
            Err(error) => tracing::warn!(
                repository = repository.full_name,
                error = format!("{error:#}"),
                "repository not readable"
            ),
        }
    }
    Ok(entered + images::sweep(app).await?)
}

async fn look(app: &App, repository: Repository) -> (Repository, anyhow::Result<Observed>) {
    let observed = observe(app, &repository).await;
    (repository, observed)
}
