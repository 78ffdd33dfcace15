//! Observation: the refs of a repository become submissions, whatever the reason for looking.
//!
//! A push hook, a webhook delivery and the sweep all end here: read the refs, compare them with the last known ones,
//! enter the changes. No claim of a message is believed.

use anyhow::Context as _;
use futures_util::StreamExt as _;

use super::context::Context;
use super::forges::Forges;
use super::{discovery, images};
use crate::clock;
use crate::model::{Challenge, Timestamp};
use crate::store::{NewSource, Repository, SeenRef, SourceRecord};

/// Repositories that are read at the same time.
const READS: usize = 4;

/// The changes of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Refs that are new or have another commit.
    pub changed: Vec<SeenRef>,
    /// The sources that they enter.
    pub entered: Vec<SourceRecord>,
}

/// Reads the refs of a repository and enters their changes.
///
/// # Errors
/// When the repository cannot be read. The next sweep tries again.
pub async fn observe(context: &Context, forges: &Forges, repository: &Repository) -> anyhow::Result<Observed> {
    let now = context.clock.now();
    let challenge = context
        .challenge(&repository.challenge)
        .with_context(|| format!("challenge {} is not configured", repository.challenge))?;
    let refs = read_refs(forges, repository).await?;
    let known = context.store.known_refs(repository.id).await?;
    let changed: Vec<SeenRef> = refs.iter().filter(|seen| !known.contains(seen)).cloned().collect();
    let deleted = known.iter().any(|k| !refs.iter().any(|r| r.full_ref == k.full_ref));
    if changed.is_empty() && !deleted {
        return Ok(Observed { changed, entered: Vec::new() });
    }
    let new = entries(challenge, &changed);
    let entered = context.store.observe(repository, &refs, &new, now).await?;
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

/// Records the refs of a repository without entering anything: the first look at it.
///
/// # Errors
/// As [`observe`].
pub async fn record_refs(
    context: &Context,
    forges: &Forges,
    repository: &Repository,
    now: Timestamp,
) -> anyhow::Result<()> {
    let refs = read_refs(forges, repository).await?;
    context.store.observe(repository, &refs, &[], now).await?;
    Ok(())
}

async fn read_refs(forges: &Forges, repository: &Repository) -> anyhow::Result<Vec<SeenRef>> {
    let forge = forges.require(&repository.forge)?;
    let refs = forge.refs(&repository.full_name).await?;
    Ok(refs.into_iter().map(|(full_ref, commit)| SeenRef { full_ref, commit }).collect())
}

/// The changed refs that trigger a phase, each with that phase.
fn entries(challenge: &Challenge, changed: &[SeenRef]) -> Vec<NewSource> {
    changed
        .iter()
        .flat_map(|seen| {
            challenge.phases_of_ref(&seen.full_ref).map(|phase| NewSource {
                seen: seen.clone(),
                phase: phase.slug.clone(),
                token: clock::page_token(),
                config_digest: challenge.config_digest.clone(),
            })
        })
        .collect()
}

/// Finds new repositories, and reads the refs of all known ones and the images of all teams. A repository that cannot
/// be read is logged and tried again by the next sweep. Returns the number of new sources.
pub async fn sweep(context: &Context, forges: &Forges) -> anyhow::Result<usize> {
    discovery::sweep(context, forges).await?;
    let mut all = context.store.repositories().await?;
    all.retain(|r| context.challenge(&r.challenge).is_some());
    // Its own error is logged for a forge that is not configured.
    all.retain(|r| !forges.health.is_refused(&r.forge));
    let reads: Vec<_> = all
        .into_iter()
        .map(|repository| async move {
            let observed = observe(context, forges, &repository).await;
            (repository, observed)
        })
        .collect();
    let mut reads = futures_util::stream::iter(reads).buffer_unordered(READS);
    let mut entered = 0;
    while let Some((repository, result)) = reads.next().await {
        match result {
            Ok(observed) => entered += observed.entered.iter().filter(|r| r.new).count(),
            Err(error) => tracing::warn!(
                repository = repository.full_name,
                error = format!("{error:#}"),
                "repository not readable"
            ),
        }
    }
    Ok(entered + images::sweep(context, forges).await?)
}
