//! `referee team add --images`: the organization to whose registry a team pushes images.
//!
//! On these forges the right to push packages covers a whole organization. So each team gets a private
//! organization, and the forge's number of it identifies the team of an image. It refuses an
//! organization that another account owns, because images of that account would count for the team.

use anyhow::Context as _;
use serde_json::json;

use super::forge::{Configured, REGISTRY_HELP, configured, hook_address, organization};
use crate::clock::Clock;
use crate::config::Settings;
use crate::forge::Forge as _;
use crate::forge::gitea::owner::{Owner, PULLERS, PUSHERS};
use crate::model::{Actor, Challenge, TeamSlug};
use crate::store::{ImageOwner, NewAuditEntry, Repository, Store};

/// A team that is being created.
pub struct NewTeam<'a> {
    pub challenge: &'a Challenge,
    pub team: &'a TeamSlug,
    /// Accounts of its members.
    pub users: &'a [String],
    /// Acts as an owner of the challenge's organization.
    pub owner: &'a Owner,
}

/// Creates the organization, gives the team the right to push and Referee the right to read, and binds
/// the organization to the team.
///
/// # Errors
/// The forge has no registry, or the organization belongs to another account.
pub async fn add(
    settings: &Settings,
    store: &Store,
    bound: &Repository,
    new: &NewTeam<'_>,
    hook_url: Option<&str>,
) -> anyhow::Result<()> {
    let at = configured(settings, new.challenge)?;
    require_registry(&at).await?;
    let owner = new.owner;
    let login = format!("{}-{}", organization(new.challenge)?, new.team);
    let met = owner
        .organization(&login)
        .await
        .with_context(|| format!("creating the organization {login}"))?;
    println!("\n{:<6} organization {login}", met.as_str());
    let others = owner.other_owners(&login).await.with_context(|| {
        format!("reading the owners of {login}; the token must belong to one of them")
    })?;
    anyhow::ensure!(
        others.is_empty(),
        "{login} is also owned by {}, who could push images for the team. Remove them from its team Owners, \
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
        println!("{:<6} member {user}", met.as_str());
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

async fn require_registry(at: &Configured<'_>) -> anyhow::Result<()> {
    let registry = at.forge.registry().await;
    let registry = registry.context("asking the forge for the account of Referee")?;
    let exists = registry.is_there().await;
    anyhow::ensure!(
        exists.with_context(|| format!("looking for the registry of {}", at.url))?,
        "{} has no registry, so nothing was created for images. {REGISTRY_HELP}. Then repeat this command",
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
        .with_context(|| format!("binding the organization to team {}", bound.team))?;
    if known.is_none() {
        let detail = json!({ "owner": owner.login, "challenge": bound.challenge });
        let entry = NewAuditEntry {
            actor: Actor::CommandLine.to_string(),
            action: "team images",
            subject: bound.team.to_string(),
            detail,
        };
        store.append_audit_entry(&entry, now).await?;
    }
    Ok(())
}
