//! One connection to a Docker Engine: its address, its calls and their failures.
//!
//! Every call is limited in time. An idempotent call is retried once on a new connection.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bollard::Docker;
use bollard::errors::Error as EngineError;

use super::DockerOptions;
use super::facts::EngineFacts;
use super::log_keeper::Follower;
use crate::executor::{ExecutorError, Result, Runner as _};
use crate::model::limits;

/// One Docker Engine. Cheap to clone: clones share everything.
#[derive(Clone)]
pub struct DockerEngine {
    shared: Arc<Shared>,
    options: Arc<DockerOptions>,
}

struct Shared {
    address: Address,
    instance: String,
    client: Mutex<Option<Docker>>,
    facts: Mutex<Option<Arc<EngineFacts>>>,
    followers: Mutex<HashMap<String, Follower>>,
    builds: Builds,
}

/// The running builds of one engine, whatever else it is used for.
#[derive(Default)]
pub(super) struct Builds {
    /// The number of running builds.
    pub count: AtomicUsize,
    /// Every running build holds it for reading.
    pub running: Arc<tokio::sync::RwLock<()>>,
    /// A build with BuildKit holds it until nothing of the build is left.
    pub exclusive: Arc<tokio::sync::Mutex<()>>,
    /// The control group of BuildKit's steps, once it was found.
    pub buildkit_group: tokio::sync::OnceCell<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Address {
    Socket(String),
    Http(String),
}

/// The engine understood a request and rejected it.
#[derive(Debug)]
pub(super) struct Refusal {
    /// HTTP status. 200 for an error in the middle of a stream.
    pub status: u16,
    pub message: String,
}

impl From<Refusal> for ExecutorError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(format!("{} ({})", refusal.message, refusal.status))
    }
}

impl DockerEngine {
    /// Takes the address (`/var/run/docker.sock`, `unix://…`, `tcp://host:port`) and the label of this instance of
    /// Referee (`[a-z0-9-]{1,40}`). Sends nothing yet: an engine that is down fails at the first call.
    ///
    /// # Errors
    /// When the address or the label is malformed.
    pub fn connect(socket: &str, instance: &str, options: DockerOptions) -> Result<Self> {
        if !is_name(instance, 40) {
            return Err(ExecutorError::Refused(format!(
                "instance `{instance}`: 1 to 40 characters of a-z, 0-9 and `-` are allowed"
            )));
        }
        let address = match socket.split_once("://") {
            None if socket.starts_with('/') => Address::Socket(socket.to_owned()),
            Some(("unix", path)) => Address::Socket(path.to_owned()),
            Some(("tcp" | "http", _)) => Address::Http(socket.to_owned()),
            _ => {
                return Err(ExecutorError::Refused(format!(
                    "engine address `{socket}`: write the path of a socket, unix:// or tcp://"
                )));
            }
        };
        Ok(Self {
            shared: Arc::new(Shared {
                address,
                instance: instance.to_owned(),
                client: Mutex::default(),
                facts: Mutex::default(),
                followers: Mutex::default(),
                builds: Builds::default(),
            }),
            options: Arc::new(options),
        })
    }

    /// The same engine with other options. Both share the list of running builds, so neither removes the unfinished
    /// images of the other as leftovers.
    #[must_use]
    pub fn with_options(&self, options: DockerOptions) -> Self {
        Self { shared: Arc::clone(&self.shared), options: Arc::new(options) }
    }

    /// Waits for a first answer.
    pub(in crate::executor) async fn ping(&self) -> Result<()> {
        let address = match &self.shared.address {
            Address::Socket(path) => format!("unix://{path}"),
            Address::Http(url) => url.clone(),
        };
        match self.list_owned().await {
            Err(ExecutorError::Unreachable(why)) => {
                Err(ExecutorError::Unreachable(format!("{why}. Check that a Docker Engine is running at {address}")))
            }
            answer => answer.map(|_| ()),
        }
    }

    /// The identity of the engine behind the address. It includes the data directory: before version 25 all engines of
    /// a host share one id (a key in /etc/docker).
    pub(in crate::executor) async fn identity(&self) -> Result<String> {
        let info = self.info().await?;
        let (id, root) = (info.id.unwrap_or_default(), info.docker_root_dir);
        Ok(format!("{id} {}", root.unwrap_or_default()))
    }

    pub(super) fn instance(&self) -> &str {
        &self.shared.instance
    }

    pub(super) fn options(&self) -> &DockerOptions {
        &self.options
    }

    pub(super) fn builds(&self) -> &Builds {
        &self.shared.builds
    }

