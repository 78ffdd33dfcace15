//! The HTTP server from outside: the real router on a real port, with a real database and real team repositories.
//! Nothing here runs a container, so no engine answers.
//!
//! Start reading at [`server`]: an installation with four kinds of phases. [`story`] makes submissions with every
//! outcome, with texts that a hostile team would choose.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic in a test is its report")]

mod api;
#[path = "../hostile/canary.rs"]
mod canary;
mod deliveries;
mod engine;
mod layers;
mod live;
#[expect(dead_code, reason = "other test programs use the rest of the file")]
mod log;
mod pages;
#[path = "../forge/recording_archive.rs"]
mod recording_archive;
mod secrecy;
mod server;
mod story;
mod wire;
