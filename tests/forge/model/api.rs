//! The forge as one thing: its state behind a lock, and the way of a request to it.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use referee::clock::Clock;
use serde_json::Value;

use super::call::{Answer, Call};
use super::dialect::Dialect;
use super::state::State;

/// A request before anybody looked at it.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub path: String,
    pub authorization: Option<String>,
    pub body: Vec<u8>,
}

/// A forge. Its repositories go with its last handle.
#[derive(Clone)]
pub struct Forge {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    /// Between a writer's look at a branch and its commit.
    race_window: Mutex<Duration>,
    _folder: tempfile::TempDir,
}

impl Forge {
    /// A forge that nobody can reach by network. `root` is the address that it thinks it has.
    pub fn silent(dialect: Dialect, root: &str, clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(dialect, root, folder.path().to_owned(), clock);
        let inner = Inner {
            state: Mutex::new(state),
            race_window: Mutex::new(Duration::ZERO),
            _folder: folder,
        };
        Self { inner: Arc::new(inner) }
    }

    /// What the forge remembers, for a test to read or to change.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap()
    }

    /// Holds writers of contents for a while after they looked at the branch.
    pub fn set_race_window(&self, window: Duration) {
        *self.inner.race_window.lock().unwrap() = window;
    }

    /// Answers a request to the API or to the registry.
    pub async fn answer(&self, request: &Request) -> Answer {
        let mut call = match self.read(request) {
            Ok(call) => call,
            Err(refusal) => return refusal,
        };
        if request.path.starts_with("/v2/") {
            return self.state().registry(&call);
        }
        call.seen = self.state().looked_at(&call);
        if call.seen.is_some() {
            let window = *self.inner.race_window.lock().unwrap();
            tokio::time::sleep(window).await;
        }
        self.state().answer(&call)
    }

    fn read(&self, request: &Request) -> Result<Call, Answer> {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let Some(below) = path.strip_prefix("/api/v1/").or(path.strip_prefix("/v2/")) else {
            return Err(Answer::no_such_page());
        };
        let who = self.state().authenticate(request.authorization.as_deref())?;
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        Ok(Call {
            method: request.method.clone(),
            path: path.to_owned(),
            steps: below.split('/').map(decoded).collect(),
            query: pairs.map(|(name, value)| (decoded(name), decoded(value))).collect(),
            body: serde_json::from_slice(&request.body).unwrap_or(Value::Null),
            who,
            seen: None,
        })
    }
}

/// A step of a path without its percent signs.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        rest = more;
        let code = more.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &more[2..];
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
