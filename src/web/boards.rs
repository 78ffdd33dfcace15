//! Pages and JSON of leaderboards, and the pages about the server itself.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::assets;
use super::error::{ApiError, PageError};
use super::{Shared, VERSION, pages};
use crate::model::{Board, ChallengeSlug, PageToken, PhaseSlug, TaskSlug};
use crate::pipeline::view;
use crate::report::{BoardView, HomeView, board_text};
use crate::rules::RULES;

/// `?fragment=1` asks for the part of a page that live updates replace.
#[derive(Debug, Deserialize)]
pub(super) struct FragmentQuery {
    pub fragment: Option<String>,
}

/// The parts of a leaderboard's address, not checked yet.
#[derive(Debug, Deserialize)]
pub(super) struct BoardPath {
    challenge: String,
    phase: String,
    task: String,
}

impl BoardPath {
    pub(super) fn board(self) -> Result<Board, PageError> {
        let missing = |_| PageError::NotFound;
        Ok(Board {
            challenge: ChallengeSlug::new(self.challenge).map_err(missing)?,
            phase: PhaseSlug::new(self.phase).map_err(missing)?,
            task: TaskSlug::new(self.task).map_err(missing)?,
        })
    }
}

/// The view of a public leaderboard.
pub(super) async fn board_view(shared: &Shared, board: &Board) -> Result<BoardView, PageError> {
    let reader = view::BoardReader::of(&shared.app.context);
    view::board(reader, board).await?.ok_or(PageError::NotFound)
}

async fn home_view(shared: &Shared) -> Result<HomeView, PageError> {
    Ok(view::home(view::BoardReader::of(&shared.app.context)).await?)
}

/// The page of all challenges.
pub(super) async fn home(State(shared): State<Shared>) -> Result<Response, PageError> {
    Ok(pages::home(&home_view(&shared).await?, VERSION).into_response())
}

/// All challenges as JSON.
pub(super) async fn home_json(State(shared): State<Shared>) -> Result<Response, ApiError> {
    Ok(Json(home_view(&shared).await?).into_response())
}

/// The page of one challenge.
pub(super) async fn challenge(
    State(shared): State<Shared>,
    Path(challenge): Path<String>,
) -> Result<Response, PageError> {
    let home = home_view(&shared).await?;
    let mut challenges = home.challenges.iter();
    let found = challenges.find(|c| c.challenge.slug.as_str() == challenge).ok_or(PageError::NotFound)?;
    Ok(pages::challenge(found, VERSION).into_response())
}

/// The page of a leaderboard, or its table as CSV if the address ends in `.csv`.
pub(super) async fn page(
    State(shared): State<Shared>,
    Path(mut path): Path<BoardPath>,
    Query(query): Query<FragmentQuery>,
) -> Result<Response, PageError> {
    if let Some(task) = path.task.strip_suffix(".csv") {
        path.task = task.to_owned();
        let view = board_view(&shared, &path.board()?).await?;
        let content_type = [(header::CONTENT_TYPE, "text/csv; charset=utf-8")];
        return Ok((content_type, board_text::csv(&view)).into_response());
    }
    let view = board_view(&shared, &path.board()?).await?;
    Ok(match query.fragment {
        Some(_) => pages::board_fragment(&view).into_response(),
        None => pages::board(&view, VERSION).into_response(),
    })
}

/// A leaderboard as JSON.
pub(super) async fn json(State(shared): State<Shared>, Path(path): Path<BoardPath>) -> Result<Response, ApiError> {
    Ok(Json(board_view(&shared, &path.board()?).await?).into_response())
}

/// The page of all rules.
pub(super) async fn rules() -> Response {
    pages::rules(RULES, VERSION).into_response()
}

/// The style sheet, the script or the icon.
pub(super) async fn asset(Path(name): Path<String>) -> Result<Response, PageError> {
    let asset = assets::ALL
        .iter()
        .find(|a| a.path.strip_prefix("/assets/") == Some(name.as_str()))
        .ok_or(PageError::NotFound)?;
    let headers = [(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, "public, max-age=300")];
    Ok((headers, asset.text).into_response())
}

/// A file that `/export` has written. Its address is unguessable.
pub(super) async fn export(State(shared): State<Shared>, Path(token): Path<String>) -> Result<Response, PageError> {
    // A token contains only hexadecimal digits, so no address leads out of the folder.
    let name = token.strip_suffix(".json").unwrap_or(&token);
    let token = PageToken::new(name).map_err(|_| PageError::NotFound)?;
    let folder = shared.app.context.settings.data.join("exports");
    let file = folder.join(format!("{}.json", token.as_str()));
    let text = tokio::fs::read(&file).await;
    let text = text.map_err(|_| PageError::NotFound)?;
    let content_type = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    Ok((content_type, text).into_response())
}

/// Reports whether the daemon and its database work.
pub(super) async fn health(State(shared): State<Shared>) -> Response {
    match shared.app.context.store.ping().await {
        Ok(()) => "ok\n".into_response(),
        Err(error) => {
            tracing::error!(%error, "unhealthy");
            let message = "the database does not answer\n";
            (StatusCode::SERVICE_UNAVAILABLE, message).into_response()
        }
    }
}
