//! Imitations of real forges, and what holds them to the truth: every exchange that was recorded
//! with four forges is asked again of a model of each, and must be answered alike.
//!
//! Start reading at [`model`]; [`replay`] compares, and `exempt.txt` says what it must not.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

mod exemptions;
mod faults;
mod images;
mod likeness;
mod live;
mod model;
mod receiver;
mod recording;
mod replay;
mod start;
mod told;
