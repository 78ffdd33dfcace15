//! Hostile submissions, one folder each in `corpus`. Teams push them. Each gets the result in its `expected.toml`,
//! learns nothing that is hidden, and leaves nothing behind.
//!
//! The program, the pushes with git, the Docker Engine and the SQLite file are real. The registry is Debian's
//! `docker-registry`, and the forge is the model in `tests/forge/model`.
//!
//! The tests need everything that `tests/it` needs, and `docker-registry`. Without it each test prints the reason and
//! passes. Under CI it fails. `REFEREE_TEST_RUNTIME` names the runtime of runs, and `REFEREE_TEST_BUILDER` the builder:
//! `classic` or `buildkit`.
//!
//! Start reading at [`row`], which reads a folder. `README.md` lists the threats and their folders.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic in a test is its report")]

mod canary;
mod corpus;
mod differences;
mod hosted;
mod images;
mod leaks;
mod outward;
mod row;
mod secrecy;
mod table;

#[expect(dead_code, reason = "shared with the tests of the platform")]
#[path = "../it/copy.rs"]
mod copy;
#[expect(dead_code, reason = "shared with the tests of images by registry")]
#[path = "../registry/image.rs"]
mod image;
#[expect(dead_code, reason = "shared with the tests of the model itself")]
#[path = "../forge/model/mod.rs"]
mod model;
#[path = "../registry/scripted_forge.rs"]
mod scripted_forge;
#[expect(dead_code, reason = "shared with the tests of images by registry")]
#[path = "../registry/server.rs"]
mod server;
#[expect(dead_code, reason = "shared with the tests of the platform")]
#[path = "../it/world.rs"]
mod world;

#[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The runtime of runs, by its name in the engine's settings.
fn runtime() -> String {
    variable("REFEREE_TEST_RUNTIME").unwrap_or("runc".into())
}

/// The engine's builder that builds commits.
fn builder() -> String {
    variable("REFEREE_TEST_BUILDER").unwrap_or("classic".into())
}

/// The address of the engine.
fn engine() -> String {
    variable("DOCKER_HOST").unwrap_or("unix:///var/run/docker.sock".into())
}

/// Prints the reason why hostile images cannot be tested here. Under CI that is a failure.
fn missing(reason: &str) {
    assert!(variable("CI").is_none(), "hostile images cannot be tested: {reason}");
    eprintln!("SKIPPED, hostile images are not tested: {reason}");
}
