//! Layers around the handlers: a time limit and compression for pages, headers and a log span for every request.
//!
//! Event streams and the answers to hooks stay outside [`bounded`]: they take as long as their reader wants, and a
//! compressor would hold back their lines.

use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware;
use axum::response::Response;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;

use super::error::{self, PageError};
use super::pages;
use crate::model::limits;

/// The status by which [`explain_timeout`] recognizes the empty answer of the time limit. No handler uses it.
const TIMED_OUT: StatusCode = StatusCode::GATEWAY_TIMEOUT;

/// Limits the time of every handler, and compresses the answers for clients that accept it.
pub(super) fn bounded<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    let limit = limits::PAGE_TIME.std();
    routes
        .layer(TimeoutLayer::with_status_code(TIMED_OUT, limit))
        .layer(middleware::map_response(explain_timeout))
        .layer(CompressionLayer::new())
}

async fn explain_timeout(address: Uri, response: Response) -> Response {
    if response.status() == TIMED_OUT { error::response(&address, PageError::TimedOut) } else { response }
}

/// Adds the headers of every answer, and a log span around every request.
pub(super) fn for_all<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    let trace = TraceLayer::new_for_http()
        .make_span_with(span)
        .on_request(())
        .on_response(log_response)
        .on_body_chunk(())
        .on_eos(())
        // `error` logs the cause of a failure.
        .on_failure(());
    routes.layer(middleware::map_response(harden)).layer(trace)
}

/// The span names the route but not the address, because addresses of submissions and exports are secrets.
fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str);
    tracing::info_span!("request", method = %request.method(), route)
}

fn log_response(response: &Response<impl Sized>, latency: Duration, _: &Span) {
    let status = response.status().as_u16();
    tracing::debug!(status, milliseconds = latency.as_millis(), "answered");
}

/// Forbids frames, guesses of the content type, and referrers (addresses of submissions are secrets).
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, pages::CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("x-frame-options"), "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_slow_handler_is_answered_with_a_page_or_json_that_explains_the_time_limit() {
        let slow = || tokio::time::sleep(limits::PAGE_TIME.std() * 2);
        let routes = Router::new().route("/", get(slow)).route("/api/v1/challenges", get(slow));
        let routes = for_all(bounded(routes));
        for (address, text) in
            [("/", "<h1>The server is busy</h1>"), ("/api/v1/challenges", r#"{"error":"The server is busy","#)]
        {
            let request = Request::get(address).body(Body::empty()).unwrap();
            let answer = routes.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(answer.headers()["x-frame-options"], "DENY");
            let body = to_bytes(answer.into_body(), 100_000).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(body.contains(text), "{body}");
        }
    }
}
