//! Images by registry, against Debian's `docker-registry` and a real Docker Engine: good ones run,
//! hostile ones become findings, credentials stay at home.
//!
//! Each test starts a registry of its own on a free loopback port and ends it. Where there is no
//! `docker-registry` (or no engine, for the tests that run an image) the tests say so and pass,
//! except under CI.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

mod access;
mod daemon;
mod engine;
mod hostile;
mod image;
mod server;
mod shelf;

#[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What cannot be tested here, which is an error under CI.
fn missing(what: &str) {
    let ci = variable("CI").is_some_and(|v| !v.is_empty());
    assert!(!ci, "the registry's tests cannot run: {what}");
    eprintln!("SKIPPED, images by registry are not tested: {what}");
}
