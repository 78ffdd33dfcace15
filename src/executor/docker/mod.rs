//! The Docker Engine, through bollard: one connection, its facts, and how its failures are told.
//!
//! It refuses to guess: whatever the engine does not answer clearly is an error of ours, never a
//! verdict about a participant. No type of the client library leaves this module.
//!
//! | file | what it knows |
//! |---|---|
//! | `sandbox` | the one description of a locked-down container, and whether the engine obeyed; pure |
//! | `run` | the life of a job: prepare, submit, wait, cancel, clean up |
//! | `containers` | containers and volumes as the engine keeps them |
//! | `holder` | the container that keeps a job's output, and remembers whether the engine was there |
//! | `programs` | what we run ourselves: a program that waits, three that test limits and doors |
//! | `log` | what a job prints: its start, its end and a count of the rest |
//! | `output` | the size-capped output file system, and reading it after the end |
//! | `build` | Dockerfile and context to image |
//! | `buildkit` | what builds by BuildKit need besides |
//! | `load` | an image from an archive |
//! | `save` | an image into an archive, for another engine |
//! | `mark` | a label of ours on every image of a build; pure |
//! | `traces` | what builds leave behind, and how it goes |
//! | `context` | the context as a tar stream, with our Dockerfile at its end; pure |
//! | `transcript` | what the output of a build by the classic builder tells; pure |
//! | `trace` | the same of BuildKit; pure |
//! | `meter` | what a build takes of processes, memory and disk |
//! | `check` | whether all this really holds on this engine |
//!
//! Every container, volume and tag carries the instance's label in its name, so that two daemons
//! on one engine never touch each other's.

mod at_home;
mod build;
mod buildkit;
mod check;
mod containers;
mod context;
mod cuts;
mod guarded;
mod holder;
mod instructions;
mod kernel_log;
mod load;
mod log;
mod mark;
mod meter;
mod output;
mod places;
mod programs;
mod run;
mod sandbox;
mod save;
mod trace;
mod traces;
mod transcript;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bollard::Docker;
use bollard::errors::Error as EngineError;
use bollard::models::Runtime;

use super::{ExecutorError, Result};
use crate::model::{BuildsWith, GpuUuid, limits};
pub use at_home::{AtHome, docker_run, shell};
use log::Follower;

/// How jobs run on this engine, beyond what a job itself says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DockerOptions {
    /// OCI runtime of jobs (`runc`, `runsc`, `nvidia`); the engine's default if none.
    pub runtime: Option<String>,
    /// Path prefixes as this daemon sees them, and as the engine's host does: for a daemon that
    /// runs in a container itself, or on another host with the same share mounted elsewhere.
    pub paths: Vec<(PathBuf, PathBuf)>,
    /// GPUs of the engine's host; asked of `nvidia-smi` on this host if empty.
    pub gpus: Vec<GpuUuid>,
    /// Where jobs write.
    pub output: OutputStore,
    /// What builds images.
    pub builds_with: BuildsWith,
}

/// What the output file system of a job is made of.
///
/// A loop-mounted file would survive a restart of the engine and would not count as memory, but
/// needs a helper with root on the engine's host; it is left for a second variant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputStore {
    /// A named volume of type tmpfs, kept mounted by a container of ours until it is collected.
    /// Works on local and remote engines alike. Its pages count as the writer's memory.
    #[default]
    Tmpfs,
}

/// One Docker Engine, as executor and as builder. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct DockerEngine {
    shared: Arc<Shared>,
}

struct Shared {
    address: Address,
    instance: String,
    options: DockerOptions,
    client: Mutex<Option<Docker>>,
    facts: Mutex<Option<Arc<EngineFacts>>>,
    followers: Mutex<HashMap<String, Follower>>,
    builds: Arc<Builds>,
}

/// What builds of one engine have to know of each other, whatever it is used for besides.
#[derive(Default)]
struct Builds {
    /// How many are under way.
    count: AtomicUsize,
    /// Read by each build that is under way.
    under_way: Arc<tokio::sync::RwLock<()>>,
    /// Held by a build with BuildKit until nothing of it is left.
    alone: Arc<tokio::sync::Mutex<()>>,
    buildkit_group: tokio::sync::OnceCell<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Address {
    Socket(String),
    Http(String),
}

/// What the engine says of itself, as far as it decides how a container is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct EngineFacts {
    version: String,
    kernel: String,
    architecture: String,
    default_runtime: String,
    runtimes: BTreeMap<String, RuntimeFacts>,
    security: Vec<String>,
    cgroup_driver: String,
    cgroup_version: String,
    root: PathBuf,
    live_restore: bool,
    memory_limit: bool,
    swap_limit: bool,
    pids_limit: bool,
    warnings: Vec<String>,
}

