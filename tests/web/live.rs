//! Live pages: event streams that state only that a page has changed.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use futures_util::StreamExt as _;
use referee::model::{Stage, limits};
use referee::web;
use tower::ServiceExt as _;

use crate::server::Server;
use crate::story::{EVIL, SECRET, Story};

/// An event must arrive within this time.
const SOON: Duration = Duration::from_secs(1);

/// An open event stream.
pub(crate) struct Events {
    bytes: std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<bytes::Bytes>>>>,
    /// Received text that was not returned yet.
    buffer: String,
}

impl Events {
    pub(crate) async fn open(server: &Server, at: &str) -> Self {
        let answer = server.client.get(format!("{}{at}", server.url)).send();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{at}");
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert!(answer.headers()["cache-control"].to_str().unwrap().starts_with("no-"));
        Self { bytes: Box::pin(answer.bytes_stream()), buffer: String::new() }
    }

    /// The next complete event.
    pub(crate) async fn next(&mut self) -> String {
        loop {
            if let Some((event, rest)) = self.buffer.split_once("\n\n") {
                let event = event.to_owned();
                self.buffer = rest.to_owned();
                return event;
            }
            let chunk = tokio::time::timeout(SOON, self.bytes.next()).await;
            let chunk = chunk.expect("an event within a second").expect("the stream is open");
            self.buffer.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
    }

    /// All events until none arrives for a while.
    pub(crate) async fn all(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        while let Ok(event) = tokio::time::timeout(SOON / 4, self.next()).await {
            all.push(event);
        }
        all
    }

    /// No event arrives for a while.
    pub(crate) async fn stays_silent(&mut self) {
        let silence = tokio::time::timeout(SOON / 4, self.bytes.next()).await;
        assert!(silence.is_err() && self.buffer.is_empty(), "{silence:?} {}", self.buffer);
    }
}

#[tokio::test]
async fn the_stream_of_a_leaderboard_sends_an_event_only_for_a_new_score() {
    let server = Server::start().await;
    let repository = server.add_team("local", "alpha", "alpha").await;
    let story = Story::pushed(&server, &repository, "main").await;
    let elsewhere = Story::pushed(&server, &repository, "open").await;
    let at = "/challenges/nuclei/validation/segmentation/events";
    let mut events = Events::open(&server, at).await;
    assert_eq!(events.next().await, "event: board\ndata: connected");
    story.ran().await;
    elsewhere.scored(0.5).await;
    events.stays_silent().await;
    story.score(0.5).await;
    assert_eq!(events.next().await, "event: board\ndata: changed");
    events.stays_silent().await;
}

#[tokio::test]
async fn the_stream_of_a_submission_sends_events_without_data() {
    let server = Server::start().await;
    let repository = server.add_team("local", "alpha", "alpha").await;
    let story = Story::pushed(&server, &repository, "main").await;
    let other = Story::pushed(&server, &repository, "open").await;
    let mut events = story.events().await;
    assert_eq!(events.next().await, "event: submission\ndata: connected");
    other.run_failed().await;
    events.stays_silent().await;
    story.run_failed().await;
    // Four attempts started and ended. Changes that follow each other immediately may share an event.
    let received = events.all().await;
    assert!((1..=8).contains(&received.len()), "{received:?}");
    for event in received {
        assert_eq!(event, "event: submission\ndata: changed");
        assert!(!event.contains(SECRET) && !event.contains(EVIL));
    }
}

#[tokio::test]
async fn the_steps_of_a_hidden_evaluation_send_no_events() {
    let server = Server::start().await;
    let repository = server.add_team("local", "alpha", "alpha").await;
    let story = Story::pushed(&server, &repository, "main").await;
    let mut events = story.events().await;
    assert_eq!(events.next().await, "event: submission\ndata: connected");
    story.ran().await;
    // From the run to the score, nothing visible changes.
    events.all().await;
    let record = server.app.context.store.submission(story.id).await.unwrap();
    assert_eq!(record.submission.stage(), Stage::Scoring);
    let claim =
        referee::store::Claim { submission: story.id, stage: Stage::Scoring, case: None, owner: "tests", seed: 1 };
    let now = server.app.context.clock.now();
    assert!(server.app.context.store.claim(&claim, now).await.unwrap().is_some());
    events.stays_silent().await;
}

#[tokio::test]
async fn a_retry_of_a_hidden_evaluation_sends_no_event() {
    let server = Server::start().await;
    let repository = server.add_team("local", "alpha", "alpha").await;
    let story = Story::pushed(&server, &repository, "main").await;
    story.smoked().await;
    let claim = referee::store::Claim { submission: story.id, stage: Stage::Run, case: None, owner: "tests", seed: 1 };
    let store = &server.app.context.store;
    let now = server.app.context.clock.now();
    let mut lease = store.claim(&claim, now).await.unwrap().unwrap();
    let view = async || {
        let at = format!("/api/v1/submissions/{}", story.token.as_str());
        server.get(&at).await.body
    };
    let running = view().await;
    let mut events = story.events().await;
    events.all().await;
    for _ in 0..2 {
        // A platform error loses the attempt. It waits and starts again.
        let retry = crate::story::retry(now);
        store.finish(&lease, retry, now).await.unwrap();
        assert_eq!(view().await, running);
        events.stays_silent().await;
        lease = store.claim(&claim, now).await.unwrap().unwrap();
        assert_eq!(view().await, running);
        events.stays_silent().await;
    }
}

#[tokio::test]
async fn a_reader_that_missed_changes_gets_an_event() {
    let server = Server::start().await;
    let repository = server.add_team("local", "alpha", "alpha").await;
    let story = Story::pushed(&server, &repository, "main").await;
    let noise = Story::pushed(&server, &repository, "open").await;
    noise.ran().await;
    // In memory, because a connection would read ahead while this reader waits.
    let router = web::router(server.app.clone()).unwrap();
    let request = Request::get(format!("{}/events", story.page()));
    let answer = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let mut body = answer.into_body().into_data_stream();
    assert!(body.next().await.unwrap().unwrap().starts_with(b"event: submission"));
    let record = server.app.context.store.submission(noise.id).await.unwrap();
    let now = server.app.context.clock.now();
    for _ in 0..=limits::LIVE_EVENTS_BUFFER {
        let claim = referee::store::Claim {
            submission: noise.id,
            stage: record.submission.stage(),
            case: None,
            owner: "tests",
            seed: 1,
        };
        let lease = server.app.context.store.claim(&claim, now).await.unwrap().unwrap();
        server.app.context.store.finish(&lease, crate::story::retry(now), now).await.unwrap();
    }
    let event = tokio::time::timeout(SOON, body.next()).await;
    let event = event.expect("an event within a second").unwrap().unwrap();
    assert_eq!(&event[..], b"event: submission\ndata: changed\n\n");
}

#[tokio::test]
async fn too_many_readers_of_live_pages_are_refused_and_pages_still_work() {
    let server = Server::start().await;
    let repository = server.add_team("local", "alpha", "alpha").await;
    let story = Story::pushed(&server, &repository, "main").await;
    // In memory, because a thousand connections would need two thousand file descriptors.
    let router = web::router(server.app.clone()).unwrap();
    let ask = |at: String| {
        let request = Request::get(at).body(Body::empty()).unwrap();
        router.clone().oneshot(request)
    };
    let events = format!("{}/events", story.page());
    let mut open = Vec::new();
    for _ in 0..limits::LIVE_READERS_MAX {
        let answer = ask(events.clone()).await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        open.push(answer);
    }
    let refused = ask(events.clone()).await.unwrap();
    assert_eq!(refused.status().as_u16(), 503);
    assert_eq!(ask(story.page()).await.unwrap().status().as_u16(), 200);
    // A reader that leaves returns its permit.
    open.pop();
    assert_eq!(ask(events).await.unwrap().status().as_u16(), 200);
}
