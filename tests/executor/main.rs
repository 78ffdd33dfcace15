//! Builds, images and jobs on a real Docker Engine.
//!
//! The tests need an engine at `DOCKER_HOST` or the usual socket, and the base image `referee/python:3.11`
//! (`examples/base/build.sh`). Without them the tests print a message and pass, except under CI. Every test has its own
//! instance label, and removes its objects even when it fails.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic in a test is its report")]

mod bench;
mod build;
mod buildkit;
mod differential;
mod hostile;
mod ignored;
mod local_command;
mod run;
mod scripted;
