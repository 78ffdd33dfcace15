//! The layers around the handlers: compression, the time limit of pages, and the log of requests.

use std::io::Read as _;

use axum::body::Body;
use axum::http::Request;
use futures_util::StreamExt as _;
use referee::model::limits;
use referee::web;
use reqwest::Response;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, VARY};
use tower::ServiceExt as _;

use crate::log;
use crate::server::Server;
use crate::story::Story;

async fn get_accepting_gzip(server: &Server, at: &str) -> Response {
    let request = server.client.get(format!("{}{at}", server.url));
    let request = request.header(ACCEPT_ENCODING, "gzip, br");
    request.send().await.unwrap()
}

#[tokio::test]
async fn pages_json_and_tables_are_compressed_for_clients_that_accept_it() {
    let server = Server::start().await;
    let repository = server.add_team("local", "alpha", "alpha").await;
    let story = Story::pushed(&server, &repository, "main").await;
    story.scored(0.5).await;
    for at in [
        "/",
        "/rules",
        "/assets/referee.css",
        "/assets/referee.svg",
        "/api/v1/challenges",
        "/challenges/nuclei/validation/segmentation.csv",
        "/nothing/here",
        &story.page(),
        &story.json(),
    ] {
        let plain = server.get(at).await;
        assert_eq!(plain.header("content-encoding"), "", "{at}");
        let compressed = get_accepting_gzip(&server, at).await;
        assert_eq!(compressed.status(), plain.status, "{at}");
        if plain.status.is_client_error() {
            // The fallback has no compression.
            assert!(!compressed.headers().contains_key(CONTENT_ENCODING), "{at}");
            continue;
        }
        assert_eq!(compressed.headers()[CONTENT_ENCODING], "gzip", "{at}");
        assert_eq!(compressed.headers()[VARY], "accept-encoding", "{at}");
        assert_eq!(compressed.headers()["x-frame-options"], "DENY", "{at}");
        let bytes = compressed.bytes().await.unwrap();
        let mut text = String::new();
        let mut reader = flate2::read::GzDecoder::new(&bytes[..]);
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, plain.body, "{at}");
    }
}

#[tokio::test]
async fn event_streams_and_answers_to_hooks_are_not_compressed() {
    let server = Server::start().await;
    let repository = server.add_team("local", "alpha", "alpha").await;
    let story = Story::pushed(&server, &repository, "main").await;
    for at in [format!("{}/events", story.page()), "/challenges/nuclei/validation/segmentation/events".to_owned()] {
        let answer = get_accepting_gzip(&server, &at).await;
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        assert!(!answer.headers().contains_key(CONTENT_ENCODING), "{at}");
        let first = answer.bytes_stream().next().await.unwrap().unwrap();
        assert!(first.ends_with(b"data: connected\n\n"), "{first:?}");
    }
    let hook = repository.hook_token.as_str();
    let answer = server.client.post(format!("{}/local/{hook}/pushed", server.url)).header(ACCEPT_ENCODING, "gzip");
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(!answer.headers().contains_key(CONTENT_ENCODING));
}

#[tokio::test]
async fn an_event_stream_outlives_the_time_limit_of_pages() {
    let server = Server::start().await;
    let repository = server.add_team("local", "alpha", "alpha").await;
    let story = Story::pushed(&server, &repository, "main").await;
    let router = web::router(server.app.clone()).unwrap();
    let request = Request::get(format!("{}/events", story.page()));
    let answer = router.oneshot(request.body(Body::empty()).unwrap()).await;
    let mut events = answer.unwrap().into_body().into_data_stream();
    let first = events.next().await.unwrap().unwrap();
    assert_eq!(&first[..], b"event: submission\ndata: connected\n\n");
    tokio::time::pause();
    tokio::time::advance(limits::PAGE_TIME.std() * 2).await;
    tokio::time::resume();
    story.rejected().await;
    loop {
        let event = events.next().await.expect("the stream is open").unwrap();
        // A line that starts with a colon only keeps the connection open.
        if !event.starts_with(b":") {
            assert_eq!(&event[..], b"event: submission\ndata: changed\n\n");
            break;
        }
    }
}

#[tokio::test]
async fn the_log_has_the_route_of_a_request_and_not_its_secret_address() {
    let server = Server::start().await;
    let repository = server.add_team("local", "alpha", "alpha").await;
    let story = Story::pushed(&server, &repository, "main").await;
    for at in [story.page(), story.json(), format!("{}/", story.page())] {
        server.get(&at).await;
    }
    let log = log::text();
    assert!(log.contains(r#"request{method=GET route="/submissions/{token}"}"#));
    assert!(log.contains(r#"request{method=GET route="none"}"#));
    assert!(!log.contains(story.token.as_str()));
}
