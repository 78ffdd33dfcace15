//! The scoring revision that is in force: the current one of the leaderboard, or, before its first score, the one that
//! scorer, ground truth, cases and metrics on the disk would make.
//!
//! A changed scorer never changes a leaderboard by itself. New submissions are scored by the image of the current
//! scoring revision. Where that is not possible, the scoring stage reports it and the organizers rescore.

use super::Engines;
use super::cases;
use super::context::{Context, SubmissionContext};
use super::scorer_images::ScorerImages;
use crate::config;
use crate::model::{Board, Definition, ImageId, Task};
use crate::store::{ScoringRevision, Store};

/// The scorer, the metrics and the scoring revision by which a submission is scored now.
#[derive(Debug, Clone)]
pub struct InForce {
    /// The task with the metrics of the scoring revision.
    pub task: Task,
    /// The scorer's image.
    pub image: ImageId,
    /// The current scoring revision. `None` before the first score.
    pub revision: Option<(i64, Definition)>,
}

/// The definition of a scoring revision. `None` if another version of Referee wrote it.
pub fn definition_of(revision: &ScoringRevision) -> Option<Definition> {
    read_definition(&revision.definition)
}

/// A definition as stored. `None` if another version of Referee wrote it.
pub fn read_definition(stored: &serde_json::Value) -> Option<Definition> {
    serde_json::from_value(stored.clone()).ok()
}

/// A task with the metrics of the current scoring revision of its leaderboard.
pub async fn current_task(store: &Store, board: &Board, task: &Task) -> anyhow::Result<Task> {
    let revision = store.current_scoring_revision(board).await?;
    let definition = revision.as_ref().and_then(definition_of);
    Ok(definition.map_or_else(|| task.clone(), |d| d.task(task)))
}

/// The scoring revision that is in force for a submission.
///
/// # Errors
/// When the scorer cannot be built.
pub async fn in_force(
    context: &Context,
    engines: &Engines,
    scorers: &ScorerImages,
    of: SubmissionContext<'_>,
) -> anyhow::Result<InForce> {
    let task = of.task()?;
    let revision = context.store.current_scoring_revision(&of.board()?).await?;
    let revision = revision.and_then(|r| Some((r.id, definition_of(&r)?)));
    let Some((id, definition)) = revision else {
        return Ok(InForce { task: task.clone(), image: scorers.image(context, engines, task).await?, revision: None });
    };
    let image = engines.scorer.images.inspect(&definition.scorer);
    let exists = image.await?.is_some();
    Ok(InForce {
        task: definition.task(task),
        image: if exists { definition.scorer.clone() } else { scorers.image(context, engines, task).await? },
        revision: Some((id, definition)),
    })
}

/// The definition of scores that this scorer image makes from the data on the disk.
///
/// # Errors
/// When the data cannot be read.
pub async fn define(
    context: &Context,
    of: SubmissionContext<'_>,
    task: &Task,
    image: &ImageId,
) -> anyhow::Result<Definition> {
    let ground_truth = config::ground_truth_of(of.phase, task);
    Ok(Definition {
        scorer: image.clone(),
        ground_truth: context.ground_truths.of(&ground_truth).await?,
        cases: cases::ids(&cases::phase_cases(of)?),
        metrics: task.metrics.clone(),
    })
}
