//! Live pages: server-sent events that say "look again", nothing else.
//!
//! An event carries no data, so it can leak none; the page fetches its fragment by its own address. The
//! moment of an event tells something too, so a submission's page hears only of what it would show.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use tokio::sync::{Mutex, OwnedSemaphorePermit};
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::{Stream, StreamExt as _};

use super::error::Failure;
use super::{Shared, boards, submissions};
use crate::model::SubmissionId;
use crate::pipeline::view;
use crate::store::Change;

/// Changes of a board.
pub async fn board(
    State(shared): State<Shared>,
    Path(path): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let board = boards::name(path)?;
    if view::board(view::BoardReader::of(&shared.app.context), &board)
        .await?
        .is_none()
    {
        return Err(Failure::NotFound);
    }
    let interesting = move |change: &Change| match change {
        Change::Board(changed) => *changed == board,
        _ => false,
    };
    stream(&shared, "board", interesting)
}

/// Changes of a submission.
pub async fn submission(
    State(shared): State<Shared>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let record = submissions::find(&shared, token).await?;
    let id = record.submission.id;
    let place = place(&shared)?;
    let interesting = move |change: &Result<Change, _>| match change {
        Ok(change) => *change == Change::Submission(id),
        Err(_) => true,
    };
    let changes = BroadcastStream::new(shared.app.context.store.changes()).filter(interesting);
    let shown = Arc::new(Mutex::new(look(&shared, id).await.ok()));
    let events = changes.then(move |change| {
        // Whatever it missed, it looks again.
        let fell_behind = change.is_err();
        let (shared, shown) = (shared.clone(), Arc::clone(&shown));
        async move {
            let now = look(&shared, id).await.ok();
            let mut shown = shown.lock().await;
            // What cannot be looked at now is looked at by the page itself.
            let same = now.is_some() && *shown == now;
            *shown = now;
            (fell_behind || !same).then(|| event("submission", "changed"))
        }
    });
    let events = events.filter_map(move |event| {
        let _ = &place;
        event
    });
    Ok(live("submission", events))
}

/// Everything that the page of a submission shows.
async fn look(shared: &Shared, id: SubmissionId) -> anyhow::Result<String> {
    let record = shared.app.context.store.submission(id).await?;
    let view = view::submission(&shared.app.context, &record).await?;
    Ok(serde_json::to_string(&view)?)
}

fn stream(
    shared: &Shared,
    name: &'static str,
    interesting: impl Fn(&Change) -> bool + Send + 'static,
) -> Result<Response, Failure> {
    let place = place(shared)?;
    let changes = BroadcastStream::new(shared.app.context.store.changes());
    let events = changes.filter_map(move |change| {
        // The place is held as long as the stream lives.
        let _ = &place;
        match change {
            Ok(change) if !interesting(&change) => None,
            // Also for a reader that fell behind: whatever it missed, it looks again.
            _ => Some(event(name, "changed")),
        }
    });
    Ok(live(name, events))
}

/// A place among those who read live; held as long as the stream lives.
fn place(shared: &Shared) -> Result<OwnedSemaphorePermit, Failure> {
    shared
        .readers
        .clone()
        .try_acquire_owned()
        .map_err(|_| Failure::TooManyReaders)
}

type Told = Result<Event, Infallible>;

fn event(name: &str, message: &str) -> Told {
    Ok(Event::default().event(name).data(message))
}

fn live(name: &str, events: impl Stream<Item = Told> + Send + 'static) -> Response {
    // At once: between the page and this connection something may have changed.
    let first = tokio_stream::once(event(name, "connected"));
    Sse::new(first.chain(events))
        .keep_alive(KeepAlive::default())
        .into_response()
}
