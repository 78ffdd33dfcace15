//! What forges and browsers reach, from outside: the real router on a real port, with a real
//! database and real team repositories. Only the engine is missing; nothing here runs a container.
//!
//! Start reading at [`server`]: an installation with four kinds of phase. [`story`] makes submissions
//! that ended in every way, with texts that a hostile team would choose.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic in a test is its report"
)]

mod api;
#[path = "../hostile/canary.rs"]
mod canary;
mod deliveries;
mod engine;
mod live;
#[expect(dead_code, reason = "other test programs use the rest of it")]
mod log;
mod pages;
mod secrecy;
mod server;
mod story;
mod wire;
