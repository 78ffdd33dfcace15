//! What goes out to a forge, whatever the forge does meanwhile: the real daemon's parts with a real
//! database, and a model of the forge on a port of this machine. Only the engines are missing.
//!
//! Start reading at [`world`], an installation beside a forge; [`story`] is what becomes of a push.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

#[path = "../hostile/canary.rs"]
mod canary;
#[path = "../web/engine.rs"]
mod engine;
mod images;
mod late;
#[path = "../web/log.rs"]
mod log;
#[path = "../forge/model/mod.rs"]
#[expect(dead_code, reason = "other test programs use the rest of it")]
mod model;
mod retention;
mod secrets;
mod storm;
mod story;
mod trouble;
mod weather;
mod world;
