//! The promises of the platform, tested against a forge. Each test creates an organization, people and teams, lets them
//! push, write commands and delete things, reads the results from the forge, and removes everything that it created.
//!
//! With `REFEREE_TEST_FORGE_URL` and `REFEREE_TEST_FORGE_TOKEN` (of an administrator of the forge, with all scopes) the
//! tests run against that instance. Without them they run against the model in `tests/forge/model`. They need a Docker
//! Engine and the base image `referee/python:3.11`. Without them each test prints the reason and passes. Under CI it
//! fails.
//!
//! The webhooks of the instance have to reach this machine by its own address in the network of the instance. If no
//! delivery arrives, each test prints how to fix that. Tests about pushes continue, because the sweep finds everything.
//! Tests about comments fail.
//!
//! Start reading at [`world`]. Each other file with tests is one story.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic in a test is its report")]

mod api;
mod challenge;
mod commands;
mod conversation;
#[expect(dead_code, reason = "shared with the tests of the local forge")]
#[path = "../it/copy.rs"]
mod copy;
mod daemon;
mod engine;
mod failures;
#[expect(dead_code, reason = "shared with the tests of registries")]
#[path = "../registry/image.rs"]
mod image;
mod images;
mod instance;
#[expect(dead_code, reason = "shared with the tests of the model itself")]
#[path = "../forge/model/mod.rs"]
mod model;
mod published;
mod pushes;
mod registration;
mod registry;
mod rescoring;
mod world;
