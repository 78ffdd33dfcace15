//! The forge on a port: API, registry and git, with the faults that a test asked for.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State as Shared};
use axum::http::{HeaderMap, Method, Response, Uri};
use referee::clock::Clock;
use tokio::net::TcpListener;

use super::api::{Forge, Request};
use super::call::Answer;
use super::fault_injection::{Fault, When};
use super::sender;
use super::smart::GitRequest;
use super::version::ForgeVersion;

/// A request, and the status of its answer; `None` without an answer.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub method: String,
    pub path: String,
    pub body: Bytes,
    pub status: Option<u16>,
}

impl Forge {
    /// A forge that listens on a free port of this machine, until the test's runtime ends.
    pub(crate) async fn start(version: ForgeVersion) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let forge = Self::silent(version, &root, Clock::system());
        let router = Router::new().fallback(serve).layer(DefaultBodyLimit::disable()).with_state(forge.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        tokio::spawn(sender::run(forge.clone()));
        forge
    }

    async fn served(&self, request: &Request) -> Option<Answer> {
        let fault = self.faults().of(&request.method, &request.path);
        let Some((fault, when)) = fault else {
            self.take_time(request).await;
            return Some(self.answer(request).await);
        };
        if fault == Fault::Late {
            self.postpone(request);
            return None;
        }
        if when == When::After {
            self.answer(request).await;
        }
        fault.answer(&self.root())
    }
}

async fn serve(
    Shared(forge): Shared<Forge>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let text = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let authorization = headers.contains_key("authorization").then(|| text("authorization"));
    let git = GitRequest {
        method: method.to_string(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        authorization: authorization.clone(),
        content_type: text("content-type"),
        encoding: text("content-encoding"),
        protocol: text("git-protocol"),
        body: body.to_vec(),
    };
    if git.parts().is_some() && !uri.path().starts_with("/api/") {
        return response(forge.serve_git(&git).await);
    }
    let request = Request { method: method.to_string(), path: uri.to_string(), authorization, body: body.to_vec() };
    let answer = forge.served(&request).await;
    let status = answer.as_ref().map(|answer| answer.status);
    forge.note_asked(Asked { method: request.method, path: request.path, body, status });
    match answer {
        Some(answer) => response(answer),
        None => std::future::pending().await,
    }
}

fn response(answer: Answer) -> Response<Body> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.body)).unwrap()
}
