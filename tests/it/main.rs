//! The whole platform at work: the real program as a child process, real pushes with git, a real Docker Engine and a
//! real SQLite file. Nothing is imitated.
//!
//! The tests need an engine at `DOCKER_HOST` or the usual socket, and the base image `referee/python:3.11`
//! (`examples/base/build.sh`). Without them each test prints the reason and passes. Under CI it fails.
//!
//! Start reading at [`world`]: it lists the actions of a test and the state that each test must leave behind.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic in a test is its report")]

mod commands;
mod copy;
mod crash;
mod disclosure;
mod engine;
mod engines;
mod examples;
mod gvisor;
mod local_forge;
mod per_case;
mod shell;
mod withdrawn;
mod world;