    pub(super) fn followers(&self) -> MutexGuard<'_, HashMap<String, Follower>> {
        lock(&self.shared.followers)
    }

    /// Whether Referee can read the engine's files: the address is a socket, and the data directory exists on this
    /// host.
    pub(super) fn is_local(&self, facts: &EngineFacts) -> bool {
        matches!(self.shared.address, Address::Socket(_)) && facts.root.is_dir()
    }

    /// The client, made at the first use. It keeps no idle connections on a socket, so every call is a new connection
    /// and finds a restarted engine.
    pub(super) fn client(&self) -> Result<Docker> {
        self.cached_client().map_err(|e| ExecutorError::Unreachable(e.to_string()))
    }

    fn cached_client(&self) -> std::result::Result<Docker, EngineError> {
        let mut client = lock(&self.shared.client);
        if let Some(client) = &*client {
            return Ok(client.clone());
        }
        let seconds = limits::ENGINE_CALL_TIME.std().as_secs();
        let version = bollard::API_DEFAULT_VERSION;
        let made = match &self.shared.address {
            Address::Socket(path) => Docker::connect_with_unix(path, seconds, version)?,
            Address::Http(url) => Docker::connect_with_http(url, seconds, version)?,
        };
        Ok(client.insert(made).clone())
    }

    /// Makes an idempotent call, and retries it once on a new connection. The outer error means that no answer came.
    /// The inner one is the engine's answer. `name` names the call in messages.
    pub(super) async fn call<T, F, Fut>(&self, name: &str, request: F) -> Result<std::result::Result<T, Refusal>>
    where
        F: Fn(Docker) -> Fut,
        Fut: Future<Output = std::result::Result<T, EngineError>>,
    {
        let mut last = String::new();
        for pause in [0, 250] {
            tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
            let sent = async { request(self.cached_client()?).await };
            last = match tokio::time::timeout(limits::ENGINE_CALL_TIME.std(), sent).await {
                Ok(Ok(answer)) => return Ok(Ok(answer)),
                Ok(Err(error)) => match refusal(error) {
                    Ok(refusal) => return Ok(Err(refusal)),
                    Err(reason) => reason,
                },
                Err(_) => format!("no answer within {}", limits::ENGINE_CALL_TIME),
            };
        }
        Err(ExecutorError::Unreachable(format!("{name}: {last}")))
    }

    pub(super) async fn info(&self) -> Result<bollard::models::SystemInfo> {
        Ok(self.call("info", |docker| async move { docker.info().await }).await??)
    }

    /// The properties of the engine. Asked once and remembered.
    pub(super) async fn facts(&self) -> Result<Arc<EngineFacts>> {
        let known = lock(&self.shared.facts).clone();
        match known {
            Some(facts) => Ok(facts),
            None => self.ask_facts().await,
        }
    }

    /// Asks for the properties again.
    pub(super) async fn ask_facts(&self) -> Result<Arc<EngineFacts>> {
        let facts = Arc::new(EngineFacts::from(self.info().await?));
        *lock(&self.shared.facts) = Some(facts.clone());
        Ok(facts)
    }

    /// A path of Referee's host as the engine's host names it.
    pub(super) fn on_engine_host(&self, path: &Path) -> PathBuf {
        on_engine_host(&self.options().paths, path)
    }
}

/// The longest configured prefix wins.
fn on_engine_host(prefixes: &[(PathBuf, PathBuf)], path: &Path) -> PathBuf {
    let best = prefixes
        .iter()
        .filter_map(|(ours, theirs)| Some((ours, theirs, path.strip_prefix(ours).ok()?)))
        .max_by_key(|(ours, ..)| ours.components().count());
    match best {
        Some((_, theirs, rest)) if rest.as_os_str().is_empty() => theirs.clone(),
        Some((_, theirs, rest)) => theirs.join(rest),
        None => path.to_owned(),
    }
}

/// Distinguishes an answer of the engine from a missing answer, whose reason is the error.
pub(super) fn refusal(error: EngineError) -> std::result::Result<Refusal, String> {
    match error {
        EngineError::DockerResponseServerError { status_code, message } => Ok(Refusal { status: status_code, message }),
        EngineError::DockerStreamError { error } => Ok(Refusal { status: 200, message: error }),
        other => Err(with_causes(&other)),
    }
}

/// An error and its causes on one line. The message of hyper alone is only "client error".
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

/// `[a-z0-9-]` without a hyphen at the start or the end. Such a name can be part of the name of every object on an
/// engine.
pub(super) fn is_name(text: &str, chars_max: usize) -> bool {
    (1..=chars_max).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Does work that may block, on a thread for it.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|panic| ExecutorError::Staging(std::io::Error::other(panic)))
}

/// A panic elsewhere while the lock was held leaves no inconsistent value here.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_labels_are_checked_before_a_connection_is_made() {
        let connect = |socket, instance| DockerEngine::connect(socket, instance, DockerOptions::default());
        for good in ["/run/docker.sock", "unix:///run/docker.sock", "tcp://127.0.0.1:1"] {
            assert!(connect(good, "a-1").is_ok(), "{good}");
        }
        assert!(connect("ssh://host", "a").is_err());
        assert!(connect("docker.sock", "a").is_err());
        for bad in ["", "A", "a/b", "-a", "a-", &"a".repeat(41)] {
            assert!(connect("/run/docker.sock", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn paths_are_translated_to_the_engines_host() {
        let prefixes = vec![
            (PathBuf::from("/data"), PathBuf::from("/srv/a")),
            (PathBuf::from("/data/hidden"), PathBuf::from("/mnt/b")),
        ];
        let seen = |path: &str| on_engine_host(&prefixes, Path::new(path)).display().to_string();
        assert_eq!(seen("/data/x"), "/srv/a/x");
        assert_eq!(seen("/data/hidden/x"), "/mnt/b/x");
        assert_eq!(seen("/data/hidden"), "/mnt/b");
        assert_eq!(seen("/database"), "/database");
    }
}
