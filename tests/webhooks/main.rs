//! Deliveries as real forges sent them, and changed ones that no forge sent, through the entry of every delivery
//! (`referee::forge::Webhooks::accept`).
//!
//! These tests need no forge.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports")]

mod arbitrary;
mod fixtures;
mod meaning;
mod mutants;
mod recording;
#[path = "../forge/recording_archive.rs"]
mod recording_archive;
mod recordings;
