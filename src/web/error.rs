//! Error pages and error objects. Internal errors show an incident number and never their text.

use axum::Json;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use serde_json::json;

use super::VERSION;
use super::pages::{self, ErrorView};
use crate::clock;
use crate::store::StoreError;

/// Why there is no page.
#[derive(Debug)]
pub(super) enum PageError {
    /// The address has no page, or this reader may not see it.
    NotFound,
    /// The number of open live pages has reached its limit.
    TooManyReaders,
    /// The handler took longer than [`crate::model::limits::PAGE_TIME`].
    TimedOut,
    Internal(anyhow::Error),
}

impl From<anyhow::Error> for PageError {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

impl PageError {
    /// The visible part of the error with its status. The rest goes to the log.
    fn into_view(self) -> (StatusCode, ErrorView) {
        let view = match self {
            Self::NotFound => ErrorView::not_found(),
            Self::TooManyReaders => ErrorView::too_many_readers(),
            Self::TimedOut => ErrorView::timed_out(),
            Self::Internal(error) => {
                let incident = clock::incident();
                tracing::error!(incident, error = format!("{error:#}"), "page failed");
                ErrorView::internal(&incident)
            }
        };
        let status = StatusCode::from_u16(view.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, view)
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let (status, view) = self.into_view();
        (status, pages::error(&view, VERSION)).into_response()
    }
}

/// The same error for programs: an object with `error` and `why`.
#[derive(Debug)]
pub(super) struct ApiError(PageError);

impl<E: Into<PageError>> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, view) = self.0.into_view();
        let body = json!({ "error": view.title, "why": view.why });
        (status, Json(body)).into_response()
    }
}

/// The error as an object below `/api/`, and as a page elsewhere.
pub(super) fn response(address: &Uri, error: PageError) -> Response {
    if address.path().starts_with("/api/") { ApiError(error).into_response() } else { error.into_response() }
}

/// Answers addresses without a page.
pub(super) async fn not_found(address: Uri) -> Response {
    response(&address, PageError::NotFound)
}

/// Answers requests with a wrong method. Most often, a browser has opened the address of a hook.
pub(super) async fn wrong_method() -> Response {
    let message = "this address does not support this method\n";
    (StatusCode::METHOD_NOT_ALLOWED, message).into_response()
}
