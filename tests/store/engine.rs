//! The engines under test: a SQLite file in a directory of its own, and a PostgreSQL schema of its
//! own in a cluster that this run starts and that ends with it, however it ends.
//!
//! `REFEREE_TEST_POSTGRES` names a database to be used instead of a cluster.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use referee::store::Store;
use sqlx::{AnyConnection, Connection as _, Executor as _};

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// A fresh database of one contract.
#[derive(Debug, Clone)]
pub struct Db {
    pub store: Store,
    pub url: String,
    pub kind: Kind,
}

impl Db {
    /// The same database, opened once more: another process, or the next start.
    pub async fn again(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }

    /// Says something to the database behind the store's back.
    pub async fn tamper(&self, statement: &'static str) {
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        connection.execute(statement).await.unwrap();
    }
}

/// Runs a contract on an engine, and cleans up whatever comes of it.
pub fn check<F, Running>(kind: Kind, contract: F)
where
    F: FnOnce(Db) -> Running,
    Running: Future<Output = ()> + 'static,
{
    let Some(place) = Place::new(kind) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let here = tokio::task::LocalSet::new();
    let result = here.block_on(&runtime, async {
        place.make().await;
        let store = Store::open(&place.url()).await.unwrap();
        let url = place.url();
        let contract = tokio::task::spawn_local(contract(Db { store, url, kind }));
        let result = contract.await;
        place.remove().await;
        result
    });
    if let Err(failed) = result {
        std::panic::resume_unwind(failed.into_panic());
    }
}

/// Where a fresh database can be.
enum Place {
    File(tempfile::TempDir),
    Schema { base: String, name: String },
}

impl Place {
    fn new(kind: Kind) -> Option<Self> {
        static SCHEMAS: AtomicU32 = AtomicU32::new(0);
        sqlx::any::install_default_drivers();
        Some(match kind {
            Kind::Sqlite => Self::File(tempfile::tempdir().unwrap()),
            Kind::Postgres => Self::Schema {
                base: postgres()?.to_owned(),
                name: format!(
                    "contract_{}_{}",
                    std::process::id(),
                    SCHEMAS.fetch_add(1, Ordering::Relaxed)
                ),
            },
        })
    }

    fn url(&self) -> String {
        match self {
            Self::File(directory) => {
                format!("sqlite:{}", directory.path().join("db.sqlite").display())
            }
            Self::Schema { base, name } => {
                let and = if base.contains('?') { '&' } else { '?' };
                format!("{base}{and}options=-csearch_path%3D{name}")
            }
        }
    }

    async fn make(&self) {
        self.say("CREATE SCHEMA").await;
    }

    async fn remove(&self) {
        self.say("DROP SCHEMA IF EXISTS").await;
    }

    async fn say(&self, verb: &str) {
        if let Self::Schema { base, name } = self {
            let mut connection = AnyConnection::connect(base).await.unwrap();
            let cascade = if verb.starts_with("DROP") {
                " CASCADE"
            } else {
                ""
            };
            let statement = sqlx::AssertSqlSafe(format!("{verb} {name}{cascade}"));
            connection.execute(statement).await.unwrap();
        }
    }
}

/// The address of a PostgreSQL server for this run, started when it is first asked for. `None`, said
/// aloud, where none is installed; on CI that is a failure.
fn postgres() -> Option<&'static str> {
    static CLUSTER: OnceLock<Option<(String, Option<ChildStdin>)>> = OnceLock::new();
    let cluster = CLUSTER.get_or_init(|| {
        if let Some(given) = environment("REFEREE_TEST_POSTGRES") {
            return Some((given, None));
        }
        let Some(programs) = programs() else {
            assert!(
                environment("CI").is_none_or(|ci| ci != "true"),
                "PostgreSQL is not installed, and CI must not skip its contracts"
            );
            eprintln!("PostgreSQL is not installed: the contracts run on SQLite alone");
            return None;
        };
        let (url, life) = start(&programs);
        Some((url, Some(life)))
    });
    cluster.as_ref().map(|(url, _)| url.as_str())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test is told where PostgreSQL is"
)]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The newest installed server's programs, as Debian places them, or those on the path.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    found.sort();
    found.reverse();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.extend(std::env::split_paths(&path));
    found
        .into_iter()
        .find(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
}

/// A command, under another account where we are root: PostgreSQL refuses to run as root.
fn unprivileged(program: &Path, directory: &Path) -> Command {
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let mut command = match root {
        false => Command::new(program),
        true => {
            let known = Command::new("id").arg("postgres").output().unwrap();
            let user = if known.status.success() {
                "postgres"
            } else {
                "nobody"
            };
            let owned = Command::new("chown").arg(user).arg(directory).status();
            assert!(
                owned.unwrap().success(),
                "{user} gets {}",
                directory.display()
            );
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid", user, "--clear-groups", "--"])
                .arg(program);
            command
        }
    };
    command.current_dir(directory);
    command
}

#[expect(
    clippy::zombie_processes,
    reason = "the keeper outlives the tests and ends when its standard input is closed"
)]
/// Starts a cluster on a socket in a fresh directory. It lives as long as the pipe that comes back:
/// the kernel closes that with this process, on a panic and a kill as well.
fn start(programs: &Path) -> (String, ChildStdin) {
    let directory = tempfile::Builder::new().prefix("referee-pg-").tempdir();
    let directory = directory.unwrap().keep();
    let made = unprivileged(&programs.join("initdb"), &directory)
        .args(["--auth=trust", "--username=referee", "--no-sync"])
        .args(["--encoding=UTF8", "--no-locale", "--pgdata=data"])
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    // Nothing here has to survive a power cut: what is tested is what we say, not their disk.
    let script = "trap '' INT TERM HUP
        \"$0\" -D data -k \"$PWD\" -c listen_addresses= -c fsync=off -c max_connections=300 \
            -c full_page_writes=off -c autovacuum=off >log 2>&1 &
        read -r _
        while kill -QUIT $! 2>/dev/null; do sleep 0.1; done
        rm -rf \"$PWD\"";
    let mut keeper = unprivileged(Path::new("/bin/sh"), &directory)
        .args(["-c", script])
        .arg(programs.join("postgres"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let life = keeper.stdin.take().unwrap();
    for _ in 0..300 {
        // The server writes there how far it is.
        let message = std::fs::read_to_string(directory.join("data/postmaster.pid"));
        if message.is_ok_and(|text| text.lines().any(|line| line.trim() == "ready")) {
            let host = directory.display();
            return (
                format!("postgres://referee@localhost/postgres?host={host}"),
                life,
            );
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let log = std::fs::read_to_string(directory.join("log")).unwrap_or_default();
    panic!("PostgreSQL has not started within 30 s: {log}");
}
