//! Images: tags in a forge's registry become submissions, whatever the reason for looking.
//!
//! A delivery and the sweep both end here: list the tags of an owner, pin the digest of each, compare them with the
//! last known ones, enter the changes. The forge's own id identifies an owner, not the name. The sweep asks the
//! registry only about open phases. A push to another phase is answered when its delivery arrives.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use futures_util::StreamExt as _;

use super::context::Context;
use super::forges::Forges;
use crate::clock;
use crate::forge::ImageTag;
use crate::forge::registry::{Registry, RegistryError};
use crate::model::{Challenge, Duration, ForgeName, Phase, PhaseSlug, TaskSlug, limits};
use crate::store::{ImageOwner, ImageRecord, NewImage, SeenImage};

/// Owners that are read at the same time.
const READS: usize = 4;
/// Manifests of one owner that are read at the same time.
const MANIFESTS: usize = 4;

/// The sweep reads the images of a phase for so long after its end. An image that was pushed at the last minute and not
/// announced is then rejected as late, not ignored.
const AFTER_THE_END: Duration = Duration::seconds(3600);

/// The phases whose images are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phases {
    /// All phases: an image was just pushed.
    All,
    /// Open phases.
    Open,
}

/// The changes of an owner's images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Images {
    pub entered: Vec<ImageRecord>,
    /// Tags (`name:tag`) that trigger no phase or name no task.
    pub unmatched: Vec<String>,
}

/// Acts on a delivery that announces an image: reads all images of its owner. Returns a note for the delivery.
///
/// # Errors
/// When the forge or its registry does not answer.
pub async fn announced(
    context: &Context,
    forges: &Forges,
    forge: &ForgeName,
    owner_id: i64,
    login: &str,
) -> anyhow::Result<String> {
    let Some(mut owner) = context.store.image_owner(forge, owner_id).await? else {
        tracing::info!(forge = forge.as_str(), owner = login, "image of an unknown owner ignored");
        return Ok("ignored: the owner of the image belongs to no team".to_owned());
    };
    if owner.login != login {
        owner = renamed(context, owner, login).await?;
    }
    let images = observe(context, forges, &owner, Phases::All).await?;
    for tag in &images.unmatched {
        tracing::info!(owner = login, tag, "image matches no phase or task");
    }
    let new = images.entered.iter().filter(|r| r.new).count();
    let unmatched = images.unmatched.len();
    Ok(format!("images entered: {new}; without a phase or task: {unmatched}"))
}

async fn renamed(context: &Context, owner: ImageOwner, login: &str) -> anyhow::Result<ImageOwner> {
    tracing::info!(before = owner.login, after = login, "owner renamed");
    let owner = ImageOwner { login: login.to_owned(), ..owner };
    let now = context.clock.now();
    Ok(context.store.bind_image_owner(&owner, now).await?)
}

/// Reads the images of all teams. Images that cannot be read are logged and tried again by the next sweep. Returns the
/// number of new submissions.
pub async fn sweep(context: &Context, forges: &Forges) -> anyhow::Result<usize> {
    let mut owners = context.store.image_owners().await?;
    owners.retain(|owner| forges.is_usable(&owner.forge));
    let owners = with_current_names(context, forges, owners).await?;
    let reads: Vec<_> = owners
        .into_iter()
        .map(|owner| async move { (observe(context, forges, &owner, Phases::Open).await, owner) })
        .collect();
    let mut reads = futures_util::stream::iter(reads).buffer_unordered(READS);
    let mut entered = 0;
    while let Some((result, owner)) = reads.next().await {
        match result {
            Ok(images) => entered += images.entered.iter().filter(|r| r.new).count(),
            Err(error) => tracing::warn!(owner = owner.login, error = format!("{error:#}"), "images not readable"),
        }
    }
    Ok(entered)
}

/// The owners with the names that the forges have for them now.
async fn with_current_names(
    context: &Context,
    forges: &Forges,
    owners: Vec<ImageOwner>,
) -> anyhow::Result<Vec<ImageOwner>> {
    let on: BTreeSet<ForgeName> = owners.iter().map(|o| o.forge.clone()).collect();
    let mut names = BTreeMap::new();
    for forge in on {
        match forges.require(&forge)?.members()?.organizations().await {
            Ok(all) => names.extend(all.into_iter().map(|(id, name)| ((forge.clone(), id), name))),
            Err(error) => {
                tracing::warn!(forge = forge.as_str(), %error, "organizations not listed");
            }
        }
    }
    let mut current = Vec::new();
    for owner in owners {
        let name = names.get(&(owner.forge.clone(), owner.owner_id));
        current.push(match name {
            Some(name) if *name != owner.login => renamed(context, owner, name).await?,
            _ => owner,
        });
    }
    Ok(current)
}

