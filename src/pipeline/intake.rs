//! Deliveries become looks, commands and news: what one claims is read again before anybody acts.
//!
//! A forge that does not answer is asked again later; the delivery waits, and nothing is lost.

use futures_util::StreamExt as _;

use super::discovery::{self, Known};
use super::{App, commands, images, observe};
use crate::forge::ForgeError;
use crate::forge::registry::RegistryError;
use crate::model::{Duration, ForgeEvent, ForgeName};
use crate::store::{About, Delivery, Unhandled};

/// Deliveries looked at in one step.
const A_STEP: i64 = 64;
/// Deliveries acted on at the same time: each waits for answers of the forge.
const AT_ONCE: usize = 4;
/// Tries before a delivery is given up. Refs are found by the sweep all the same.
const ATTEMPTS_MAX: i64 = 20;
/// First pause; doubled each time.
const PAUSE: Duration = Duration::seconds(1);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::seconds(120);

/// Acts on deliveries of one kind that nobody has acted on. Returns how many there were.
///
/// # Errors
/// When the database fails.
pub async fn step(app: &App, about: About) -> anyhow::Result<usize> {
    let deliveries = app
        .store
        .unhandled_deliveries(about, app.clock.now(), A_STEP)
        .await?;
    let count = deliveries.len();
    let results: Vec<anyhow::Result<()>> = futures_util::stream::iter(deliveries)
        .map(|unhandled| handle(app, unhandled))
        .buffered(AT_ONCE)
        .collect()
        .await;
    results.into_iter().collect::<anyhow::Result<()>>()?;
    Ok(count)
}

async fn handle(app: &App, unhandled: Unhandled) -> anyhow::Result<()> {
    let Unhandled {
        id,
        attempts,
        delivery,
    } = unhandled;
    let note = match act(app, &delivery).await {
        Ok(note) => note,
        Err(error) if is_ours(&error) => return Err(error),
        Err(error) => {
            let error = format!("{error:#}");
            // Whoever has to make a new token may need longer than that.
            if attempts < ATTEMPTS_MAX || app.health.is_refused(&delivery.forge) {
                tracing::info!(delivery = id, error, "a delivery waits for its forge");
                let pause = Duration(PAUSE.0 << attempts.clamp(0, 10)).min(PAUSE_MAX);
                return Ok(app.store.defer(id, app.clock.now().plus(pause)).await?);
            }
            tracing::warn!(delivery = id, error, "a delivery is given up");
            "given up: the forge did not answer".to_owned()
        }
    };
    Ok(app.store.handled(id, &note, app.clock.now()).await?)
}

/// Whether an error is not the forge's.
fn is_ours(error: &anyhow::Error) -> bool {
    error.downcast_ref::<ForgeError>().is_none() && error.downcast_ref::<RegistryError>().is_none()
}

async fn act(app: &App, delivery: &Delivery) -> anyhow::Result<String> {
    let forge = &delivery.forge;
    match &delivery.event {
        ForgeEvent::Pushed { repository, .. }
        | ForgeEvent::Created { repository, .. }
        | ForgeEvent::Deleted { repository, .. } => look(app, forge, repository.id).await,
        ForgeEvent::Repository {
            repository, action, ..
        } if action != "deleted" => look(app, forge, repository.id).await,
        ForgeEvent::Issue { .. } | ForgeEvent::Comment { .. } if app.forges.contains_key(forge) => {
            commands::receive(app, forge, &delivery.event).await
        }
        ForgeEvent::Package {
            action,
            kind,
            owner,
            owner_id,
            ..
        } if action == "created" && kind == "container" => {
            images::receive(app, forge, (*owner_id, owner)).await
        }
        _ => Ok("ignored: nothing that we act on".to_owned()),
    }
}

async fn look(app: &App, forge: &ForgeName, id: i64) -> anyhow::Result<String> {
    if !app.forges.contains_key(forge) {
        // Without a token nothing can be asked of it; what it says is not believed.
        let known = app.store.repository_of(forge, &id.to_string()).await?;
        return Ok(match known {
            Some(_) => format!("not read: [forge.{forge}] has no `token-file`"),
            None => unknown(forge, id),
        });
    }
    match discovery::known(app, forge, &id.to_string()).await? {
        Known::Team(repository) => {
            let observed = observe::observe(app, &repository).await?;
            Ok(format!("{} refs changed", observed.changed.len()))
        }
        Known::Waits => Ok("waits: an organizer has to approve this repository".to_owned()),
        Known::Nobody => Ok(unknown(forge, id)),
    }
}

fn unknown(forge: &ForgeName, id: i64) -> String {
    tracing::info!(
        forge = forge.as_str(),
        repository = id,
        "delivery of an unknown repository ignored"
    );
    "ignored: unknown repository".to_owned()
}