/// How the engine starts an OCI runtime; both empty where it does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct RuntimeFacts {
    path: String,
    arguments: Vec<String>,
}

impl EngineFacts {
    fn has_apparmor(&self) -> bool {
        self.security.iter().any(|o| o.contains("name=apparmor"))
    }

    fn has_seccomp(&self) -> bool {
        self.security.iter().any(|o| o.contains("name=seccomp"))
    }
}

/// The engine understood and said no.
#[derive(Debug)]
struct Refusal {
    status: u16,
    message: String,
}

impl From<Refusal> for ExecutorError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(format!("{} ({})", refusal.message, refusal.status))
    }
}

impl DockerEngine {
    /// Takes the address (`/var/run/docker.sock`, `unix://…`, `tcp://host:port`) and the label of
    /// this instance of Referee (`[a-z0-9-]{1,40}`). Nothing is sent yet: an engine that is down
    /// shows at the first call, and need not keep a daemon from starting.
    ///
    /// # Errors
    /// When the address or the label has another form.
    pub fn connect(socket: &str, instance: &str, options: DockerOptions) -> Result<Self> {
        if !is_name(instance, 40) {
            return Err(ExecutorError::Refused(format!(
                "instance `{instance}`: 1 to 40 of a-z, 0-9 and `-` are allowed"
            )));
        }
        let address = match socket.split_once("://") {
            None if socket.starts_with('/') => Address::Socket(socket.to_owned()),
            Some(("unix", path)) => Address::Socket(path.to_owned()),
            Some(("tcp" | "http", _)) => Address::Http(socket.to_owned()),
            _ => {
                return Err(ExecutorError::Refused(format!(
                    "engine address `{socket}`: a socket's path, unix:// or tcp:// is needed"
                )));
            }
        };
        Ok(Self {
            shared: Arc::new(Shared {
                address,
                instance: instance.to_owned(),
                options,
                client: Mutex::default(),
                facts: Mutex::default(),
                followers: Mutex::default(),
                builds: Arc::default(),
            }),
        })
    }

    /// The same engine, used in another way at the same time. Builds of both know of each other: neither takes for
    /// a leftover what the other makes.
    #[must_use]
    pub fn used_with(&self, options: DockerOptions) -> Self {
        Self {
            shared: Arc::new(Shared {
                address: self.shared.address.clone(),
                instance: self.shared.instance.clone(),
                options,
                client: Mutex::default(),
                facts: Mutex::default(),
                followers: Mutex::default(),
                builds: Arc::clone(&self.shared.builds),
            }),
        }
    }

