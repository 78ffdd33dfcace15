//! `POST /hooks/{forge}`: a delivery is verified, read, made durable, and only then answered.
//!
//! Does nothing else: what a delivery means is found out by reading the forge again.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_stream::StreamExt as _;

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
    /// Kibibytes that may be in memory.
    room: Semaphore,
}

const KIB: usize = 1024;

/// Why a body was not read. Nobody has shown yet who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unread {
    TooLarge,
    TooSlow,
    Broken,
    /// The daemon ends.
    Ending,
}

impl IntoResponse for Unread {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
            Self::TooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                "the body did not arrive in time",
            ),
            Self::Broken => (StatusCode::BAD_REQUEST, "the body did not arrive whole"),
            Self::Ending => (StatusCode::SERVICE_UNAVAILABLE, "ending"),
        };
        answer(status, message)
    }
}

impl Gate {
    /// A gate with the secrets of each forge.
    pub fn new(secrets: BTreeMap<ForgeName, Vec<Secret>>) -> Self {
        Self {
            secrets,
            room: Semaphore::new(limits::DELIVERIES_AT_ONCE_BYTES / KIB),
        }
    }

    /// The whole body, and the room that it takes as long as it is held. What announces no size may
    /// become as large as any.
    async fn read(&self, body: Body) -> Result<(Bytes, SemaphorePermit<'_>), Unread> {
        let announced = body
            .size_hint()
            .exact()
            .and_then(|n| usize::try_from(n).ok());
        if body.size_hint().lower() > limits::DELIVERY_BYTES_MAX as u64 {
            return Err(Unread::TooLarge);
        }
        let bytes = announced.unwrap_or(limits::DELIVERY_BYTES_MAX);
        let kib = bytes.max(limits::DELIVERY_BYTES_MIN).div_ceil(KIB);
        let kib = u32::try_from(kib).map_err(|_| Unread::TooLarge)?;
        let room = self.room.acquire_many(kib).await;
        let room = room.map_err(|_| Unread::Ending)?;
        let reading = collect(body, announced.unwrap_or(0));
        match tokio::time::timeout(limits::DELIVERY_READ_TIME.std(), reading).await {
            Ok(read) => Ok((read?, room)),
            Err(_) => Err(Unread::TooSlow),
        }
    }
}

/// Puts the parts of a body together, each once.
async fn collect(body: Body, announced: usize) -> Result<Bytes, Unread> {
    let mut whole = Vec::with_capacity(announced);
    let mut parts = body.into_data_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|_| Unread::Broken)?;
        if whole.len() + part.len() > limits::DELIVERY_BYTES_MAX {
            return Err(Unread::TooLarge);
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole.into())
}

fn answer(status: StatusCode, message: impl Into<String>) -> Response {
    (status, format!("{}\n", message.into())).into_response()
}

/// Takes a delivery.
pub async fn receive(
    State(shared): State<Shared>,
    Path(forge): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let stage = &shared.stage;
    let known = ForgeName::new(forge).ok().and_then(|name| {
        let secrets = stage.secrets.get(&name)?;
        Some((name, secrets))
    });
    let Some((name, secrets)) = known else {
        return answer(StatusCode::NOT_FOUND, "no such forge");
    };
    let (body, _room) = match stage.read(body).await {
        Ok(read) => read,
        Err(unread) => {
            tracing::warn!(forge = name.as_str(), ?unread, "delivery refused");
            return unread.into_response();
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
        received_at: shared.app.context.clock.now(),
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
