//! Referee turns a Git forge into a challenge platform for biomedical image analysis.
//!
//! ```text
//!  forge ─▶ intake ─▶ admission ─▶ build ─▶ smoke ─▶ queue ─▶ run ─▶ score ─▶ rank ─▶ report ─▶ forge
//!           Delivery   Submission   Image    sample   Job      Attempt Score   Standing outbox   note, page,
//!                      + Findings                                                                board
//! ```
//!
//! Modules in reading order; a module imports only from those above it (a test enforces this).

// L0: the nouns.
pub mod model;
// L1: pure. No async, no clock, no I/O.
pub mod command;
pub mod config;
pub mod ranking;
pub mod report;
pub mod rules;
pub mod scoring;
// L2: the edges. Each knows one thing of the world and no sibling.
pub mod clock;
pub mod executor;
pub mod forge;
pub mod store;
// L3: the stages.
pub mod pipeline;
// L4: what people and forges touch.
pub mod cli;
pub mod web;
