//! The forge as a whole: its state behind a lock, and the path of a request to it.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use referee::clock::Clock;
use serde_json::Value;

use super::call::{Answer, Call};
use super::fault_injection::{DeliveryFaults, Faults, Pace};
use super::sender::Sent;
use super::server::Asked;
use super::state::State;
use super::version::ForgeVersion;

/// A request that was not read yet.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub method: String,
    /// Path and query.
    pub path: String,
    pub authorization: Option<String>,
    pub body: Vec<u8>,
}

/// A forge. Its repositories are removed with its last handle.
#[derive(Clone)]
pub(crate) struct Forge {
    inner: Arc<Inner>,
}

/// Concurrent writers of contents.
struct Race {
    writers: usize,
    looked: usize,
    written: usize,
}

struct Inner {
    state: Mutex<State>,
    race: Mutex<Option<Race>>,
    faults: Mutex<Faults>,
    delivery_faults: Mutex<DeliveryFaults>,
    pace: Mutex<Pace>,
    working: tokio::sync::Mutex<()>,
    late: Mutex<Vec<Request>>,
    asked: Mutex<Vec<Asked>>,
    sent: Mutex<Vec<Sent>>,
    pushing: tokio::sync::Mutex<()>,
    _folder: tempfile::TempDir,
}

impl Forge {
    /// A forge without a network port. `root` is the address that it has in its answers.
    pub(crate) fn silent(version: ForgeVersion, root: &str, clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(version, root, folder.path().to_owned(), clock);
        let inner = Inner {
            state: Mutex::new(state),
            race: Mutex::default(),
            faults: Mutex::new(Faults::none()),
            delivery_faults: Mutex::new(DeliveryFaults::none()),
            pace: Mutex::default(),
            working: tokio::sync::Mutex::default(),
            late: Mutex::default(),
            asked: Mutex::default(),
            sent: Mutex::default(),
            pushing: tokio::sync::Mutex::default(),
            _folder: folder,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The state of the forge, for a test to read or to change.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap()
    }

    /// The next writers of contents, this many, all look at the branch before any of them writes. Then they write in
    /// the order in which they looked.
    pub(crate) fn race(&self, writers: usize) {
        *self.inner.race.lock().unwrap() = Some(Race { writers, looked: 0, written: 0 });
    }

    /// How many writers of the race have looked.
    pub(crate) fn looked(&self) -> usize {
        let race = self.inner.race.lock().unwrap();
        race.as_ref().map_or(0, |race| race.looked)
    }

    /// Waits for the turn of a writer, if there is a race.
    async fn turn(&self) {
        let position = match self.inner.race.lock().unwrap().as_mut() {
            Some(race) => race.looked,
            None => return,
        };
        self.inner.race.lock().unwrap().as_mut().unwrap().looked += 1;
        let ready = |race: &Race| race.looked == race.writers && race.written == position;
        while !self.inner.race.lock().unwrap().as_ref().is_none_or(ready) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn written(&self) {
        let mut race = self.inner.race.lock().unwrap();
        if let Some(running) = race.as_mut() {
            running.written += 1;
        }
        race.take_if(|race| race.written == race.writers);
    }

    /// The address of the forge, without a slash at its end.
    pub(crate) fn root(&self) -> String {
        self.state().root.clone()
    }

    /// The faults of the API, for a test to set.
    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.inner.faults.lock().unwrap()
    }

    /// The faults of deliveries, for a test to set.
    pub(crate) fn delivery_faults(&self) -> MutexGuard<'_, DeliveryFaults> {
        self.inner.delivery_faults.lock().unwrap()
    }

    /// How fast the forge is, for a test to set.
    pub(crate) fn pace(&self) -> MutexGuard<'_, Pace> {
        self.inner.pace.lock().unwrap()
    }

    /// Waits for the time that a request takes, after the earlier requests.
    pub(crate) async fn take_time(&self, request: &Request) {
        let time = self.pace().of(&request.method, &request.path);
        if time > Duration::ZERO {
            let _turn = self.inner.working.lock().await;
            tokio::time::sleep(time).await;
        }
    }

    /// Keeps a request until [`Forge::catch_up`].
    pub(crate) fn postpone(&self, request: &Request) {
        self.inner.late.lock().unwrap().push(request.clone());
    }

    /// Handles the postponed requests, and returns their number.
    pub(crate) async fn catch_up(&self) -> usize {
        let late = std::mem::take(&mut *self.inner.late.lock().unwrap());
        for request in &late {
            self.answer(request).await;
        }
        late.len()
    }

    /// For the next delivery: its delay, and whether it is dropped, sent twice, sent late.
    pub(crate) fn next_delivery_faults(&self) -> (Duration, bool, bool, bool) {
        let mut faults = self.delivery_faults();
        let (drop, duplicate, reorder) = (faults.drop, faults.duplicate, faults.reorder);
        let chance = &mut faults.chance;
        let hits = (chance.hits(drop), chance.hits(duplicate), chance.hits(reorder));
        (faults.delay, hits.0, hits.1, hits.2)
    }

    /// Waits until no other push runs.
    pub(crate) async fn push_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.inner.pushing.lock().await
    }

    pub(crate) fn note_asked(&self, asked: Asked) {
        self.inner.asked.lock().unwrap().push(asked);
    }

    pub(crate) fn note_sent(&self, sent: Sent) {
        self.inner.sent.lock().unwrap().push(sent);
    }

    /// Requests to the API and the registry, oldest first.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inner.asked.lock().unwrap().clone()
    }

    /// Deliveries that were sent, oldest first.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.inner.sent.lock().unwrap().clone()
    }

    /// Answers a request to the API or to the registry.
    pub(crate) async fn answer(&self, request: &Request) -> Answer {
        let mut call = match self.read(request) {
            Ok(call) => call,
            Err(refusal) => return refusal,
        };
        if request.path.starts_with("/v2/") {
            return self.state().registry(&call, &request.body);
        }
        call.seen = self.state().looked_at(&call);
        if call.seen.is_some() {
            self.turn().await;
        }
        let answer = self.state().answer(&call);
        if call.seen.is_some() {
            self.written();
        }
        answer
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
