//! The whole platform at work: the real program as a child process, real pushes with git, a real
//! Docker Engine, a real SQLite file. Nothing is imitated.
//!
//! Needs an engine at `DOCKER_HOST` or the usual socket, and the base image `referee/python:3.11`
//! (`examples/base/build.sh`). Where there is none the tests say so and pass, except under CI.
//!
//! Start reading at [`world`]: what a test can do to the platform, and what must hold at its end.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic in a test is its report"
)]

mod copy;
mod crash;
mod disclosure;
mod engine;
mod engines;
mod examples;
mod gvisor;
mod local_forge;
mod orders;
mod per_case;
mod shell;
mod withdrawn;
mod world;
