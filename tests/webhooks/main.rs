//! Deliveries as real forges sent them, through the door that every delivery takes
//! (`referee::forge::gitea::accept`), and as nobody sent them.
//!
//! No forge is needed here and none is spoken to.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports")]

mod arbitrary;
mod fixtures;
mod meaning;
mod mutants;
mod recording;
mod recordings;
