//! The forges of the suite: the instance that the environment names, or the model in several forge versions.

use std::time::Instant;

use crate::model::ForgeVersion;
use crate::world::World;

/// A forge under test.
#[derive(Debug, Clone)]
pub(crate) enum Instance {
    Real {
        /// The address, without `/` at the end.
        url: String,
        /// The token of an administrator.
        token: String,
    },
    Model(ForgeVersion),
}

impl Instance {
    /// The name for the output of the tests.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Real { url, .. } => url.clone(),
            Self::Model(version) => format!("the model of {}", version.name()),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The instance that the environment names.
fn real() -> Option<Instance> {
    let url = variable("REFEREE_TEST_FORGE_URL")?;
    let token = variable("REFEREE_TEST_FORGE_TOKEN");
    Some(Instance::Real {
        url: url.trim_end_matches('/').to_owned(),
        token: token.expect("REFEREE_TEST_FORGE_TOKEN, of an administrator of that forge"),
    })
}

/// Runs a story at the real instance, or at the model in each of these versions. Each run has its own world, and all
/// run at the same time, because a story waits most of the time.
pub(crate) fn at_each(versions: &[ForgeVersion], story: impl Fn(&mut World) + Sync) {
    match real() {
        Some(instance) => run_at(vec![instance], &story),
        None => run_at(models(versions), &story),
    }
}

/// Runs a story that needs other settings of the forge: only at the model, in each of these versions.
pub(crate) fn at_models(versions: &[ForgeVersion], story: impl Fn(&mut World) + Sync) {
    match real() {
        Some(instance) => println!("SKIPPED at {}: the story needs other settings of the forge", instance.name()),
        None => run_at(models(versions), &story),
    }
}

fn models(versions: &[ForgeVersion]) -> Vec<Instance> {
    versions.iter().map(|v| Instance::Model(*v)).collect()
}

fn run_at(instances: Vec<Instance>, story: &(impl Fn(&mut World) + Sync)) {
    let run = |instance: Instance| {
        let (name, started) = (instance.name(), Instant::now());
        if let Some(mut world) = World::new(instance) {
            story(&mut world);
            drop(world);
            println!("{name}: {:.1?}", started.elapsed());
        }
    };
    std::thread::scope(|scope| {
        for instance in instances {
            let thread = std::thread::Builder::new().name(instance.name());
            thread.spawn_scoped(scope, || run(instance)).unwrap();
        }
    });
}
