//! The images of scorers on the scorer's engine: built when they are needed, removed when no leaderboard uses them.

use std::collections::BTreeSet;

use tokio::sync::Mutex;

use super::Engines;
use super::context::Context;
use super::scorer;
use crate::model::{ImageId, Task};

/// The images of scorers. One is built at a time, so that a second submission waits for the same image.
#[derive(Debug, Default)]
pub struct ScorerImages {
    building: Mutex<()>,
}

impl ScorerImages {
    /// The image of a task's scorer as its folder is now. It is built unless the same folder was built before.
    ///
    /// # Errors
    /// When the scorer cannot be built.
    pub async fn image(&self, context: &Context, engines: &Engines, task: &Task) -> anyhow::Result<ImageId> {
        let _building = self.building.lock().await;
        scorer::image(engines, &task.scorer, &context.work).await
    }

    /// Removes the images of scorers that are neither in `used` nor made from a scorer's folder as it is now. Returns
    /// how many.
    ///
    /// # Errors
    /// When a scorer's folder cannot be read, or the engine does not answer.
    pub async fn remove_unused(
        &self,
        context: &Context,
        engines: &Engines,
        used: &BTreeSet<ImageId>,
    ) -> anyhow::Result<usize> {
        let _building = self.building.lock().await;
        let tasks = context.challenges.iter().flat_map(|c| &c.tasks);
        let specs: Vec<_> = tasks.map(|task| task.scorer.clone()).collect();
        scorer::remove_others(engines, used, &specs).await
    }
}
