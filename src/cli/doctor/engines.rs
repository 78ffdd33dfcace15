//! The checks of `referee doctor` on the engines: each configured engine once, named by its roles if there are several.

use crate::cli::open;
use crate::config::Settings;
use crate::executor::{CheckScope, ConfiguredEngine, Engine, EngineRole, configured_engines};
use crate::model::diagnosis::{Check, CheckSeverity};
use crate::model::{Challenge, Task};

/// Checks all engines, one after the other. A problem of one engine does not hide the others.
pub(super) async fn check_engines(settings: &Settings, challenges: &[Challenge]) -> Vec<Check> {
    let engines = configured_engines(settings);
    let mut checks: Vec<Check> = Vec::new();
    if engines.len() > 1 {
        checks.push(check_roles(&engines));
    }
    for (at, configured) in engines.iter().enumerate() {
        let engine_check = EngineCheck {
            settings,
            challenges,
            configured,
            is_known: engines[..at].iter().any(|e| e.socket == configured.socket),
        };
        let mut found = engine_check.run().await;
        if engines.len() > 1 {
            let roles = configured.role_names();
            for check in &mut found {
                check.name = format!("{} ({roles})", check.name);
            }
        }
        checks.extend(found);
    }
    checks
}

/// The roles of each engine. Every distribution of roles is valid.
fn check_roles(engines: &[ConfiguredEngine<'_>]) -> Check {
    let all = engines.iter().map(|engine| {
        let roles = engine.role_names();
        match engine.runtime {
            Some(runtime) => format!("{roles}: {} with runtime {runtime}", engine.socket),
            None => format!("{roles}: {}", engine.socket),
        }
    });
    Check::ok("engines", all.collect::<Vec<_>>().join("; "))
}

/// The checks of one engine.
struct EngineCheck<'a> {
    settings: &'a Settings,
    challenges: &'a [Challenge],
    configured: &'a ConfiguredEngine<'a>,
    /// The engine was checked before, with another runtime. Only the sandbox of its jobs differs.
    is_known: bool,
}

impl EngineCheck<'_> {
    async fn run(&self) -> Vec<Check> {
        let engine = match self.configured.open("doctor").await {
            Ok(engine) => engine,
            Err(error) => return vec![self.configured.failed_check(error.to_string())],
        };
        let is = |role| self.configured.has(role);
        let gpus = if is(EngineRole::Runner) { Some(self.gpus(&engine).await) } else { None };
        let mut scopes = Vec::new();
        if !self.is_known {
            scopes.push(CheckScope::Engine);
        }
        if matches!(gpus, Some((_, true))) {
            scopes.push(CheckScope::Gpus);
        }
        if is(EngineRole::Builder) {
            scopes.push(CheckScope::Builds);
        }
        if is(EngineRole::Runner) || is(EngineRole::Scorer) {
            scopes.push(CheckScope::Jobs);
        }
        if is(EngineRole::Builder) {
            scopes.push(CheckScope::BaseImages(self.settings.builder.bases.clone()));
        }
        let mut checks = match engine.self_test.check(&scopes).await {
            Ok(checks) => checks,
            Err(error) => vec![self.configured.failed_check(error.to_string())],
        };
        checks.extend(gpus.map(|(check, _)| check));
        checks
    }

    /// Checks the number of GPUs. Also returns whether the engine has GPUs or needs them.
    async fn gpus(&self, engine: &Engine) -> (Check, bool) {
        let existing = match open::gpus(self.settings, &*engine.runner).await {
            Ok(gpus) => gpus.len(),
            Err(error) => {
                let message = format!("GPUs cannot be listed: {error:#}");
                return (self.configured.failed_check(message), false);
            }
        };
        let tasks = self.challenges.iter().flat_map(|c| &c.tasks);
        let check = check_gpus(existing, tasks.max_by_key(|task| task.limits.gpus));
        let needs_some = |task: &Task| task.limits.gpus > 0;
        let tasks = self.challenges.iter().flat_map(|c| &c.tasks);
        (check, existing > 0 || tasks.into_iter().any(needs_some))
    }
}

/// The submissions of a task that needs more GPUs than exist would wait for ever. `task` needs the most.
fn check_gpus(existing: usize, task: Option<&Task>) -> Check {
    let needed = task.map_or(0, |task| task.limits.gpus as usize);
    let seen = match (existing, needed) {
        (0, 0) => "none exist, and no task needs one".to_owned(),
        _ => format!("{existing}; a task needs at most {needed}"),
    };
    let check = Check::ok("GPUs", seen);
    match task {
        Some(task) if needed > existing => check.with_problem(
            CheckSeverity::Error,
            format!("{needed}, for the task {}", task.slug),
            "Install the driver (`nvidia-smi` must list the GPUs) and the engine's NVIDIA runtime, name the GPUs in \
             `[runner] gpus`, or lower `gpus` of the task.",
        ),
        _ => check,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_engines_are_listed_with_their_roles() {
        let mut settings = crate::config::default_settings().unwrap();
        settings.builder.socket = "tcp://build:2375".to_owned();
        let engines = configured_engines(&settings);
        insta::assert_snapshot!(
            check_roles(&engines).seen,
            @"runner and scorer: unix:///var/run/docker.sock with runtime runc; builder: tcp://build:2375"
        );
    }

    #[test]
    fn too_few_gpus_are_an_error() {
        let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/nuclei");
        let mut task = crate::config::read_challenge(&example).unwrap().tasks.remove(0);
        task.limits.gpus = 2;
        assert_eq!(check_gpus(2, Some(&task)).problem, None);
        assert_eq!(check_gpus(0, None).seen, "none exist, and no task needs one");
        let problem = check_gpus(1, Some(&task)).problem.unwrap();
        assert_eq!(problem.severity, CheckSeverity::Error);
        assert_eq!(problem.expected, "2, for the task segmentation");
    }
}
