//! Hostile submissions, a folder each in `corpus`: pushed as a team would, every one gets the verdict
//! that its `expected.toml` says, is shown nothing that is hidden, and leaves nothing behind.
//!
//! The real program, real pushes with git, a real Docker Engine, a real SQLite file; images by Debian's
//! `docker-registry`; what a forge shows by the model in `tests/forge/model`. Needs what `tests/it` needs, and `docker-registry`; where something is missing the
//! tests say so and pass, except under CI. `REFEREE_TEST_RUNTIME` names the runtime that runs them,
//! `REFEREE_TEST_BUILDER` what builds them: `classic` or `buildkit`.
//!
//! Start reading at [`row`]: what a folder says. Then `README.md`: which threat is where.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic in a test is its report"
)]

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
#[expect(dead_code, reason = "shared with the tests of images by registry")]
#[path = "../registry/server.rs"]
mod server;
#[path = "../registry/shelf.rs"]
mod shelf;
#[expect(dead_code, reason = "shared with the tests of the platform")]
#[path = "../it/world.rs"]
mod world;

#[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The runtime that runs containers, by the name that the engine knows.
fn runtime() -> String {
    variable("REFEREE_TEST_RUNTIME").unwrap_or("runc".into())
}

/// Which of the engine's builders builds commits.
fn builder() -> String {
    variable("REFEREE_TEST_BUILDER").unwrap_or("classic".into())
}

/// Where the engine is.
fn engine() -> String {
    variable("DOCKER_HOST").unwrap_or("unix:///var/run/docker.sock".into())
}

/// What cannot be tested here, which is an error under CI.
fn missing(what: &str) {
    assert!(
        variable("CI").is_none(),
        "hostile images cannot be tried: {what}"
    );
    eprintln!("SKIPPED, hostile images are not tried: {what}");
}
