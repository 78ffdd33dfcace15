//! Everything that Referee publishes on a forge, while the forge fails in many ways: the real parts of the daemon with
//! a real database, and a model of the forge on a local port. Only the engines are missing.
//!
//! Start reading at [`world`], an installation beside a forge. [`submissions`] takes a push through the stages.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

#[path = "../hostile/canary.rs"]
mod canary;
mod deliveries;
#[path = "../web/engine.rs"]
mod engine;
mod images;
mod late;
#[path = "../web/log.rs"]
mod log;
#[path = "../forge/model/mod.rs"]
#[expect(dead_code, reason = "other test programs use the rest of it")]
mod model;
mod random_faults;
mod removals;
mod retention;
mod secrets;
mod submissions;
mod world;
