//! Pages and JSON of submissions. Anyone with the address of a submission may read it. Without the address, no answer
//! shows whether the submission exists.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};

use super::boards::FragmentQuery;
use super::error::{ApiError, PageError};
use super::{Shared, VERSION, pages};
use crate::model::PageToken;
use crate::pipeline::view;
use crate::report::SubmissionView;
use crate::store::SubmissionRecord;

/// The submission with this token.
pub(super) async fn record(shared: &Shared, token: String) -> Result<SubmissionRecord, PageError> {
    let token = PageToken::new(token).map_err(|_| PageError::NotFound)?;
    let store = &shared.app.context.store;
    let record = store.submission_by_token(&token).await?;
    record.ok_or(PageError::NotFound)
}

async fn submission_view(shared: &Shared, token: String) -> Result<SubmissionView, PageError> {
    let record = record(shared, token).await?;
    Ok(view::submission(&shared.app.context, &record).await?)
}

pub(super) async fn page(
    State(shared): State<Shared>,
    Path(token): Path<String>,
    Query(query): Query<FragmentQuery>,
) -> Result<Response, PageError> {
    let submission = submission_view(&shared, token).await?;
    Ok(match query.fragment {
        Some(_) => pages::submission_fragment(&submission).into_response(),
        None => pages::submission(&submission, VERSION).into_response(),
    })
}

pub(super) async fn json(State(shared): State<Shared>, Path(token): Path<String>) -> Result<Response, ApiError> {
    Ok(Json(submission_view(&shared, token).await?).into_response())
}
