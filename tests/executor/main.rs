//! The executor and the builder against a real Docker Engine.
//!
//! Needs an engine at `DOCKER_HOST` or the usual socket, and the base image `referee/python:3.11`
//! (`examples/base/build.sh`). Where there is none the tests say so and pass, except under CI.
//! Every test has its own instance label, and removes what it made even when it fails.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic in a test is its report"
)]

mod at_home;
mod bench;
mod build;
mod buildkit;
mod differential;
mod hostile;
mod ignored;
mod run;
mod scripted;
