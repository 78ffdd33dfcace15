//! `POST /hooks/{forge}`: a delivery is verified, read, stored durably, and only then answered. The test of a webhook
//! is answered without being stored.
//!
//! Nothing else happens here. `pipeline::intake` asks the forge about the delivery's content later.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_stream::StreamExt as _;

use super::Shared;
use crate::config::Settings;
use crate::forge::kind;
use crate::forge::webhook::{DeliveryRefusal, VerifiedDelivery, Webhooks};
use crate::model::{ForgeEvent, ForgeName, limits};
use crate::pipeline::App;
use crate::store::{Delivery, Received};

const KIB: usize = 1024;

/// Bodies up to this size are verified on the thread that received them. Larger ones go to another thread, so that
/// hashing and parsing them does not delay other deliveries.
const VERIFIED_AT_ONCE_BYTES: usize = 256 * 1024;

/// The webhooks of all forges, and the memory for their deliveries.
pub struct Hooks {
    webhooks: BTreeMap<ForgeName, Arc<dyn Webhooks>>,
    /// One permit for each kibibyte that may be in memory.
    memory: Semaphore,
}

/// Why a body was not read. Its sender is not verified yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unread {
    TooLarge,
    TooSlow,
    /// The connection broke.
    Incomplete,
    /// The daemon is shutting down.
    Ending,
}

impl IntoResponse for Unread {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"),
            Self::Incomplete => (StatusCode::BAD_REQUEST, "the body did not arrive completely"),
            Self::Ending => (StatusCode::SERVICE_UNAVAILABLE, "shutting down"),
        };
        answer(status, message)
    }
}

impl Hooks {
    /// # Errors
    /// A configured webhook secret cannot be used.
    pub fn new(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self { webhooks: kind::webhooks(settings)?, memory: Semaphore::new(limits::DELIVERIES_AT_ONCE_BYTES / KIB) })
    }

    /// The whole body, and the permit for its memory. A body without an announced size may become as large as any.
    async fn read_body(&self, body: Body) -> Result<(Bytes, SemaphorePermit<'_>), Unread> {
        let announced = body.size_hint().exact().and_then(|n| usize::try_from(n).ok());
        if body.size_hint().lower() > limits::DELIVERY_BYTES_MAX as u64 {
            return Err(Unread::TooLarge);
        }
        let bytes = announced.unwrap_or(limits::DELIVERY_BYTES_MAX);
        let kib = bytes.max(limits::DELIVERY_BYTES_MIN).div_ceil(KIB);
        let kib = u32::try_from(kib).map_err(|_| Unread::TooLarge)?;
        let permit = self.memory.acquire_many(kib).await;
        let permit = permit.map_err(|_| Unread::Ending)?;
        let reading = collect(body, announced.unwrap_or(0));
        match tokio::time::timeout(limits::DELIVERY_READ_TIME.std(), reading).await {
            Ok(whole) => Ok((whole?, permit)),
            Err(_) => Err(Unread::TooSlow),
        }
    }
}

/// Puts the parts of a body together.
async fn collect(body: Body, announced: usize) -> Result<Bytes, Unread> {
    let mut whole = Vec::with_capacity(announced);
    let mut parts = body.into_data_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|_| Unread::Incomplete)?;
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

/// Receives a delivery.
pub(super) async fn receive(
    State(shared): State<Shared>,
    Path(forge): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let hooks = &shared.hooks;
    let known = ForgeName::new(forge).ok().and_then(|name| {
        let webhooks = hooks.webhooks.get(&name)?;
        Some((name, webhooks))
    });
    let Some((name, webhooks)) = known else {
        return answer(StatusCode::NOT_FOUND, "no such forge");
    };
    let (body, _permit) = match hooks.read_body(body).await {
        Ok(read) => read,
        Err(unread) => {
            tracing::warn!(forge = name.as_str(), ?unread, "delivery refused");
            return unread.into_response();
        }
    };
    let VerifiedDelivery { event, digest } = match verify(webhooks, headers, body).await {
        Ok(verified) => verified,
        Err(refusal) => {
            tracing::warn!(forge = name.as_str(), %refusal, "delivery refused");
            return answer(refusal.status(), refusal.answer());
        }
    };
    if let ForgeEvent::Ping { .. } = event {
        return answer(StatusCode::OK, "here");
    }
    let delivery = Delivery { forge: name, digest, event, received_at: shared.app.context.clock.now() };
    store(&shared.app, delivery).await
}

async fn verify(
    webhooks: &Arc<dyn Webhooks>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<VerifiedDelivery, DeliveryRefusal> {
    if body.len() <= VERIFIED_AT_ONCE_BYTES {
        return webhooks.accept(&headers, &body);
    }
    let webhooks = Arc::clone(webhooks);
    match tokio::task::spawn_blocking(move || webhooks.accept(&headers, &body)).await {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

async fn store(app: &Arc<App>, delivery: Delivery) -> Response {
    let has_effect = !matches!(delivery.event, ForgeEvent::Other { .. });
    match app.deliveries.write(delivery).await {
        Ok(Received::New) if has_effect => answer(StatusCode::ACCEPTED, "received"),
        Ok(Received::New) => answer(StatusCode::ACCEPTED, "received; nothing to do"),
        Ok(Received::Duplicate) => answer(StatusCode::OK, "received before"),
        Err(error) => {
            tracing::error!(%error, "delivery not stored");
            answer(StatusCode::SERVICE_UNAVAILABLE, "not stored; send it again")
        }
    }
}
