//! `POST /hooks/{forge}`: a delivery is verified, read, made durable, and only then answered.
//!
//! Does nothing else: what a delivery means is found out by reading the forge again.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use super::Shared;
use crate::forge::gitea::{self, Refusal};
use crate::forge::signature::Secret;
use crate::model::{Digest, ForgeEvent, ForgeName, limits};
use crate::pipeline::App;
use crate::store::{Delivery, Received};

/// What deliveries have to pass.
#[derive(Debug)]
pub struct Gate {
    secrets: BTreeMap<ForgeName, Vec<Secret>>,
    places: Semaphore,
}

impl Gate {
    /// A gate with the secrets of each forge.
    pub fn new(secrets: BTreeMap<ForgeName, Vec<Secret>>) -> Self {
        Self {
            secrets,
            places: Semaphore::new(limits::DELIVERIES_AT_ONCE),
        }
    }
}

fn answer(status: StatusCode, says: impl Into<String>) -> Response {
    (status, format!("{}\n", says.into())).into_response()
}

/// Takes a delivery.
pub async fn receive(
    State(shared): State<Shared>,
    Path(forge): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let gate = &shared.gate;
    let known = ForgeName::new(forge).ok().and_then(|name| {
        let secrets = gate.secrets.get(&name)?;
        Some((name, secrets))
    });
    let Some((name, secrets)) = known else {
        return answer(StatusCode::NOT_FOUND, "no such forge");
    };
    let Ok(_place) = gate.places.acquire().await else {
        return answer(StatusCode::SERVICE_UNAVAILABLE, "ending");
    };
    let reading = to_bytes(body, limits::DELIVERY_BYTES_MAX);
    let body = match tokio::time::timeout(limits::DELIVERY_READ_TIME.std(), reading).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return answer(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
        Err(_) => {
            return answer(
                StatusCode::REQUEST_TIMEOUT,
                "the body did not arrive in time",
            );
        }
    };
    let (event, digest) = match accept(headers, body, secrets).await {
        Ok(accepted) => accepted,
        Err(refusal) => {
            tracing::warn!(forge = name.as_str(), %refusal, "delivery refused");
            return answer(refusal.status(), refusal.answer());
        }
    };
    if let ForgeEvent::Ping { .. } = event {
        return answer(StatusCode::OK, "here");
    }
    let delivery = Delivery {
        forge: name,
        digest,
        event,
        received_at: shared.app.clock.now(),
    };
    keep(&shared.app, delivery).await
}

/// Bodies up to this size are read where they arrive; larger ones beside, so that hashing and
/// parsing them does not hold up other deliveries.
const READ_IN_PLACE_BYTES: usize = 256 * 1024;

async fn accept(
    headers: HeaderMap,
    body: Bytes,
    secrets: &[Secret],
) -> Result<(ForgeEvent, Digest), Refusal> {
    if body.len() <= READ_IN_PLACE_BYTES {
        return gitea::accept(&headers, &body, secrets);
    }
    let secrets = secrets.to_vec();
    let reading = tokio::task::spawn_blocking(move || gitea::accept(&headers, &body, &secrets));
    match reading.await {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

async fn keep(app: &Arc<App>, delivery: Delivery) -> Response {
    let acts = matches!(
        delivery.event,
        ForgeEvent::Pushed { .. } | ForgeEvent::Created { .. } | ForgeEvent::Deleted { .. }
    );
    match app.deliveries.write(delivery).await {
        Ok(Received::New) if acts => answer(StatusCode::ACCEPTED, "received"),
        Ok(Received::New) => answer(StatusCode::ACCEPTED, "received; nothing to do"),
        Ok(Received::Duplicate) => answer(StatusCode::OK, "received before"),
        Err(error) => {
            tracing::error!(%error, "delivery not stored");
            answer(StatusCode::SERVICE_UNAVAILABLE, "not stored; send it again")
        }
    }
}
