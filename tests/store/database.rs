//! The databases under test: a SQLite file in a new directory, and a new PostgreSQL schema in a cluster that this run
//! starts. The cluster ends with the run, also after a crash.
//!
//! `REFEREE_TEST_POSTGRES` is the address of a database to use instead of a cluster.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use referee::store::Store;
use sqlx::{AnyConnection, Connection as _, Executor as _};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// The new database of one contract.
#[derive(Debug, Clone)]
pub(crate) struct Db {
    pub store: Store,
    pub url: String,
    pub kind: Kind,
}

impl Db {
    /// Opens the same database once more, as another process or the next start would.
    pub(crate) async fn again(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }

    /// Executes a statement without the store.
    pub(crate) async fn tamper(&self, statement: &'static str) {
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        connection.execute(statement).await.unwrap();
    }
}

/// Runs a contract on a database, and removes the database even if the contract fails.
pub(crate) fn check<F, Running>(kind: Kind, contract: F)
where
    F: FnOnce(Db) -> Running,
    Running: Future<Output = ()> + 'static,
{
    let Some(location) = Location::new(kind) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    let result = local.block_on(&runtime, async {
        location.create().await;
        let store = Store::open(&location.url()).await.unwrap();
        let url = location.url();
        let contract = tokio::task::spawn_local(contract(Db { store, url, kind }));
        let result = contract.await;
        location.remove().await;
        result
    });
    if let Err(failed) = result {
        std::panic::resume_unwind(failed.into_panic());
    }
}

/// The location of a new database.
enum Location {
    File(tempfile::TempDir),
    Schema { base: String, name: String },
}

impl Location {
    fn new(kind: Kind) -> Option<Self> {
        static SCHEMAS: AtomicU32 = AtomicU32::new(0);
        sqlx::any::install_default_drivers();
        Some(match kind {
            Kind::Sqlite => Self::File(tempfile::tempdir().unwrap()),
            Kind::Postgres => Self::Schema {
                base: postgres()?.to_owned(),
                name: format!("contract_{}_{}", std::process::id(), SCHEMAS.fetch_add(1, Ordering::Relaxed)),
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

    async fn create(&self) {
        self.execute("CREATE SCHEMA").await;
    }

    async fn remove(&self) {
        self.execute("DROP SCHEMA IF EXISTS").await;
    }

    async fn execute(&self, statement: &str) {
        if let Self::Schema { base, name } = self {
            let mut connection = AnyConnection::connect(base).await.unwrap();
            let cascade = if statement.starts_with("DROP") { " CASCADE" } else { "" };
            let statement = sqlx::AssertSqlSafe(format!("{statement} {name}{cascade}"));
            connection.execute(statement).await.unwrap();
        }
    }
}

/// The address of a PostgreSQL server for this run. The first call starts it. If PostgreSQL is not installed, prints a
/// message and returns `None`; on CI that is a failure.
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
        let (url, pipe) = start(&programs);
        Some((url, Some(pipe)))
    });
    cluster.as_ref().map(|(url, _)| url.as_str())
}

#[expect(clippy::disallowed_methods, reason = "the environment names the PostgreSQL server of the tests")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The directory of the programs of the newest installed server, as Debian packages it, or one of `PATH`.
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
    found.into_iter().find(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
}

/// A command that runs under another account if this process is root, because PostgreSQL refuses to run as root.
fn unprivileged(program: &Path, directory: &Path) -> Command {
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let mut command = if root {
        let known = Command::new("id").arg("postgres").output().unwrap();
        let account = if known.status.success() { "postgres" } else { "65534" };
        let owned = Command::new("chown").arg(account).arg(directory).status();
        assert!(owned.unwrap().success(), "the directory belongs to {account}");
        let mut command = Command::new("setpriv");
        command.args(["--reuid", account, "--clear-groups", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(directory);
    command
}

#[expect(clippy::zombie_processes, reason = "the shell outlives the tests and ends when its standard input is closed")]
/// Starts a cluster on a socket in a new directory. It ends when the returned pipe is closed. The kernel closes the
/// pipe with this process, also after a panic or a kill.
fn start(programs: &Path) -> (String, ChildStdin) {
    let directory = tempfile::Builder::new().prefix("referee-pg-").tempdir();
    let directory = directory.unwrap().keep();
    let made = unprivileged(&programs.join("initdb"), &directory)
        .args(["--auth=trust", "--username=referee", "--no-sync"])
        .args(["--encoding=UTF8", "--no-locale", "--pgdata=data"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    // The data need not survive a power failure: the tests check the statements of Referee, not PostgreSQL's disk.
    let script = "trap '' INT TERM HUP
        \"$0\" -D data -k \"$PWD\" -c listen_addresses= -c fsync=off -c max_connections=300 \
            -c full_page_writes=off -c autovacuum=off >log 2>&1 &
        read -r _
        while kill -QUIT $! 2>/dev/null; do sleep 0.1; done
        rm -rf \"$PWD\"";
    let mut shell = unprivileged(Path::new("/bin/sh"), &directory)
        .args(["-c", script])
        .arg(programs.join("postgres"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pipe = shell.stdin.take().unwrap();
    for _ in 0..300 {
        // The server writes its state to this file.
        let message = std::fs::read_to_string(directory.join("data/postmaster.pid"));
        if message.is_ok_and(|text| text.lines().any(|line| line.trim() == "ready")) {
            let host = directory.display();
            return (format!("postgres://referee@localhost/postgres?host={host}"), pipe);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let log = std::fs::read_to_string(directory.join("log")).unwrap_or_default();
    panic!("PostgreSQL has not started within 30 s: {log}");
}
