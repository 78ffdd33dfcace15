//! L4, the HTTP server: webhooks, the hook of local repositories, pages, JSON and live events.
//!
//! This module reads rows through `pipeline::view`. It writes only deliveries. An address alone decides whether a
//! reader may see a page: leaderboards are public unless the phase hides them, and a submission is visible to anyone
//! who has its unguessable address. The same holds for HTML, JSON and events.

pub mod assets;
pub mod pages;

mod boards;
mod error;
mod events;
mod hooks;
mod layers;
mod local;
mod submissions;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::model::limits;
use crate::pipeline::App;

/// The version in the footer of every page.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The state of all handlers.
#[derive(Clone, FromRef)]
struct Shared {
    app: Arc<App>,
    hooks: Arc<hooks::Hooks>,
    /// One permit for each open event stream.
    readers: Arc<Semaphore>,
}

/// Serves until the listener fails.
///
/// # Errors
/// A configured webhook secret is unfit, or the listener fails.
pub async fn serve(app: Arc<App>, listener: TcpListener) -> anyhow::Result<()> {
    axum::serve(listener, router(app)?).await?;
    Ok(())
}

/// All routes.
///
/// # Errors
/// A configured webhook secret is unfit.
pub fn router(app: Arc<App>) -> anyhow::Result<Router> {
    let shared = Shared {
        hooks: Arc::new(hooks::Hooks::new(&app.context.settings)?),
        readers: Arc::new(Semaphore::new(limits::LIVE_READERS_MAX)),
        app,
    };
    let pages = Router::new()
        .route("/", get(boards::home))
        .route("/challenges/{challenge}", get(boards::challenge))
        .route("/challenges/{challenge}/{phase}/{task}", get(boards::page))
        .route("/submissions/{token}", get(submissions::page))
        .route("/api/v1/challenges", get(boards::home_json))
        .route("/api/v1/boards/{challenge}/{phase}/{task}", get(boards::json))
        .route("/api/v1/submissions/{token}", get(submissions::json))
        .route("/rules", get(boards::rules))
        .route("/assets/{name}", get(boards::asset))
        .route("/exports/{token}", get(boards::export))
        .route("/health", get(boards::health));
    let events = Router::new()
        .route("/challenges/{challenge}/{phase}/{task}/events", get(events::board))
        .route("/submissions/{token}/events", get(events::submission));
    // Hooks limit the time of a delivery themselves.
    let hooks =
        Router::new().route("/local/{token}/pushed", post(local::pushed)).route("/hooks/{forge}", post(hooks::receive));
    let routes = layers::bounded(pages)
        .merge(events)
        .merge(hooks)
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::wrong_method);
    Ok(layers::for_all(routes).with_state(shared))
}
