//! From settings to a working application: database, engines, forges and challenges.
//!
//! The concrete parts are chosen here and nowhere else.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;

use crate::clock::{self, Clock};
use crate::config::{ForgeSettings, Gpus, Settings};
use crate::executor::{self, EngineRole, Runner};
use crate::forge::gitea::GiteaForge;
use crate::forge::gitea::owner::Owner;
use crate::forge::local::LocalForge;
use crate::forge::{Capabilities, Forge};
use crate::model::{Challenge, ForgeName, GpuUuid};
use crate::pipeline::{App, Engines, Parts};
use crate::store::{InstanceLock, Store};

/// Opens the engines of these settings. `instance` labels everything that Referee creates on them.
pub async fn engines(settings: &Settings, instance: &str) -> anyhow::Result<Engines> {
    let opened = executor::open_all(settings, instance).await?;
    let engine = |role: EngineRole| {
        let found = opened.iter().find(|(roles, _)| roles.contains(&role));
        let engine = found.map(|(_, engine)| engine);
        engine.with_context(|| format!("no engine has the role {role}"))
    };
    Ok(Engines::new(
        engine(EngineRole::Builder)?,
        engine(EngineRole::Runner)?,
        engine(EngineRole::Scorer)?,
    ))
}

/// All forges, connected to when they are first asked. One without a token only sends deliveries, and
/// is none.
///
/// # Errors
/// When the settings of one cannot be used.
pub fn forges(settings: &Settings) -> anyhow::Result<BTreeMap<ForgeName, Arc<dyn Forge>>> {
    let mut all: BTreeMap<ForgeName, Arc<dyn Forge>> = BTreeMap::new();
    for (name, local) in local_forges(settings)? {
        all.insert(name, Arc::new(local));
    }
    for (name, forge) in &settings.forges {
        if let ForgeSettings::Gitea {
            url,
            public_url,
            token: Some(token),
            owner_token,
            ..
        } = forge
        {
            let mirrors = settings.data.join("mirrors").join(name.as_str());
            let named = || format!("the forge `{name}`");
            let mut forge = GiteaForge::new(url, token, mirrors)
                .with_context(named)?
                .with_public_url(public_url);
            if let Some(token) = owner_token {
                forge = forge.with_owner(Owner::at(url, token).with_context(named)?);
            }
            all.insert(name.clone(), Arc::new(forge));
        }
    }
    Ok(all)
}

/// What a forge shows, by its kind.
pub fn shows(settings: &Settings, forge: &ForgeName) -> Capabilities {
    match settings.forges.get(forge) {
        Some(ForgeSettings::Gitea { .. }) => Capabilities::GITEA,
        Some(ForgeSettings::Local { .. }) | None => Capabilities::LOCAL,
    }
}

/// The forges with repositories on this disk.
///
/// # Errors
/// When the program does not know where it is.
pub fn local_forges(settings: &Settings) -> anyhow::Result<BTreeMap<ForgeName, LocalForge>> {
    let program = std::env::current_exe().context("finding this program for the hooks")?;
    // The hook runs on this machine, whatever address participants use.
    let url = format!("http://{}", settings.listen);
    Ok(settings
        .forges
        .iter()
        .filter_map(|(name, forge)| match forge {
            ForgeSettings::Local { root } => Some((
                name.clone(),
                LocalForge::new(root.clone(), url.clone(), program.clone()),
            )),
            ForgeSettings::Gitea { .. } => None,
        })
        .collect())
}

/// Opens the database. Creates the state directory if it does not exist, because a command that only reads may run
/// first.
///
/// # Errors
/// When the directory cannot be created or the database cannot be opened.
pub async fn store(settings: &Settings) -> anyhow::Result<Store> {
    let data = &settings.data;
    std::fs::create_dir_all(data)
        .with_context(|| format!("creating the state directory {}", data.display()))?;
    Store::open(settings.database.expose())
        .await
        .context("opening the database")
}

/// Opens everything for a daemon. The lock lasts as long as its value.
///
/// # Errors
/// When a part cannot be opened, or another daemon uses the same state directory.
pub async fn app(
    settings: Settings,
    challenges: Vec<Challenge>,
) -> anyhow::Result<(Arc<App>, InstanceLock)> {
    let lock = InstanceLock::acquire(&settings.data, clock::random_bytes())?;
    let store = store(&settings).await?;
    let instance = instance(&settings)?;
    let engines = engines(&settings, &instance).await?;
    let gpus = gpus(&settings, engines.runner.jobs.engine()).await?;
    warn_of_missing_gpus(&challenges, gpus.len());
    let parts = Parts {
        forges: forges(&settings)?,
        clock: Clock::system(),
        owner: lock.owner.clone(),
        store,
        engines,
        gpus,
    };
    let app = App::new(settings, challenges, parts)?;
    Ok((Arc::new(app), lock))
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
pub async fn gpus(settings: &Settings, runner: &dyn Runner) -> anyhow::Result<Vec<GpuUuid>> {
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
