//! The checks that `referee doctor` makes of a forge.

use async_trait::async_trait;

use crate::model::diagnosis::Check;
use crate::model::{Challenge, Timestamp};

/// A forge that can report problems of its own setup. No check writes anything.
#[async_trait]
pub trait Diagnosis: Send + Sync {
    /// The checks of a challenge's forge in reading order. Where the forge does not answer, the first check reports it
    /// and is the only one. `teams` has the name and the repository of each team; it is `None` when the database cannot
    /// be read. `last_delivery` is the time when the last delivery of this forge arrived.
    async fn diagnose(
        &self,
        challenge: &Challenge,
        teams: Option<&[(String, String)]>,
        last_delivery: Option<Timestamp>,
    ) -> Vec<Check>;
}
