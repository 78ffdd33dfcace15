//! Where the suite runs: the instance that the environment names, or the model in its dialects.

use std::time::Instant;

use crate::model::ForgeVersion;
use crate::world::World;

/// A forge to be tried.
#[derive(Debug, Clone)]
pub enum Place {
    /// A real instance.
    Real {
        /// Its address, without `/` at the end.
        url: String,
        /// Of an administrator.
        token: String,
    },
    /// The model, as this forge.
    Model(ForgeVersion),
}

impl Place {
    /// How it is called in reports.
    pub fn name(&self) -> String {
        match self {
            Self::Real { url, .. } => url.clone(),
            Self::Model(version) => format!("the model of {}", version.name()),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The instance that the environment names.
fn real() -> Option<Place> {
    let url = variable("REFEREE_TEST_FORGE_URL")?;
    let token = variable("REFEREE_TEST_FORGE_TOKEN");
    Some(Place::Real {
        url: url.trim_end_matches('/').to_owned(),
        token: token.expect("REFEREE_TEST_FORGE_TOKEN, of an administrator of that forge"),
    })
}

/// Tells a story in a world of its own at the real instance, or at the model as each of these, all at
/// the same time: most of a story is waiting.
pub fn at_each(versions: &[ForgeVersion], story: impl Fn(&mut World) + Sync) {
    let places = match real() {
        Some(place) => vec![place],
        None => versions.iter().map(|d| Place::Model(*d)).collect(),
    };
    tell_at(places, &story);
}

/// Tells a story about what an instance can be set to: at the model alone, as each of these.
pub fn at_models(versions: &[ForgeVersion], story: impl Fn(&mut World) + Sync) {
    match real() {
        Some(place) => println!(
            "not told at {}, as it asks for other settings",
            place.name()
        ),
        None => tell_at(versions.iter().map(|d| Place::Model(*d)).collect(), &story),
    }
}

fn tell_at(places: Vec<Place>, story: &(impl Fn(&mut World) + Sync)) {
    let notify = |place: Place| {
        let (name, started) = (place.name(), Instant::now());
        if let Some(mut world) = World::new(place) {
            story(&mut world);
            drop(world);
            println!("{name}: {:.1?}", started.elapsed());
        }
    };
    std::thread::scope(|scope| {
        for place in places {
            let called = std::thread::Builder::new().name(place.name());
            called.spawn_scoped(scope, || notify(place)).unwrap();
        }
    });
}
