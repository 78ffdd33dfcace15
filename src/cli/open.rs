//! From settings to a working application: database, engines, forges, challenges.
//!
//! The one place where the concrete parts are chosen.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;

use crate::clock::{self, Clock};
use crate::config::{ForgeSettings, Gpus, Settings};
use crate::executor::docker::{DockerEngine, DockerOptions};
use crate::executor::{Engine, Executor};
use crate::forge::gitea::GiteaForge;
use crate::forge::gitea::owner::Owner;
use crate::forge::local::LocalForge;
use crate::forge::{Capabilities, Forge};
use crate::model::{BuildsWith, Challenge, ForgeName, GpuUuid};
use crate::pipeline::job::Cleaner;
use crate::pipeline::{App, Engines, Parts};
use crate::store::{InstanceLock, Store};

/// What an engine is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Runs submissions.
    Runner,
    /// Runs the organizers' scorers, and builds them.
    Scorer,
    /// Builds submissions.
    Builder,
}

/// An engine as it is configured, for one role or for several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone<'a> {
    /// What it is for, one at least.
    pub roles: Vec<Role>,
    /// Its address.
    pub socket: &'a str,
    /// Runtime of its jobs; the engine's own if it only builds.
    pub runtime: Option<&'a str>,
    /// What it builds with, if it builds.
    pub builds_with: BuildsWith,
}

/// The engines of these settings, each once: the runner's first.
pub fn zones(settings: &Settings) -> Vec<Zone<'_>> {
    let (runner, scorer) = (&settings.engine, &settings.scorer);
    let builds_with = settings.builder.with;
    let mut zones = vec![Zone {
        roles: vec![Role::Runner],
        socket: &runner.socket,
        runtime: Some(&runner.runtime),
        builds_with,
    }];
    match (&scorer.socket, &scorer.runtime) == (&runner.socket, &runner.runtime) {
        true => zones[0].roles.push(Role::Scorer),
        false => zones.push(Zone {
            roles: vec![Role::Scorer],
            socket: &scorer.socket,
            runtime: Some(&scorer.runtime),
            builds_with,
        }),
    }
    let socket = settings.builder.socket.as_str();
    match zones.iter_mut().find(|zone| zone.socket == socket) {
        Some(zone) => zone.roles.push(Role::Builder),
        None => zones.push(Zone {
            roles: vec![Role::Builder],
            socket,
            runtime: None,
            builds_with,
        }),
    }
    zones
}

/// Connects to the engines of these settings. `instance` marks what is ours on them. Two addresses may lead to one
/// engine, which is asked who it is: its images are not carried to itself.
///
/// # Errors
/// When an engine does not answer.
pub async fn engines(settings: &Settings, instance: &str) -> anyhow::Result<Engines> {
    let mut connected: Vec<Connected> = Vec::new();
    for zone in zones(settings) {
        let engine = open(&zone, instance).await?;
        let id = engine.id().await?;
        let runtime = zone.runtime;
        let fits = |c: &&mut Connected| c.id == id && (runtime.is_none() || c.runtime == runtime);
        if let Some(known) = connected.iter_mut().find(fits) {
            known.roles.extend(zone.roles);
            continue;
        }
        let same = connected.iter().find(|c| c.id == id);
        let engine = match same {
            Some(known) => known.engine.used_with(options(&zone)),
            None => engine,
        };
        connected.push(Connected {
            roles: zone.roles,
            runtime,
            id,
            engine,
        });
    }
    let all: Vec<(Vec<Role>, Arc<dyn Engine>)> = connected
        .into_iter()
        .map(|c| (c.roles, Arc::new(c.engine) as Arc<dyn Engine>))
        .collect();
    let of = |role| {
        let found = all.iter().find(|(roles, _)| roles.contains(&role));
        let engine = found.map(|(_, engine)| Arc::clone(engine));
        engine.with_context(|| format!("no engine is the {role:?}"))
    };
    Ok(Engines {
        builder: of(Role::Builder)?,
        runner: of(Role::Runner)?,
        scorer: of(Role::Scorer)?,
        cleaner: Cleaner::default(),
    })
}

/// An engine in use, under one runtime.
struct Connected<'a> {
    roles: Vec<Role>,
    runtime: Option<&'a str>,
    /// Which engine it is.
    id: String,
    engine: DockerEngine,
}

fn options(zone: &Zone<'_>) -> DockerOptions {
    DockerOptions {
        runtime: zone.runtime.map(str::to_owned),
        builds_with: zone.builds_with,
        ..DockerOptions::default()
    }
}

