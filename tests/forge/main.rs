//! Models of real forges, and the tests that compare them with recordings: every exchange that was recorded with four
//! forges is repeated with a model of each, and must get the same answer.
//!
//! Start reading at [`model`]. [`replay`] compares, and `exempt.txt` lists the exceptions.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

mod administration;
mod comparison;
mod credentials;
mod exemptions;
mod faults;
mod hook_deliveries;
mod images;
mod live;
mod model;
mod receiver;
mod recording;
mod recording_archive;
mod replay;
mod setup;
