//! The command line: the output of the real program as snapshots, and the documents compared with the program. No test
//! here needs an engine or a network.
//!
//! Read a snapshot like a person who sees the program for the first time. `INSTA_UPDATE=always cargo test --test cli`
//! updates the snapshots.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic in a test is its report")]

mod configuration;
mod deploy;
mod documents;
mod help;
mod mistakes;
mod program;