/// Reads the images of an owner and enters their changes. Images that exist at the first look are entered as well: an
/// owner exists for its images.
///
/// # Errors
/// When the forge or its registry cannot be read. The next sweep tries again.
pub async fn observe(context: &Context, forges: &Forges, owner: &ImageOwner, phases: Phases) -> anyhow::Result<Images> {
    let now = context.clock.now();
    let repository = context.store.repository(owner.repository).await?;
    let challenge = context
        .challenge(&repository.challenge)
        .with_context(|| format!("challenge {} is not configured", repository.challenge))?;
    let forge = forges.require(&owner.forge)?;
    let known = context.store.known_images(owner).await?;
    let selected = selected_phases(context, challenge, phases).await?;
    let tags = forge.packages()?.image_tags(&owner.login).await?;
    let Sorted { wanted, unchanged, unmatched } = sort(owner, challenge, &selected, tags);
    let mut images = Images { entered: Vec::new(), unmatched };
    if wanted.is_empty() && known.is_empty() {
        return Ok(images);
    }
    let pinned = pin(&forge.packages()?.registry().await?, owner, wanted).await?;
    let mut seen: Vec<SeenImage> = pinned.iter().map(|(seen, _)| seen.clone()).collect();
    // The registry was not asked about the tags of other phases.
    let is_unchanged = |image: &&SeenImage| unchanged.contains(&(image.name.clone(), image.tag.clone()));
    seen.extend(known.iter().filter(is_unchanged).cloned());
    let changed = pinned.into_iter().filter(|(seen, _)| !known.contains(seen));
    let new: Vec<NewImage> = changed
        .flat_map(|(seen, entry)| {
            entry.phases.into_iter().map(move |phase| NewImage {
                seen: seen.clone(),
                phase,
                task: entry.task.clone(),
                token: clock::page_token(),
                config_digest: challenge.config_digest.clone(),
            })
        })
        .collect();
    if new.is_empty() && seen.len() == known.len() && seen.iter().all(|s| known.contains(s)) {
        return Ok(images);
    }
    let store = &context.store;
    images.entered = store.observe_images(owner, &repository, &seen, &new, now).await?;
    for record in images.entered.iter().filter(|r| r.new) {
        tracing::info!(
            owner = owner.login,
            submission = record.submission.0,
            image = record.seen.pushed_as(),
            digest = record.seen.digest.as_str(),
            "submission received"
        );
    }
    Ok(images)
}

/// The phases whose images are read, with the bounds that organizers have set.
async fn selected_phases(
    context: &Context,
    challenge: &Challenge,
    phases: Phases,
) -> anyhow::Result<BTreeSet<PhaseSlug>> {
    let overrides = context.store.overrides(&challenge.slug).await?;
    let now = context.clock.now();
    let is_selected = |phase: &&Phase| {
        let phase = overrides.phase(&challenge.slug, phase);
        let open = phase.opens <= now && now <= phase.closes.plus(AFTER_THE_END);
        open || phases == Phases::All
    };
    let all = challenge.phases.iter().filter(is_selected);
    Ok(all.map(|phase| phase.slug.clone()).collect())
}

/// The phases that a tag triggers, and the task that it names.
struct TagEntry {
    phases: Vec<PhaseSlug>,
    task: TaskSlug,
}

/// The tags of an owner.
struct Sorted {
    /// Tags of selected phases, the newest first.
    wanted: Vec<(ImageTag, TagEntry)>,
    /// Name and tag of images of other phases.
    unchanged: BTreeSet<(String, String)>,
    /// Tags of no phase, or of no task.
    unmatched: Vec<String>,
}

fn sort(owner: &ImageOwner, challenge: &Challenge, selected: &BTreeSet<PhaseSlug>, tags: Vec<ImageTag>) -> Sorted {
    let mut sorted = Sorted { wanted: Vec::new(), unchanged: BTreeSet::new(), unmatched: Vec::new() };
    for tag in tags {
        if tag.owner_id != owner.owner_id {
            // Another owner has the name now. The next sweep, or a delivery, brings the new name of this one.
            tracing::warn!(owner = owner.login, "the owner's name belongs to another owner now");
            continue;
        }
        match entry_of(challenge, &tag) {
            None => sorted.unmatched.push(format!("{}:{}", tag.name, tag.tag)),
            Some(mut entry) => {
                entry.phases.retain(|phase| selected.contains(phase));
                if entry.phases.is_empty() {
                    sorted.unchanged.insert((tag.name, tag.tag));
                } else {
                    sorted.wanted.push((tag, entry));
                }
            }
        }
    }
    if sorted.wanted.len() > limits::IMAGE_TAGS_MAX {
        // The forge lists the newest first.
        let (tags, most) = (sorted.wanted.len(), limits::IMAGE_TAGS_MAX);
        tracing::warn!(owner = owner.login, tags, most, "old tags ignored");
        sorted.wanted.truncate(most);
    }
    sorted
}

fn entry_of(challenge: &Challenge, tag: &ImageTag) -> Option<TagEntry> {
    let phases: Vec<PhaseSlug> = challenge.phases_of_image(&tag.name).map(|p| p.slug.clone()).collect();
    let task = challenge.task_of_tag(&tag.tag)?.slug.clone();
    (!phases.is_empty()).then_some(TagEntry { phases, task })
}

/// The current digest of each tag. A tag that was deleted in the meantime is left out.
async fn pin(
    registry: &Registry,
    owner: &ImageOwner,
    tags: Vec<(ImageTag, TagEntry)>,
) -> anyhow::Result<Vec<(SeenImage, TagEntry)>> {
    let asked: Vec<_> = tags
        .into_iter()
        .map(|(ImageTag { name, tag, .. }, entry)| async move {
            let repository = in_registry(owner, &name);
            match registry.manifest(&repository, &tag).await {
                Ok(manifest) => {
                    let digest = manifest.digest;
                    Ok(Some((SeenImage { name, tag, digest }, entry)))
                }
                Err(RegistryError::NotFound(_)) => Ok(None),
                Err(error) => Err(error),
            }
        })
        .collect();
    let mut answers = futures_util::stream::iter(asked).buffered(MANIFESTS);
    let mut pinned = Vec::new();
    while let Some(answer) = answers.next().await {
        pinned.extend(answer?);
    }
    Ok(pinned)
}

/// The registry's name of an owner's image. A registry has lower-case names only.
pub(super) fn in_registry(owner: &ImageOwner, name: &str) -> String {
    format!("{}/{name}", owner.login.to_lowercase())
}
