//! From settings to a working application: database, engines, forges and challenges.
//!
//! The concrete parts are chosen here and nowhere else.

use std::sync::Arc;

use anyhow::Context as _;

use crate::clock::{self, Clock};
use crate::config::{Gpus, Settings};
use crate::executor::{self, EngineRole, Runner};
use crate::forge::kind;
use crate::model::{Challenge, GpuUuid};
use crate::pipeline::{App, Engines, Parts};
use crate::store::{DatabaseLock, InstanceLock, Store};

/// Opens the engines of these settings. `instance` labels everything that Referee creates on them.
pub(super) async fn engines(settings: &Settings, instance: &str) -> anyhow::Result<Engines> {
    let opened = executor::open_all(settings, instance).await?;
    let engine = |role: EngineRole| {
        let found = opened.iter().find(|(roles, _)| roles.contains(&role));
        let engine = found.map(|(_, engine)| engine);
        engine.with_context(|| format!("no engine has the role {role}"))
    };
    Ok(Engines::new(engine(EngineRole::Builder)?, engine(EngineRole::Runner)?, engine(EngineRole::Scorer)?))
}

/// Opens the database. Creates the state directory if it does not exist, because a command that only reads may run
/// first.
///
/// # Errors
/// When the directory cannot be created or the database cannot be opened.
pub(super) async fn store(settings: &Settings) -> anyhow::Result<Store> {
    let data = &settings.data;
    std::fs::create_dir_all(data).with_context(|| format!("creating the state directory {}", data.display()))?;
    Store::open(settings.database.expose()).await.context("opening the database")
}

/// The start waits this long for a lock of the database that another daemon holds.
const LOCK_PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

/// The locks of a daemon. They last as long as this value.
#[derive(Debug)]
pub(super) struct DaemonLocks {
    _directory: InstanceLock,
    _database: DatabaseLock,
}

/// Opens everything for a daemon.
///
/// # Errors
/// When a part cannot be opened, or another daemon uses the same state directory or the same database.
pub(super) async fn app(settings: Settings, challenges: Vec<Challenge>) -> anyhow::Result<(Arc<App>, DaemonLocks)> {
    let directory = InstanceLock::acquire(&settings.data, clock::random_bytes())?;
    let store = store(&settings).await?;
    let database = lock(&store).await?;
    let instance = instance(&settings)?;
    let engines = engines(&settings, &instance).await?;
    let gpus = gpus(&settings, engines.runner.jobs.engine()).await?;
    warn_of_missing_gpus(&challenges, gpus.len());
    let parts = Parts {
        forges: kind::open_all(&settings)?,
        clock: Clock::system(),
        owner: directory.owner.clone(),
        store,
        engines,
        gpus,
    };
    let app = App::new(settings, challenges, parts)?;
    Ok((Arc::new(app), DaemonLocks { _directory: directory, _database: database }))
}

/// Locks the database. After a crash the server may notice a little later that the daemon before has ended.
async fn lock(store: &Store) -> anyhow::Result<DatabaseLock> {
    let until = tokio::time::Instant::now() + LOCK_PATIENCE;
    loop {
        match store.lock_for_daemon().await {
            Err(_) if tokio::time::Instant::now() < until => tokio::time::sleep(LOCK_PAUSE).await,
            locked => return Ok(locked?),
        }
    }
}

/// The name of this installation on its engines. Generated once.
fn instance(settings: &Settings) -> anyhow::Result<String> {
    let file = settings.data.join("instance");
    if let Ok(known) = std::fs::read_to_string(&file) {
        return Ok(known.trim().to_owned());
    }
    let fresh = hex::encode(clock::random_bytes::<8>());
    std::fs::write(&file, format!("{fresh}\n"))?;
    Ok(fresh)
}

/// The GPUs of jobs: those in the settings, or all of the engine's host.
pub(super) async fn gpus(settings: &Settings, runner: &dyn Runner) -> anyhow::Result<Vec<GpuUuid>> {
    Ok(match &settings.runner.gpus {
        Gpus::Auto => runner.gpus().await?,
        Gpus::These(gpus) => gpus.clone(),
    })
}

/// The submissions of a task that needs more GPUs than exist wait for ever. The log reports it at the start.
fn warn_of_missing_gpus(challenges: &[Challenge], gpus: usize) {
    for challenge in challenges {
        for task in &challenge.tasks {
            if task.limits.gpus as usize > gpus {
                tracing::error!(
                    challenge = challenge.slug.as_str(),
                    task = task.slug.as_str(),
                    needed = task.limits.gpus,
                    gpus,
                    "submissions of this task will wait: the runner has too few GPUs"
                );
            }
        }
    }
}
