//! The engines of an installation: which roles each one has, and how it is opened.
//!
//! This is the one file that knows the kinds of engine. Today each engine is a Docker Engine.

use std::sync::Arc;

use super::contract::{Builder, ImageStore, Runner, SelfTest};
use super::docker::{self, DockerEngine, DockerOptions};
use super::error::Result;
use crate::config::Settings;
use crate::model::BuildsWith;
use crate::model::diagnosis::Check;

/// The purpose of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum EngineRole {
    /// Runs submissions.
    Runner,
    /// Builds and runs the organizers' scorers.
    Scorer,
    /// Builds submissions.
    Builder,
}

/// The abilities of one open engine.
#[derive(Clone)]
pub struct Engine {
    pub builder: Arc<dyn Builder>,
    pub images: Arc<dyn ImageStore>,
    pub runner: Arc<dyn Runner>,
    pub self_test: Arc<dyn SelfTest>,
}

impl<E: Builder + ImageStore + Runner + SelfTest + 'static> From<E> for Engine {
    fn from(engine: E) -> Self {
        let engine = Arc::new(engine);
        Self { builder: engine.clone(), images: engine.clone(), runner: engine.clone(), self_test: engine }
    }
}

/// An engine in the settings, with one role or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfiguredEngine<'a> {
    /// At least one.
    pub roles: Vec<EngineRole>,
    /// Address.
    pub socket: &'a str,
    /// Runtime of jobs. `None` for an engine that only builds: it uses its default.
    pub runtime: Option<&'a str>,
    pub builds_with: BuildsWith,
}

/// The engines of these settings, each once. The runner is the first.
pub(crate) fn configured_engines(settings: &Settings) -> Vec<ConfiguredEngine<'_>> {
    let engine = |role, socket, runtime| ConfiguredEngine {
        roles: vec![role],
        socket,
        runtime,
        builds_with: settings.builder.with,
    };
    let (runner, scorer) = (&settings.engine, &settings.scorer);
    let mut engines = vec![engine(EngineRole::Runner, runner.socket.as_str(), Some(runner.runtime.as_str()))];
    if (&scorer.socket, &scorer.runtime) == (&runner.socket, &runner.runtime) {
        engines[0].roles.push(EngineRole::Scorer);
    } else {
        let runtime = Some(scorer.runtime.as_str());
        engines.push(engine(EngineRole::Scorer, &scorer.socket, runtime));
    }
    let socket = settings.builder.socket.as_str();
    match engines.iter_mut().find(|engine| engine.socket == socket) {
        Some(engine) => engine.roles.push(EngineRole::Builder),
        None => engines.push(engine(EngineRole::Builder, socket, None)),
    }
    engines
}

impl ConfiguredEngine<'_> {
    pub(crate) fn has(&self, role: EngineRole) -> bool {
        self.roles.contains(&role)
    }

    /// `runner and scorer`.
    pub(crate) fn role_names(&self) -> String {
        let names: Vec<_> = self.roles.iter().map(EngineRole::to_string).collect();
        names.join(" and ")
    }

    /// Opens the engine and waits for its first answer. `instance` labels everything that Referee creates there.
    ///
    /// # Errors
    /// When the address is malformed or no engine answers.
    pub(crate) async fn open(&self, instance: &str) -> Result<Engine> {
        Ok(Engine::from(self.connect(instance).await?))
    }

    async fn connect(&self, instance: &str) -> Result<DockerEngine> {
        let engine = DockerEngine::connect(self.socket, instance, self.options())?;
        engine.ping().await?;
        Ok(engine)
    }

    fn options(&self) -> DockerOptions {
        DockerOptions {
            runtime: self.runtime.map(str::to_owned),
            builds_with: self.builds_with,
            ..DockerOptions::default()
        }
    }

    /// The failed check of an engine that does not answer, with the help for its kind.
    pub(crate) fn failed_check(&self, message: String) -> Check {
        let table = match self.roles.first() {
            Some(EngineRole::Scorer) => "scorer",
            Some(EngineRole::Builder) => "builder",
            Some(EngineRole::Runner) | None => "engine",
        };
        docker::failed_check(message, table)
    }
}

/// Opens all engines of these settings, each with its roles. Two addresses may lead to one engine: Referee asks each
/// engine for its identity, so that it does not transfer images from an engine to itself.
pub(crate) async fn open_all(settings: &Settings, instance: &str) -> Result<Vec<(Vec<EngineRole>, Engine)>> {
    struct Opened<'a> {
        roles: Vec<EngineRole>,
        runtime: Option<&'a str>,
        identity: String,
        engine: DockerEngine,
    }
    let mut opened: Vec<Opened> = Vec::new();
    for configured in configured_engines(settings) {
        let mut engine = configured.connect(instance).await?;
        let identity = engine.identity().await?;
        let runtime = configured.runtime;
        let fits = |o: &&mut Opened| o.identity == identity && (runtime.is_none() || o.runtime == runtime);
        if let Some(known) = opened.iter_mut().find(fits) {
            known.roles.extend(configured.roles);
            continue;
        }
        if let Some(same) = opened.iter().find(|o| o.identity == identity) {
            engine = same.engine.with_options(configured.options());
        }
        opened.push(Opened { roles: configured.roles, runtime, identity, engine });
    }
    let engines = opened.into_iter();
    Ok(engines.map(|o| (o.roles, Engine::from(o.engine))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(change: impl FnOnce(&mut Settings)) -> Vec<Vec<EngineRole>> {
        let mut settings = crate::config::default_settings().unwrap();
        change(&mut settings);
        let engines = configured_engines(&settings).into_iter();
        engines.map(|engine| engine.roles).collect()
    }

    #[test]
    fn one_engine_has_all_roles_unless_others_are_configured() {
        use EngineRole::{Builder, Runner, Scorer};
        let other = || "unix:///other.sock".to_owned();
        assert_eq!(roles(|_| {}), [[Runner, Scorer, Builder]]);
        assert_eq!(roles(|s| s.builder.socket = other()), [vec![Runner, Scorer], vec![Builder]]);
        assert_eq!(roles(|s| s.scorer.socket = other()), [vec![Runner, Builder], vec![Scorer]]);
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

    #[test]
    fn an_engine_is_named_by_its_roles() {
        let mut settings = crate::config::default_settings().unwrap();
        settings.builder.socket = "tcp://build:2375".to_owned();
        let engines = configured_engines(&settings);
        let names: Vec<_> = engines.iter().map(ConfiguredEngine::role_names).collect();
        assert_eq!(names, ["runner and scorer", "builder"]);
    }
}
