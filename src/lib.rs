//! Referee turns a Git forge into a challenge platform for biomedical image analysis.
//!
//! ```text
//!  forge ─▶ intake ─▶ admission ─▶ build ─▶ smoke ─▶ queue ─▶ run ─▶ scoring ─▶ ranking ─▶ report ─▶ forge
//!           Delivery   Submission   Image    sample            Attempt Score      Standing   outbox    statuses,
//!                      + Findings                                                                      comments, pages
//! ```
//!
//! The modules are in reading order. A module imports only from modules of lower levels, and from its own level only
//! in L3 and L4. A test enforces this.

// L0: the nouns of the field.
pub mod model;
// L1: pure functions. No async, no clock; only `config` does I/O, to read its files.
pub mod command;
pub mod config;
pub mod ranking;
pub mod report;
pub mod rules;
pub mod scoring;
// L2: the interfaces to the outside. Each module knows one thing outside the program, and none knows another.
pub mod clock;
pub mod executor;
pub mod forge;
pub mod store;
// L3: the stages of the pipeline.
pub mod pipeline;
// L4: the interfaces to people and forges.
pub mod cli;
pub mod web;
