//! What a score means at this moment: the revision that a board keeps to, or, before its first
//! score, what scorer, truth, cases and metrics on the disk would make.
//!
//! A changed scorer never moves a board by itself. New submissions are scored by the image of the
//! board's revision; where that cannot be done, it is said, and the organizers rescore.

use super::{App, Scope, run, score};
use crate::config;
use crate::model::{Board, CaseId, Definition, ImageId, Task};
use crate::store::{ScoringRevision, Store};

/// By what a submission is scored.
#[derive(Debug, Clone)]
pub struct InForce {
    /// The task with the metrics that count.
    pub task: Task,
    /// The scorer's image.
    pub image: ImageId,
    /// The revision of the board, once it has one.
    pub revision: Option<(i64, Definition)>,
}

/// The definition that a revision holds; none in what another version wrote.
pub fn definition_of(revision: &ScoringRevision) -> Option<Definition> {
    read(&revision.definition)
}

/// A definition as stored.
pub fn read(stored: &serde_json::Value) -> Option<Definition> {
    serde_json::from_value(stored.clone()).ok()
}

/// A task with the metrics of its board's revision.
///
/// # Errors
/// When the database fails.
pub async fn task(store: &Store, board: &Board, task: &Task) -> anyhow::Result<Task> {
    let revision = store.current_revision(board).await?;
    let definition = revision.as_ref().and_then(definition_of);
    Ok(definition.map_or_else(|| task.clone(), |d| d.task(task)))
}

/// By what a submission of this scope is scored now.
///
/// # Errors
/// When the scorer cannot be built or the database fails.
pub async fn in_force(app: &App, scope: Scope<'_>) -> anyhow::Result<InForce> {
    let task = scope.task()?;
    let board = scope.board()?;
    let revision = app.store.current_revision(&board).await?;
    let revision = revision.and_then(|r| Some((r.id, definition_of(&r)?)));
    let kept = match &revision {
        Some((_, definition)) => {
            let there = app.engines.scorer.inspect(&definition.scorer).await?;
            there.map(|_| definition.scorer.clone())
        }
        None => None,
    };
    let image = match kept {
        Some(image) => image,
        None => app.scorer_image(task).await?,
    };
    Ok(InForce {
        task: match &revision {
            Some((_, definition)) => definition.task(task),
            None => task.clone(),
        },
        image,
        revision,
    })
}

/// What a score by this image over the data on the disk means.
///
/// # Errors
/// When the data cannot be read.
pub async fn define(
    app: &App,
    scope: Scope<'_>,
    (task, image): (&Task, &ImageId),
) -> anyhow::Result<Definition> {
    let cases: Vec<CaseId> = run::cases(scope)?.into_iter().map(|c| c.id).collect();
    let ground_truth = config::ground_truth_of(scope.phase, task);
    Ok(Definition {
        scorer: image.clone(),
        ground_truth: score::ground_truth_digest(app, &ground_truth).await?,
        cases,
        metrics: task.metrics.clone(),
    })
}
