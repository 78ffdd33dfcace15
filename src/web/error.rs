//! Answers when there is no page: what, why, what next. Internal errors show a number, never a text.

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
pub enum Failure {
    /// There is none at this address, or none for this viewer.
    NotFound,
    /// More live pages are open than we serve.
    TooManyReaders,
    /// Our fault.
    Internal(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

impl Failure {
    /// What is said, with its status; what is not said goes to the log.
    fn view(self) -> (StatusCode, ErrorView) {
        let view = match self {
            Self::NotFound => ErrorView::not_found(),
            Self::TooManyReaders => ErrorView::busy(),
            Self::Internal(error) => {
                let incident = hex::encode(clock::random_bytes::<3>());
                tracing::error!(incident, error = format!("{error:#}"), "page failed");
                ErrorView::internal(&incident)
            }
        };
        let status = StatusCode::from_u16(view.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, view)
    }
}

/// A page, for people.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, view) = self.view();
        (status, pages::error(&view, VERSION)).into_response()
    }
}

/// The same for programs: an object with `error` and `why`.
#[derive(Debug)]
pub struct ApiFailure(Failure);

impl<E: Into<Failure>> From<E> for ApiFailure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for ApiFailure {
    fn into_response(self) -> Response {
        let (status, view) = self.0.view();
        let body = json!({ "error": view.title, "why": view.why });
        (status, Json(body)).into_response()
    }
}

/// For addresses without a page.
pub async fn not_found(address: Uri) -> Response {
    match address.path().starts_with("/api/") {
        true => ApiFailure(Failure::NotFound).into_response(),
        false => Failure::NotFound.into_response(),
    }
}

/// For addresses that want another method: a hook's opened in a browser, most often.
pub async fn wrong_method() -> Response {
    let message = "this address is there, but not for this method\n";
    (StatusCode::METHOD_NOT_ALLOWED, message).into_response()
}
