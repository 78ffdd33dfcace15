//! Images that were pushed to a forge's registry become submissions, however we came to look.
//!
//! A delivery and the sweep both end here: list the owner's tags, pin what each stands for now,
//! compare with what we saw last, enter what changed. A tag is believed only as long as it takes to
//! read its digest, and an owner is who the forge's number says, not who has the name. The sweep asks
//! nothing of the registry for phases that are not open: who pushes to one is told so by the delivery.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use futures_util::StreamExt as _;

use super::App;
use crate::clock;
use crate::forge::PushedTag;
use crate::forge::registry::{Registry, RegistryError};
use crate::model::{Challenge, Duration, ForgeName, Phase, PhaseSlug, TaskSlug, limits};
use crate::store::{ImageOwner, ImageRecord, NewImage, SeenImage};

/// Owners looked at, at the same time.
const LOOKS: usize = 4;
/// Manifests asked for at the same time, by one look.
const MANIFESTS: usize = 4;

/// The sweep still looks so long after a phase's end: what was pushed at the last moment and announced
/// by nobody is told that it came late.
const AFTER_THE_END: Duration = Duration::seconds(3600);

/// The phases that a look is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phases {
    /// All: somebody has pushed just now.
    All,
    /// Those that are open.
    Open,
}

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
pub async fn receive(
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
        owner = renamed(app, owner, login).await?;
    }
    let images = look(app, &owner, Phases::All).await?;
    for tag in &images.idle {
        tracing::info!(owner = login, tag, "image fits no phase or task");
    }
    let new = images.entered.iter().filter(|r| r.new).count();
    let idle = images.idle.len();
    Ok(format!("{new} images entered, {idle} fit no phase or task"))
}

async fn renamed(app: &App, owner: ImageOwner, login: &str) -> anyhow::Result<ImageOwner> {
    tracing::info!(before = owner.login, after = login, "owner renamed");
    let owner = ImageOwner {
        login: login.to_owned(),
        ..owner
    };
    Ok(app.store.bind_image_owner(&owner, app.clock.now()).await?)
}

