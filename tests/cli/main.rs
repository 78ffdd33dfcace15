//! What the command line says: the real program, its words kept as snapshots, and the documents
//! held against it. Nothing here needs an engine or a network.
//!
//! Read a snapshot as somebody who sees the program for the first time; `INSTA_UPDATE=always cargo
//! test --test cli` writes them again.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic in a test is its report"
)]

mod configuration;
mod deploy;
mod documents;
mod help;
mod mistakes;
mod program;