    /// Which engine it is: two addresses may lead to one. Several on one host share the name by which they know
    /// themselves (before 25 it is a key in /etc/docker), but no folder.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn id(&self) -> Result<String> {
        let info = self
            .call("info", |docker| async move { docker.info().await })
            .await??;
        let (id, folder) = (info.id.unwrap_or_default(), info.docker_root_dir);
        Ok(format!("{id} {}", folder.unwrap_or_default()))
    }

    fn instance(&self) -> &str {
        &self.shared.instance
    }

    fn options(&self) -> &DockerOptions {
        &self.shared.options
    }

    fn followers(&self) -> MutexGuard<'_, HashMap<String, Follower>> {
        lock(&self.shared.followers)
    }

    /// Whether the engine's files can be looked at from here: it has a socket, and its data root
    /// is a directory of this host.
    fn is_local(&self, facts: &EngineFacts) -> bool {
        matches!(self.shared.address, Address::Socket(_)) && facts.root.is_dir()
    }

    /// The client; made at first need. It keeps no idle connections on a socket, so that every
    /// call is a new one and a restarted engine is found at once.
    fn client(&self) -> std::result::Result<Docker, EngineError> {
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

    /// Makes one idempotent call: bounded in time, and tried a second time on a new connection.
    /// The outer error is ours (no answer), the inner one the engine's answer.
    async fn call<T, F, Fut>(
        &self,
        what: &str,
        request: F,
    ) -> Result<std::result::Result<T, Refusal>>
    where
        F: Fn(Docker) -> Fut,
        Fut: Future<Output = std::result::Result<T, EngineError>>,
    {
        let mut last = None;
        for pause in [0, 250] {
            tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
            let sent = async { request(self.client()?).await };
            match tokio::time::timeout(limits::ENGINE_CALL_TIME.std(), sent).await {
                Ok(Ok(answer)) => return Ok(Ok(answer)),
                Ok(Err(error)) => match refusal(error) {
                    Ok(refusal) => return Ok(Err(refusal)),
                    Err(error) => last = Some(error),
                },
                Err(_) => {
                    let waited = limits::ENGINE_CALL_TIME;
                    last = Some(format!("no answer within {waited}"));
                }
            }
        }
        let why = last.unwrap_or_default();
        Err(ExecutorError::Unreachable(format!("{what}: {why}")))
    }

    /// What the engine is; asked once and remembered. [`check`] asks anew.
    async fn facts(&self) -> Result<Arc<EngineFacts>> {
        let known = lock(&self.shared.facts).clone();
        match known {
            Some(facts) => Ok(facts),
            None => self.ask_facts().await,
        }
    }

    async fn ask_facts(&self) -> Result<Arc<EngineFacts>> {
        let info = self
            .call("info", |docker| async move { docker.info().await })
            .await??;
        let facts = Arc::new(EngineFacts {
            version: info.server_version.unwrap_or_default(),
            kernel: info.kernel_version.unwrap_or_default(),
            architecture: info.architecture.unwrap_or_default(),
            default_runtime: info.default_runtime.unwrap_or_default(),
            runtimes: runtimes(info.runtimes.unwrap_or_default()),
            security: info.security_options.unwrap_or_default(),
            cgroup_driver: info
                .cgroup_driver
                .map_or_else(String::new, |d| d.to_string()),
            cgroup_version: info
                .cgroup_version
                .map_or_else(String::new, |v| v.to_string()),
            root: info.docker_root_dir.map(PathBuf::from).unwrap_or_default(),
            live_restore: info.live_restore_enabled.unwrap_or(false),
            memory_limit: info.memory_limit.unwrap_or(false),
            swap_limit: info.swap_limit.unwrap_or(false),
            pids_limit: info.pids_limit.unwrap_or(false),
            warnings: info.warnings.unwrap_or_default(),
        });
        *lock(&self.shared.facts) = Some(facts.clone());
        Ok(facts)
    }

    /// A path of ours as the engine's host sees it.
    fn on_host(&self, path: &Path) -> PathBuf {
        on_host(&self.options().paths, path)
    }
}

fn runtimes(told: HashMap<String, Runtime>) -> BTreeMap<String, RuntimeFacts> {
    let all = told.into_iter().map(|(name, runtime)| {
        let facts = RuntimeFacts {
            path: runtime.path.unwrap_or_default(),
            arguments: runtime.runtime_args.unwrap_or_default(),
        };
        (name, facts)
    });
    all.collect()
}

/// The longest configured prefix wins.
fn on_host(prefixes: &[(PathBuf, PathBuf)], path: &Path) -> PathBuf {
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

/// Tells an answer of the engine from the lack of one.
fn refusal(error: EngineError) -> std::result::Result<Refusal, String> {
    match error {
        EngineError::DockerResponseServerError {
            status_code,
            message,
        } => Ok(Refusal {
            status: status_code,
            message,
        }),
        EngineError::DockerStreamError { error } => Ok(Refusal {
            status: 200,
            message: error,
        }),
        other => Err(chain(&other)),
    }
}

/// An error and its causes on one line; hyper's own sentence alone is only "client error".
fn chain(error: &dyn std::error::Error) -> String {
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

/// `[a-z0-9-]`, not at the start or end a hyphen, so that it can be part of every name we make.
fn is_name(text: &str, chars_max: usize) -> bool {
    (1..=chars_max).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A panic elsewhere while the lock was held leaves nothing half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_labels_are_checked_before_anything_is_sent() {
        let connect =
            |socket, instance| DockerEngine::connect(socket, instance, DockerOptions::default());
        for good in [
            "/run/docker.sock",
            "unix:///run/docker.sock",
            "tcp://127.0.0.1:1",
        ] {
            assert!(connect(good, "a-1").is_ok(), "{good}");
        }
        assert!(connect("ssh://host", "a").is_err());
        assert!(connect("docker.sock", "a").is_err());
        for bad in ["", "A", "a/b", "-a", "a-", &"a".repeat(41)] {
            assert!(connect("/run/docker.sock", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn paths_are_seen_from_the_host() {
        let prefixes = vec![
            (PathBuf::from("/data"), PathBuf::from("/srv/a")),
            (PathBuf::from("/data/hidden"), PathBuf::from("/mnt/b")),
        ];
        let seen = |path: &str| on_host(&prefixes, Path::new(path)).display().to_string();
        assert_eq!(seen("/data/x"), "/srv/a/x");
        assert_eq!(seen("/data/hidden/x"), "/mnt/b/x");
        assert_eq!(seen("/data/hidden"), "/mnt/b");
        assert_eq!(seen("/database"), "/database");
    }
}
