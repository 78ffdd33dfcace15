//! Pages and JSON of boards, and the pages about the server itself.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::assets::{self, Asset};
use super::error::{ApiFailure, Failure};
use super::pages::RuleDoc;
use super::{Shared, VERSION, pages};
use crate::model::{Board, ChallengeSlug, PageToken, PhaseSlug, TaskSlug};
use crate::pipeline::view;
use crate::report::{BoardView, board_text};
use crate::rules::RULES;

/// `?fragment=1`: the part of the page that changes, for the live update.
#[derive(Debug, Deserialize)]
pub struct Part {
    pub(super) fragment: Option<String>,
}

/// All challenges.
pub async fn home(State(shared): State<Shared>) -> Result<Response, Failure> {
    let home = view::home(view::BoardReader::of(&shared.app.context)).await?;
    Ok(pages::home(&home, VERSION).into_response())
}

/// All challenges as JSON.
pub async fn home_json(State(shared): State<Shared>) -> Result<Response, ApiFailure> {
    Ok(Json(view::home(view::BoardReader::of(&shared.app.context)).await?).into_response())
}

/// One challenge.
pub async fn challenge(
    State(shared): State<Shared>,
    Path(challenge): Path<String>,
) -> Result<Response, Failure> {
    let home = view::home(view::BoardReader::of(&shared.app.context)).await?;
    let found = home
        .challenges
        .iter()
        .find(|c| c.challenge.slug.as_str() == challenge)
        .ok_or(Failure::NotFound)?;
    Ok(pages::challenge(found, VERSION).into_response())
}

pub(super) fn name((challenge, phase, task): (String, String, String)) -> Result<Board, Failure> {
    let missing = |_| Failure::NotFound;
    Ok(Board {
        challenge: ChallengeSlug::new(challenge).map_err(missing)?,
        phase: PhaseSlug::new(phase).map_err(missing)?,
        task: TaskSlug::new(task).map_err(missing)?,
    })
}

async fn read(shared: &Shared, path: (String, String, String)) -> Result<BoardView, Failure> {
    let board = name(path)?;
    view::board(view::BoardReader::of(&shared.app.context), &board)
        .await?
        .ok_or(Failure::NotFound)
}

/// A board: a page, or with `.csv` behind the task a table.
pub async fn page(
    State(shared): State<Shared>,
    Path((challenge, phase, task)): Path<(String, String, String)>,
    Query(part): Query<Part>,
) -> Result<Response, Failure> {
    if let Some(task) = task.strip_suffix(".csv") {
        let board = read(&shared, (challenge, phase, task.to_owned())).await?;
        let kind = [(header::CONTENT_TYPE, "text/csv; charset=utf-8")];
        return Ok((kind, board_text::csv(&board)).into_response());
    }
    let board = read(&shared, (challenge, phase, task)).await?;
    Ok(match part.fragment {
        Some(_) => pages::board_fragment(&board).into_response(),
        None => pages::board(&board, VERSION).into_response(),
    })
}

/// A board as JSON.
pub async fn json(
    State(shared): State<Shared>,
    Path(path): Path<(String, String, String)>,
) -> Result<Response, ApiFailure> {
    Ok(Json(read(&shared, path).await?).into_response())
}

/// The rules that submissions are checked by.
pub async fn rules() -> Response {
    let docs: Vec<RuleDoc<'_>> = RULES.iter().map(RuleDoc::from).collect();
    pages::rules(&docs, VERSION).into_response()
}

/// The style sheet, the script and the icon.
pub async fn asset(Path(name): Path<String>) -> Result<Response, Failure> {
    let file: &Asset = assets::ALL
        .iter()
        .find(|a| a.path.strip_prefix("/assets/") == Some(name.as_str()))
        .ok_or(Failure::NotFound)?;
    let headers = [
        (header::CONTENT_TYPE, file.kind),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    Ok((headers, file.text).into_response())
}

/// A file that `/export` has written, for whoever knows its address.
pub async fn export(
    State(shared): State<Shared>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    // Only what is a token can be a name: no path leads out of the folder.
    let name = token.strip_suffix(".json").unwrap_or(&token);
    let token = PageToken::new(name).map_err(|_| Failure::NotFound)?;
    let file = shared
        .app
        .context
        .settings
        .data
        .join("exports")
        .join(format!("{}.json", token.as_str()));
    let text = tokio::fs::read(&file)
        .await
        .map_err(|_| Failure::NotFound)?;
    let kind = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    Ok((kind, text).into_response())
}

/// Whether the daemon and its database are well.
pub async fn health(State(shared): State<Shared>) -> Response {
    match shared.app.context.store.ping().await {
        Ok(()) => (StatusCode::OK, "ok\n").into_response(),
        Err(error) => {
            tracing::error!(%error, "unhealthy");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database does not answer\n",
            )
                .into_response()
        }
    }
}
