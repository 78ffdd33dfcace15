//! L4, what forges and browsers reach: hook endpoints, pages, JSON, live events.
//!
//! Reads rows through `pipeline::view`; the only thing it writes is a delivery. Whether somebody may
//! see a page is decided by its address: boards are for everybody unless hidden, a submission is for
//! whoever knows its unguessable address, the same in HTML, JSON and events.

pub mod assets;
pub mod pages;

mod boards;
mod error;
mod events;
mod hooks;
mod local;
mod submissions;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware;
use axum::response::Response;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::config::ForgeSettings;
use crate::forge::signature::Secret;
use crate::model::{ForgeName, limits};
use crate::pipeline::App;

/// What the footer of every page says.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What handlers share.
#[derive(Clone, FromRef)]
struct Shared {
    app: Arc<App>,
    stage: Arc<hooks::Gate>,
    readers: Arc<Semaphore>,
}

/// Serves until the listener fails.
///
/// # Errors
/// When a configured webhook secret is unfit, or the listener fails.
pub async fn serve(app: Arc<App>, listener: TcpListener) -> anyhow::Result<()> {
    axum::serve(listener, router(app)?).await?;
    Ok(())
}

/// All routes.
///
/// # Errors
/// When a configured webhook secret is unfit.
pub fn router(app: Arc<App>) -> anyhow::Result<Router> {
    let shared = Shared {
        stage: Arc::new(hooks::Gate::new(secrets(&app)?)),
        readers: Arc::new(Semaphore::new(limits::LIVE_READERS_MAX)),
        app,
    };
    Ok(Router::new()
        .route("/", get(boards::home))
        .route("/challenges/{challenge}", get(boards::challenge))
        .route("/challenges/{challenge}/{phase}/{task}", get(boards::page))
        .route(
            "/challenges/{challenge}/{phase}/{task}/events",
            get(events::board),
        )
        .route("/submissions/{token}", get(submissions::page))
        .route("/submissions/{token}/events", get(events::submission))
        .route("/api/v1/challenges", get(boards::home_json))
        .route(
            "/api/v1/boards/{challenge}/{phase}/{task}",
            get(boards::json),
        )
        .route("/api/v1/submissions/{token}", get(submissions::json))
        .route("/rules", get(boards::rules))
        .route("/assets/{name}", get(boards::asset))
        .route("/exports/{token}", get(boards::export))
        .route("/health", get(boards::health))
        .route("/local/{token}/pushed", post(local::pushed))
        .route("/hooks/{forge}", post(hooks::receive))
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::wrong_method)
        .layer(middleware::map_response(harden))
        .with_state(shared))
}

/// The webhook secrets of every forge that sends deliveries.
fn secrets(app: &App) -> anyhow::Result<BTreeMap<ForgeName, Vec<Secret>>> {
    let mut all = BTreeMap::new();
    for (name, forge) in &app.context.settings.forges {
        if let ForgeSettings::Gitea {
            webhook_secrets, ..
        } = forge
        {
            let secrets: Result<Vec<_>, _> = webhook_secrets
                .iter()
                .map(|s| Secret::new(s.expose()))
                .collect();
            all.insert(name.clone(), secrets?);
        }
    }
    Ok(all)
}

/// Headers of every answer: nothing may be framed, sniffed, or sent along as a referrer (addresses
/// of submissions are secrets).
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            pages::CONTENT_SECURITY_POLICY,
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("x-frame-options"), "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
