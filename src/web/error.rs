//! Answers when there is no page: what, why, what next. Internal errors show a number, never a text.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

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

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
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
        (status, pages::error(&view, VERSION)).into_response()
    }
}

/// For addresses without a page.
pub async fn not_found() -> Failure {
    Failure::NotFound
}