/// Looks at the owners of all teams' images, under the names that they have now. What cannot be read is
/// logged and tried again next time. Returns how many submissions were entered.
///
/// # Errors
/// When the database fails.
pub async fn sweep(app: &App) -> anyhow::Result<usize> {
    let mut owners = app.store.image_owners().await?;
    owners.retain(|owner| app.forges.contains_key(&owner.forge));
    owners.retain(|owner| !app.health.is_refused(&owner.forge));
    let owners = follow(app, owners).await?;
    let looks: Vec<_> = owners
        .into_iter()
        .map(|owner| async move { (look(app, &owner, Phases::Open).await, owner) })
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

/// Keeps the names that the forges have for these owners now.
async fn follow(app: &App, owners: Vec<ImageOwner>) -> anyhow::Result<Vec<ImageOwner>> {
    let forges: BTreeSet<ForgeName> = owners.iter().map(|o| o.forge.clone()).collect();
    let mut names = BTreeMap::new();
    for forge in forges {
        match app.forge(&forge)?.organizations().await {
            Ok(all) => names.extend(
                all.into_iter()
                    .map(|(id, name)| ((forge.clone(), id), name)),
            ),
            Err(error) => {
                tracing::warn!(forge = forge.as_str(), %error, "organizations not listed");
            }
        }
    }
    let mut followed = Vec::new();
    for owner in owners {
        let name = names.get(&(owner.forge.clone(), owner.owner_id));
        followed.push(match name {
            Some(name) if *name != owner.login => renamed(app, owner, name).await?,
            _ => owner,
        });
    }
    Ok(followed)
}

/// Looks at an owner's images. At first sight nothing that stands is special: an owner exists for
/// its images.
///
/// # Errors
/// When forge or registry cannot be read, or the database fails; then the next sweep tries again.
pub async fn look(app: &App, owner: &ImageOwner, phases: Phases) -> anyhow::Result<Images> {
    let now = app.clock.now();
    let repository = app.store.repository(owner.repository).await?;
    let challenge = app
        .challenge(&repository.challenge)
        .with_context(|| format!("challenge {} is not configured", repository.challenge))?;
    let forge = app.forge(&owner.forge)?;
    let known = app.store.known_images(owner).await?;
    let listens = listening(app, challenge, phases).await?;
    let tags = forge.images(&owner.login).await?;
    let Sorted { wanted, kept, idle } = sort(owner, (challenge, &listens), tags);
    let mut images = Images {
        entered: Vec::new(),
        idle,
    };
    if wanted.is_empty() && known.is_empty() {
        return Ok(images);
    }
    let pinned = pin(&forge.registry().await?, owner, wanted).await?;
    let mut seen: Vec<SeenImage> = pinned.iter().map(|(seen, _)| seen.clone()).collect();
    // What nobody asks about now is what it was.
    let is_kept = |image: &&SeenImage| kept.contains(&(image.name.clone(), image.tag.clone()));
    seen.extend(known.iter().filter(is_kept).cloned());
    let changed = pinned.into_iter().filter(|(seen, _)| !known.contains(seen));
    let new: Vec<NewImage> = changed
        .flat_map(|(seen, (phases, task))| {
            phases.into_iter().map(move |phase| NewImage {
                seen: seen.clone(),
                phase,
                task: task.clone(),
                token: clock::page_token(),
                config_digest: challenge.config_digest.clone(),
            })
        })
        .collect();
    if new.is_empty() && seen.len() == known.len() && seen.iter().all(|s| known.contains(s)) {
        return Ok(images);
    }
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

/// The phases that a look is for, as organizers have moved them.
async fn listening(
    app: &App,
    challenge: &Challenge,
    phases: Phases,
) -> anyhow::Result<BTreeSet<PhaseSlug>> {
    let (orders, now) = (app.store.overrides(&challenge.slug).await?, app.clock.now());
    let listens = |phase: &&Phase| {
        let phase = orders.phase(&challenge.slug, phase);
        let open = phase.opens <= now && now <= phase.closes.plus(AFTER_THE_END);
        open || phases == Phases::All
    };
    let all = challenge.phases.iter().filter(listens);
    Ok(all.map(|phase| phase.slug.clone()).collect())
}

/// The phases that a tag triggers, and the task that it names.
type Means = (Vec<PhaseSlug>, TaskSlug);

/// The tags of an owner.
struct Sorted {
    /// For phases that a look is for, the newest first.
    wanted: Vec<(PushedTag, Means)>,
    /// For other phases alone, as name and tag.
    kept: BTreeSet<(String, String)>,
    /// For no phase, or no task.
    idle: Vec<String>,
}

fn sort(
    owner: &ImageOwner,
    (challenge, listens): (&Challenge, &BTreeSet<PhaseSlug>),
    tags: Vec<PushedTag>,
) -> Sorted {
    let mut sorted = Sorted {
        wanted: Vec::new(),
        kept: BTreeSet::new(),
        idle: Vec::new(),
    };
    for tag in tags {
        if tag.owner_id != owner.owner_id {
            // The name has passed to somebody else. The next sweep, or a delivery, tells the new one.
            tracing::warn!(owner = owner.login, "the owner's name is now another's");
            continue;
        }
        match meaning(challenge, &tag) {
            None => sorted.idle.push(format!("{}:{}", tag.name, tag.tag)),
            Some((mut phases, task)) => {
                phases.retain(|phase| listens.contains(phase));
                if phases.is_empty() {
                    sorted.kept.insert((tag.name, tag.tag));
                } else {
                    sorted.wanted.push((tag, (phases, task)));
                }
            }
        }
    }
    if sorted.wanted.len() > limits::IMAGE_TAGS_MAX {
        // The forge lists the newest first.
        let (tags, most) = (sorted.wanted.len(), limits::IMAGE_TAGS_MAX);
        tracing::warn!(owner = owner.login, tags, most, "old tags not looked at");
        sorted.wanted.truncate(most);
    }
    sorted
}

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
