//! `referee team add --images`: where a team pushes its images.
//!
//! The right to push a package is the whole organization's on these forges, so each team has a private
//! organization of its own, and the forge's number of it tells whose an image is. It refuses an
//! organization that somebody else owns: its images would count as the team's.

use anyhow::Context as _;
use serde_json::json;

use super::forge::{Configured, configured, hook_address, organization};
use super::team::NewTeam;
use crate::clock::Clock;
use crate::config::Settings;
use crate::forge::Forge as _;
use crate::forge::gitea::owner::{PULLERS, PUSHERS};
use crate::store::{ImageOwner, Repository, Store};

/// Makes the organization, lets the team push and us read, and binds it to the team.
///
/// # Errors
/// When the forge or the database says no, or the organization is somebody else's.
pub async fn add(
    settings: &Settings,
    (store, bound): (&Store, &Repository),
    new: &NewTeam<'_>,
    hook_url: Option<&str>,
) -> anyhow::Result<()> {
    let at = configured(settings, new.challenge)?;
    registry(&at).await?;
    let owner = new.owner;
    let login = format!("{}-{}", organization(new.challenge)?, new.team);
    let met = owner
        .organization(&login)
        .await
        .with_context(|| format!("making the organization {login}"))?;
    println!("\n{:<6} organization {login}", met.as_str());
    let others = owner
        .other_owners(&login)
        .await
        .with_context(|| format!("asking who owns {login}; the token must be an owner's"))?;
    anyhow::ensure!(
        others.is_empty(),
        "{login} is also owned by {}, who could push as the team; remove them from its team Owners, \
         and repeat this command",
        others.join(", ")
    );
    let readers = format!("{login}/referee");
    let (id, met) = owner.team(&readers, PULLERS, true).await?;
    println!("{:<6} team {readers}: the account of Referee", met.as_str());
    let bot = at.forge.account().await?;
    owner.member(id, &bot.login).await?;
    let members = format!("{login}/members");
    let (id, met) = owner.team(&members, PUSHERS, true).await?;
    println!("{:<6} team {members}: pushes images", met.as_str());
    for user in new.users {
        let met = owner.member(id, user).await?;
        println!("{:<6} account {user} in it", met.as_str());
    }
    let url = hook_address(settings, at.name, hook_url);
    let met = owner.webhook(&login, &url, at.secret).await?;
    println!("{:<6} webhook to {url}", met.as_str());
    let image_owner = ImageOwner {
        id: 0,
        forge: at.name.clone(),
        owner_id: owner.organization_id(&login).await?,
        login: login.clone(),
        repository: bound.id,
    };
    bind(store, &image_owner, bound).await?;
    let url = at.public_url;
    let host = url.split_once("://").map_or(url, |(_, host)| host);
    let host = host.split('/').next().unwrap_or(host);
    println!(
        "\nIts members push images; the tag names the task:\n  docker push {host}/{login}/NAME:TASK"
    );
    Ok(())
}

/// What an administrator does where there is none.
pub const REGISTRY_REMEDY: &str =
    "An administrator of the forge sets `[packages] ENABLED = true` in its app.ini and restarts it";

/// Without a registry there would be nothing to push to.
async fn registry(at: &Configured<'_>) -> anyhow::Result<()> {
    let registry = at.forge.registry().await.context("asking who we are")?;
    let there = registry.is_there().await;
    anyhow::ensure!(
        there.with_context(|| format!("looking for the registry of {}", at.url))?,
        "{} has no registry, so nothing was made for images. {REGISTRY_REMEDY}; then repeat this command",
        at.url
    );
    Ok(())
}

async fn bind(store: &Store, owner: &ImageOwner, bound: &Repository) -> anyhow::Result<()> {
    let now = Clock::system().now();
    let known = store.image_owner(&owner.forge, owner.owner_id).await?;
    store
        .bind_image_owner(owner, now)
        .await
        .with_context(|| format!("binding team {} to its images", bound.team))?;
    if known.is_none() {
        let detail = json!({ "owner": owner.login, "challenge": bound.challenge });
        store
            .record(
                "command line",
                "team images",
                (bound.team.as_str(), detail),
                now,
            )
            .await?;
    }
    Ok(())
}
