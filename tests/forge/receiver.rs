//! A receiver of webhooks that keeps every delivery.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderMap;
use tokio::net::TcpListener;

/// A delivery that arrived: headers and body as they were on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Arrived {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn event(&self) -> &str {
        self.header("x-gitea-event-type")
    }
}

/// Listens until the test's runtime ends.
#[derive(Clone, Default)]
pub(crate) struct Receiver {
    got: Arc<Mutex<Vec<Arrived>>>,
}

impl Receiver {
    /// A receiver and its address.
    pub(crate) async fn start() -> (Self, String) {
        let receiver = Self::default();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}/hooks", listener.local_addr().unwrap());
        let router = Router::new().fallback(keep).layer(DefaultBodyLimit::disable()).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, address)
    }

    pub(crate) fn got(&self) -> Vec<Arrived> {
        self.got.lock().unwrap().clone()
    }

    /// All deliveries, after this many have arrived.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Arrived> {
        for _ in 0..2000 {
            if self.got().len() >= count {
                return self.got();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let events: Vec<String> = self.got().iter().map(|got| got.event().to_owned()).collect();
        panic!("{count} deliveries were expected, {events:?} came");
    }

    /// Forgets all deliveries.
    pub(crate) fn clear(&self) {
        self.got.lock().unwrap().clear();
    }
}

async fn keep(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) {
    receiver.got.lock().unwrap().push(Arrived { headers, body });
}
