//! `referee team add --images`: the organization to whose registry a team pushes images.
//!
//! The forge's number of an owner identifies the team of an image, so each team gets an owner of its own.

use anyhow::Context as _;
use serde_json::json;

use super::forge::{hook_address, print_line};
use crate::clock::Clock;
use crate::config::Settings;
use crate::forge::Forge;
use crate::model::{Actor, Challenge, TeamSlug};
use crate::store::{ImageOwner, NewAuditEntry, Repository, Store};

/// A team that is being created.
pub(super) struct NewTeam<'a> {
    pub challenge: &'a Challenge,
    pub team: &'a TeamSlug,
    /// Accounts of its members.
    pub users: &'a [String],
    /// With the rights of an owner of the challenge's organization.
    pub forge: &'a dyn Forge,
}

/// Creates the owner of a team's images, and binds it to the team.
///
/// # Errors
/// The forge has no registry, or another account could push images for the team.
pub(super) async fn add(
    settings: &Settings,
    store: &Store,
    bound: &Repository,
    new: &NewTeam<'_>,
    hook_url: Option<&str>,
) -> anyhow::Result<()> {
    let name = &new.challenge.forge;
    let hook_url = hook_address(settings, name, hook_url);
    println!();
    let administration = new.forge.administration()?;
    let created =
        administration.create_image_owner(new.challenge, new.team, new.users, &hook_url, &mut print_line).await?;
    let image_owner =
        ImageOwner { id: 0, forge: name.clone(), owner_id: created.id, login: created.login, repository: bound.id };
    bind(store, &image_owner, bound).await?;
    println!(
        "\nIts members push images; the tag names the task:\n  docker push {}/{}/NAME:TASK",
        created.registry_host, image_owner.login
    );
    Ok(())
}

async fn bind(store: &Store, owner: &ImageOwner, bound: &Repository) -> anyhow::Result<()> {
    let entry = NewAuditEntry {
        challenge: bound.challenge.clone(),
        actor: Actor::CommandLine.to_string(),
        action: "team images",
        subject: bound.team.to_string(),
        detail: json!({ "owner": owner.login, "challenge": bound.challenge }),
    };
    store
        .register_image_owner(owner, &entry, Clock::system().now())
        .await
        .with_context(|| format!("binding the organization to team {}", bound.team))?;
    Ok(())
}