async fn open(zone: &Zone<'_>, instance: &str) -> anyhow::Result<DockerEngine> {
    let socket = zone.socket;
    let engine = DockerEngine::connect(socket, instance, options(zone))
        .with_context(|| format!("the address {socket} of a Docker Engine"))?;
    // A connection is made by the first question only.
    engine.list_owned().await.with_context(|| {
        format!("no Docker Engine answers at {socket}; is it installed and running?")
    })?;
    Ok(engine)
}

/// Connects to an engine.
///
/// # Errors
/// When it does not answer.
pub async fn connect(zone: &Zone<'_>, instance: &str) -> anyhow::Result<Arc<dyn Engine>> {
    Ok(Arc::new(open(zone, instance).await?))
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

/// Opens the database, in a state directory that is made where there is none: commands that only
/// read it may be the first to run.
///
/// # Errors
/// When either cannot be had.
pub async fn store(settings: &Settings) -> anyhow::Result<Store> {
    let data = &settings.data;
    std::fs::create_dir_all(data)
        .with_context(|| format!("making the state directory {}", data.display()))?;
    Store::open(settings.database.expose())
        .await
        .context("opening the database")
}

/// Opens everything for a daemon. The lock is held as long as it lives.
///
/// # Errors
/// When a part is missing, or another daemon uses the same state.
pub async fn app(
    settings: Settings,
    challenges: Vec<Challenge>,
) -> anyhow::Result<(Arc<App>, InstanceLock)> {
    let lock = InstanceLock::take(&settings.data, clock::random_bytes())?;
    let store = store(&settings).await?;
    let instance = instance(&settings)?;
    let engines = engines(&settings, &instance).await?;
    let gpus = gpus(&settings, &*engines.runner).await?;
    warn_of_gpus(&challenges, gpus.len());
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

/// Name of this installation on its engines, drawn once.
fn instance(settings: &Settings) -> anyhow::Result<String> {
    let file = settings.data.join("instance");
    if let Ok(known) = std::fs::read_to_string(&file) {
        return Ok(known.trim().to_owned());
    }
    let fresh = hex::encode(clock::random_bytes::<8>());
    std::fs::write(&file, format!("{fresh}\n"))?;
    Ok(fresh)
}

/// The GPUs that jobs may have: those of the settings, or all of the engine's host.
///
/// # Errors
/// When the engine does not answer.
pub async fn gpus(settings: &Settings, runner: &dyn Engine) -> anyhow::Result<Vec<GpuUuid>> {
    Ok(match &settings.runner.gpus {
        Gpus::Auto => runner.gpus().await?,
        Gpus::These(gpus) => gpus.clone(),
    })
}

/// A task that wants more GPUs than there are would wait for ever: said at start, not found out
/// by its first team.
fn warn_of_gpus(challenges: &[Challenge], there_are: usize) {
    for challenge in challenges {
        for task in &challenge.tasks {
            if task.limits.gpus as usize > there_are {
                tracing::error!(
                    challenge = challenge.slug.as_str(),
                    task = task.slug.as_str(),
                    wants = task.limits.gpus,
                    there_are,
                    "submissions of this task will wait: too few GPUs"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(change: impl FnOnce(&mut Settings)) -> Vec<Vec<Role>> {
        let mut settings = crate::config::default_settings().unwrap();
        change(&mut settings);
        let zones = zones(&settings).into_iter();
        zones.map(|zone| zone.roles).collect()
    }

    #[test]
    fn one_engine_does_everything_unless_others_are_named() {
        use Role::{Builder, Runner, Scorer};
        let other = || "unix:///other.sock".to_owned();
        assert_eq!(roles(|_| {}), [[Runner, Scorer, Builder]]);
        assert_eq!(
            roles(|s| s.builder.socket = other()),
            [vec![Runner, Scorer], vec![Builder]]
        );
        assert_eq!(
            roles(|s| s.scorer.socket = other()),
            [vec![Runner, Builder], vec![Scorer]]
        );
        assert_eq!(
            roles(|s| (s.scorer.socket, s.builder.socket) = (other(), other())),
            [vec![Runner], vec![Scorer, Builder]]
        );
        assert_eq!(
            roles(|s| s.engine.runtime = "runsc".to_owned()),
            [vec![Runner, Builder], vec![Scorer]],
            "another runtime is another sandbox"
        );
    }
}
