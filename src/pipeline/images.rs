//! Images that were pushed to a forge's registry become submissions, however we came to look.
//!
//! A delivery and the sweep both end here: list the owner's tags, pin what each stands for now,
//! compare with what we saw last, enter what changed. A tag is believed only as long as it takes to
//! read its digest, and an owner is who the forge's number says, not who has the name.

use anyhow::Context as _;
use futures_util::StreamExt as _;

use super::App;
use crate::clock;
use crate::forge::PushedTag;
use crate::forge::registry::{Registry, RegistryError};
use crate::model::{Challenge, ForgeName, PhaseSlug, TaskSlug, limits};
use crate::store::{ImageOwner, ImageRecord, NewImage, SeenImage};

/// Owners looked at, at the same time.
const LOOKS: usize = 4;
/// Manifests asked for at the same time, by one look.
const MANIFESTS: usize = 4;

/// What a look at an owner brought to light.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Images {
    /// What was entered.
    pub entered: Vec<ImageRecord>,
    /// Tags (`name:tag`) that trigger no phase or name no task.
    pub idle: Vec<String>,
}

/// Acts on a forge's message that somebody pushed an image: looks at all that the owner has.
///
/// # Errors
/// When forge or registry do not answer, or the database fails.
pub async fn hear(
    app: &App,
    forge: &ForgeName,
    (id, login): (i64, &str),
) -> anyhow::Result<String> {
    let Some(mut owner) = app.store.image_owner(forge, id).await? else {
        tracing::info!(
            forge = forge.as_str(),
            owner = login,
            "image of an unknown owner ignored"
        );
        return Ok("ignored: the owner of the image is no team's".to_owned());
    };
    if owner.login != login {
        tracing::info!(before = owner.login, after = login, "owner renamed");
        owner.login = login.to_owned();
        owner = app.store.bind_image_owner(&owner, app.clock.now()).await?;
    }
    let images = look(app, &owner).await?;
    for tag in &images.idle {
        tracing::info!(owner = login, tag, "image fits no phase or task");
    }
    let new = images.entered.iter().filter(|r| r.new).count();
    let idle = images.idle.len();
    Ok(format!("{new} images entered, {idle} fit no phase or task"))
}

/// Looks at the owners of all teams' images. What cannot be read is logged and tried again next
/// time. Returns how many submissions were entered.
///
/// # Errors
/// When the database fails.
pub async fn sweep(app: &App) -> anyhow::Result<usize> {
    let owners = app.store.image_owners().await?;
    let looks: Vec<_> = owners
        .into_iter()
        .map(|owner| async move { (look(app, &owner).await, owner) })
        .collect();
    let mut looked = futures_util::stream::iter(looks).buffer_unordered(LOOKS);
    let mut entered = 0;
    while let Some((result, owner)) = looked.next().await {
        match result {
            Ok(images) => entered += images.entered.iter().filter(|r| r.new).count(),
            Err(error) => tracing::warn!(
                owner = owner.login,
                error = format!("{error:#}"),
                "images not readable"
            ),
        }
    }
    Ok(entered)
}

/// Looks at an owner's images. At first sight nothing that stands is special: an owner exists for
/// its images.
///
/// # Errors
/// When forge or registry cannot be read, or the database fails; then the next sweep tries again.
pub async fn look(app: &App, owner: &ImageOwner) -> anyhow::Result<Images> {
    let now = app.clock.now();
    let repository = app.store.repository(owner.repository).await?;
    let challenge = app
        .challenge(&repository.challenge)
        .with_context(|| format!("challenge {} is not configured", repository.challenge))?;
    let forge = app.forge(&owner.forge)?;
    let tags = forge.images(&owner.login).await?;
    let mut images = Images::default();
    let mut wanted = Vec::new();
    for tag in tags {
        if tag.owner_id != owner.owner_id {
            // The name has passed to somebody else. The delivery of a push tells the new one.
            tracing::warn!(owner = owner.login, "the owner's name is now another's");
            continue;
        }
        match meaning(challenge, &tag) {
            Some(means) => wanted.push((tag, means)),
            None => images.idle.push(format!("{}:{}", tag.name, tag.tag)),
        }
    }
    if wanted.len() > limits::IMAGE_TAGS_MAX {
        // The forge lists the newest first.
        let (tags, most) = (wanted.len(), limits::IMAGE_TAGS_MAX);
        tracing::warn!(owner = owner.login, tags, most, "old tags not looked at");
        wanted.truncate(most);
    }
    if wanted.is_empty() && app.store.known_images(owner).await?.is_empty() {
        return Ok(images);
    }
    let pinned = pin(&forge.registry().await?, owner, wanted).await?;
    let known = app.store.known_images(owner).await?;
    let seen: Vec<SeenImage> = pinned.iter().map(|(seen, _)| seen.clone()).collect();
    let changed = pinned.into_iter().filter(|(seen, _)| !known.contains(seen));
    let new: Vec<NewImage> = changed
        .flat_map(|(seen, (phases, task))| {
            phases.into_iter().map(move |phase| NewImage {
                seen: seen.clone(),
                phase,
                task: task.clone(),
                token: clock::page_token(),
                revision: challenge.revision.clone(),
            })
        })
        .collect();
    let at = (owner, &repository);
    images.entered = app.store.observe_images(at, &seen, &new, now).await?;
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

/// The phases that a tag triggers, and the task that it names.
type Means = (Vec<PhaseSlug>, TaskSlug);

fn meaning(challenge: &Challenge, tag: &PushedTag) -> Option<Means> {
    let phases: Vec<PhaseSlug> = challenge
        .phases_of_image(&tag.name)
        .map(|p| p.slug.clone())
        .collect();
    let task = challenge.task_of_tag(&tag.tag)?.slug.clone();
    (!phases.is_empty()).then_some((phases, task))
}

/// What the tags stand for right now. One that is gone meanwhile is left out.
async fn pin(
    registry: &Registry,
    owner: &ImageOwner,
    tags: Vec<(PushedTag, Means)>,
) -> anyhow::Result<Vec<(SeenImage, Means)>> {
    let asked: Vec<_> = tags
        .into_iter()
        .map(|(PushedTag { name, tag, .. }, means)| async move {
            let repository = in_registry(owner, &name);
            match registry.manifest(&repository, &tag).await {
                Ok(manifest) => {
                    let digest = manifest.digest;
                    Ok(Some((SeenImage { name, tag, digest }, means)))
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

/// What the registry calls an image of an owner. A registry knows lower case only.
pub(super) fn in_registry(owner: &ImageOwner, name: &str) -> String {
    format!("{}/{name}", owner.login.to_lowercase())
}
