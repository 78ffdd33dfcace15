//! Pages and JSON of submissions. Whoever knows the address may look; nobody else learns that the
//! submission exists.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};

use super::boards::Part;
use super::error::{ApiFailure, Failure};
use super::{Shared, VERSION, pages};
use crate::model::PageToken;
use crate::pipeline::view;
use crate::report::SubmissionView;
use crate::store::SubmissionRecord;

pub(super) async fn find(shared: &Shared, token: String) -> Result<SubmissionRecord, Failure> {
    let token = PageToken::new(token).map_err(|_| Failure::NotFound)?;
    shared
        .app
        .context
        .store
        .submission_by_token(&token)
        .await?
        .ok_or(Failure::NotFound)
}

async fn read(shared: &Shared, token: String) -> Result<SubmissionView, Failure> {
    let record = find(shared, token).await?;
    Ok(view::submission(&shared.app.context, &record).await?)
}

/// The page.
pub async fn page(
    State(shared): State<Shared>,
    Path(token): Path<String>,
    Query(part): Query<Part>,
) -> Result<Response, Failure> {
    let submission = read(&shared, token).await?;
    Ok(match part.fragment {
        Some(_) => pages::submission_fragment(&submission).into_response(),
        None => pages::submission(&submission, VERSION).into_response(),
    })
}

/// The same as JSON.
pub async fn json(
    State(shared): State<Shared>,
    Path(token): Path<String>,
) -> Result<Response, ApiFailure> {
    Ok(Json(read(&shared, token).await?).into_response())
}
