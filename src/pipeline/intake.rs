//! Intake: webhook deliveries become observations and commands. The claims of a delivery are read again from the forge
//! before anything is done.
//!
//! If the forge does not answer, the delivery waits and is handled later. Nothing is lost.

use futures_util::StreamExt as _;

use super::App;
use super::context::Context;
use super::discovery::{self, Known};
use super::{commands, images, observe};
use crate::forge::ForgeError;
use crate::forge::registry::RegistryError;
use crate::model::{Backoff, Duration, ForgeEvent, ForgeName};
use crate::store::{Delivery, DeliveryKind, PendingDelivery};

/// Deliveries of one step.
const BATCH: i64 = 64;
/// Deliveries that are handled at the same time. Each waits for answers of the forge.
const AT_ONCE: usize = 4;
/// Attempts before a delivery is given up. The sweep finds its refs in any case.
const ATTEMPTS_MAX: i64 = 20;
/// Pauses between the attempts.
const RETRY: Backoff = Backoff { first: Duration::seconds(1), most: Duration::seconds(120) };

/// Handles deliveries of one kind. Returns how many there were.
pub async fn step(app: &App, kind: DeliveryKind) -> anyhow::Result<usize> {
    let context = &app.context;
    let now = context.clock.now();
    let deliveries = context.store.pending_deliveries(kind, now, BATCH).await?;
    let count = deliveries.len();
    let results: Vec<anyhow::Result<()>> = futures_util::stream::iter(deliveries)
        .map(|unhandled| handle(app, unhandled))
        .buffered(AT_ONCE)
        .collect()
        .await;
    results.into_iter().collect::<anyhow::Result<()>>()?;
    Ok(count)
}

async fn handle(app: &App, unhandled: PendingDelivery) -> anyhow::Result<()> {
    let PendingDelivery { id, attempts, delivery } = unhandled;
    let Context { store, clock, .. } = &app.context;
    let note = match act(app, &delivery).await {
        Ok(note) => note,
        Err(error) if !is_forges(&error) => return Err(error),
        Err(error) => {
            let error = format!("{error:#}");
            // A person may need longer than that to create a new token.
            if attempts < ATTEMPTS_MAX || app.forges.health.is_refused(&delivery.forge) {
                tracing::info!(delivery = id, error, "a delivery waits for its forge");
                let pause = RETRY.jittered(attempts, crate::clock::jitter());
                return Ok(store.defer_delivery(id, clock.now().plus(pause)).await?);
            }
            tracing::warn!(delivery = id, error, "a delivery is given up");
            "given up: the forge did not answer".to_owned()
        }
    };
    Ok(store.record_handled_delivery(id, &note, clock.now()).await?)
}

/// Whether an error is the forge's.
fn is_forges(error: &anyhow::Error) -> bool {
    error.downcast_ref::<ForgeError>().is_some() || error.downcast_ref::<RegistryError>().is_some()
}

/// Acts on a delivery. Returns a note about the result, for maintainers.
async fn act(app: &App, delivery: &Delivery) -> anyhow::Result<String> {
    let App { context, forges, .. } = app;
    let forge = &delivery.forge;
    match &delivery.event {
        ForgeEvent::Pushed { repository, .. }
        | ForgeEvent::Created { repository, .. }
        | ForgeEvent::Deleted { repository, .. } => observe_by_id(app, forge, repository.id).await,
        ForgeEvent::Repository { repository, action, .. } if action != "deleted" => {
            observe_by_id(app, forge, repository.id).await
        }
        ForgeEvent::Issue { .. } | ForgeEvent::Comment { .. } if forges.get(forge).is_some() => {
            commands::receive_commands(app, forge, &delivery.event).await
        }
        ForgeEvent::Package { action, kind, owner, owner_id, .. } if action == "created" && kind == "container" => {
            images::announced(context, forges, forge, *owner_id, owner).await
        }
        _ => Ok("ignored: not an event that Referee acts on".to_owned()),
    }
}

async fn observe_by_id(app: &App, forge: &ForgeName, id: i64) -> anyhow::Result<String> {
    let App { context, forges, .. } = app;
    if forges.get(forge).is_none() {
        // Without a token nothing can be asked of the forge, and the claims of the delivery are not believed.
        let known = context.store.repository_of(forge, &id.to_string()).await?;
        return Ok(match known {
            Some(_) => format!("not read: [forge.{forge}] has no `token-file`"),
            None => unknown(forge, id),
        });
    }
    match discovery::known(context, forges, forge, &id.to_string()).await? {
        Known::Team(repository) => {
            let observed = observe::observe(context, forges, &repository).await?;
            Ok(format!("changed refs: {}", observed.changed.len()))
        }
        Known::Requested => Ok("waits: an organizer has to approve this repository".to_owned()),
        Known::Unrelated => Ok(unknown(forge, id)),
    }
}

fn unknown(forge: &ForgeName, id: i64) -> String {
    tracing::info!(forge = forge.as_str(), repository = id, "delivery of an unknown repository ignored");
    "ignored: unknown repository".to_owned()
}
