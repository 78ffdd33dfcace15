//! Live pages: server-sent events that say "look again", nothing else.
//!
//! An event carries no data, so it can leak none; the page fetches its fragment by its own address.

use std::convert::Infallible;

use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::BroadcastStream;

use super::error::Failure;
use super::{Shared, boards, submissions};
use crate::pipeline::view;
use crate::store::Change;

/// Changes of a board.
pub async fn board(
    State(shared): State<Shared>,
    Path(path): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let board = boards::name(path)?;
    if view::board(shared.app.rows(), &board).await?.is_none() {
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
    let interesting = move |change: &Change| *change == Change::Submission(id);
    stream(&shared, "submission", interesting)
}

fn stream(
    shared: &Shared,
    name: &'static str,
    interesting: impl Fn(&Change) -> bool + Send + 'static,
) -> Result<Response, Failure> {
    let place = shared
        .readers
        .clone()
        .try_acquire_owned()
        .map_err(|_| Failure::TooManyReaders)?;
    let changes = BroadcastStream::new(shared.app.store.changes());
    let events = changes.filter_map(move |change| {
        // The place is held as long as the stream lives.
        let _ = &place;
        match change {
            Ok(change) if !interesting(&change) => None,
            // Also for a reader that fell behind: whatever it missed, it looks again.
            _ => Some(Ok::<_, Infallible>(
                Event::default().event(name).data("changed"),
            )),
        }
    });
    // At once: between the page and this connection something may have changed.
    let first = tokio_stream::once(Ok(Event::default().event(name).data("connected")));
    Ok(Sse::new(first.chain(events))
        .keep_alive(KeepAlive::default())
        .into_response())
}
