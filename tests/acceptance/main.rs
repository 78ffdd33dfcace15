//! What the platform promises, tried against a forge: it makes an organization, people and teams of its
//! own, pushes, commands and breaks things as they do, looks at what the forge shows then, and removes
//! everything that it made.
//!
//! With `REFEREE_TEST_FORGE_URL` and `REFEREE_TEST_FORGE_TOKEN` (of an administrator of the forge, with
//! all scopes) it runs against that instance. Without them it runs against the model in
//! `tests/forge/model`. It needs a Docker Engine and the base image `referee/python:3.11`; where there
//! is none the tests say so and pass, except under CI.
//!
//! The instance has to reach this machine with its webhooks, by the address that this machine has on
//! the way to it. Where none arrives, each story says so and how to mend it; those that are about
//! pushes go on, as the sweep finds everything, and those that are about comments fail.
//!
//! Start reading at [`world`]; each other file is one story.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic in a test is its report"
)]

mod api;
mod challenge;
mod commands;
#[expect(dead_code, reason = "shared with the tests of the local forge")]
#[path = "../it/copy.rs"]
mod copy;
mod daemon;
mod engine;
#[expect(dead_code, reason = "shared with the tests of registries")]
#[path = "../registry/image.rs"]
mod image;
mod images;
mod looks;
#[expect(dead_code, reason = "shared with the tests of the model itself")]
#[path = "../forge/model/mod.rs"]
mod model;
mod newcomers;
mod orders;
mod place;
mod pushes;
mod registry;
mod talk;
mod trouble;
mod world;
