//! Images from a registry, against Debian's `docker-registry` and a real Docker Engine: good images run, hostile images
//! become findings, and credentials reach no other host.
//!
//! Each test starts a registry of its own on a free loopback port and ends it. Where `docker-registry` is missing (or
//! the engine, for the tests that run an image), the tests report it and pass, except under CI.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

mod access;
mod daemon;
mod engine;
mod hostile;
mod image;
mod scripted_forge;
mod server;

#[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Reports why a test cannot run here, which is an error under CI.
fn missing(reason: &str) {
    let ci = variable("CI").is_some_and(|v| !v.is_empty());
    assert!(!ci, "the registry's tests cannot run: {reason}");
    eprintln!("SKIPPED, images from a registry are not tested: {reason}");
}
