//! Live pages: server-sent events. An event states only that a page has changed.
//!
//! An event has no data, so it can disclose none: the page fetches its fragment from its own address. The time of an
//! event is information too. Therefore the stream of a submission sends an event only if the published view has
//! changed.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use tokio::sync::{Mutex, OwnedSemaphorePermit};
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::{Stream, StreamExt as _};

use super::boards::{BoardPath, board_view};
use super::error::PageError;
use super::{Shared, submissions};
use crate::model::SubmissionId;
use crate::pipeline::view;
use crate::store::Change;

/// The stream of a leaderboard.
pub(super) async fn board(State(shared): State<Shared>, Path(path): Path<BoardPath>) -> Result<Response, PageError> {
    let board = path.board()?;
    board_view(&shared, &board).await?;
    let permit = reader_permit(&shared)?;
    let changes = BroadcastStream::new(shared.app.context.store.changes());
    let events = changes.filter_map(move |change| match change {
        Ok(Change::Board(changed)) if changed == board => Some(changed_event("board")),
        Ok(_) => None,
        // The stream has missed changes, which may include this leaderboard.
        Err(_) => Some(changed_event("board")),
    });
    Ok(stream("board", events, permit))
}

/// The stream of a submission.
pub(super) async fn submission(State(shared): State<Shared>, Path(token): Path<String>) -> Result<Response, PageError> {
    let record = submissions::record(&shared, token).await?;
    let id = record.submission.id;
    let permit = reader_permit(&shared)?;
    // An error means that the stream has missed changes.
    let changes = BroadcastStream::new(shared.app.context.store.changes())
        .filter(move |change| !matches!(change, Ok(change) if *change != Change::Submission(id)));
    let published = Arc::new(Mutex::new(published_view(&shared, id).await.ok()));
    let events = changes.then(move |change| {
        let missed = change.is_err();
        let (shared, published) = (shared.clone(), Arc::clone(&published));
        async move {
            let now = published_view(&shared, id).await.ok();
            let mut published = published.lock().await;
            // If the view cannot be built now, the page requests it itself.
            let same = now.is_some() && *published == now;
            *published = now;
            (missed || !same).then(|| changed_event("submission"))
        }
    });
    Ok(stream("submission", events.filter_map(|event| event), permit))
}

/// The content of a submission's page, as text that can be compared.
async fn published_view(shared: &Shared, id: SubmissionId) -> anyhow::Result<String> {
    let record = shared.app.context.store.submission(id).await?;
    let view = view::submission(&shared.app.context, &record).await?;
    Ok(serde_json::to_string(&view)?)
}

/// A permit for one reader of a live page.
fn reader_permit(shared: &Shared) -> Result<OwnedSemaphorePermit, PageError> {
    let permit = Arc::clone(&shared.readers).try_acquire_owned();
    permit.map_err(|_| PageError::TooManyReaders)
}

type StreamItem = Result<Event, Infallible>;

fn changed_event(name: &str) -> StreamItem {
    Ok(Event::default().event(name).data("changed"))
}

/// The answer with the stream, which holds the permit until it ends.
fn stream(
    name: &str,
    events: impl Stream<Item = StreamItem> + Send + 'static,
    permit: OwnedSemaphorePermit,
) -> Response {
    // The page may have changed between its request and this connection.
    let first = Ok(Event::default().event(name).data("connected"));
    let events = tokio_stream::once(first).chain(events).map(move |event| {
        let _held = &permit;
        event
    });
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}
