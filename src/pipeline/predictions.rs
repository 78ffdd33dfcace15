//! The stored predictions of a submission, unpacked for a scorer.

use std::path::PathBuf;

use anyhow::Context as _;

use super::context::{Context, WorkDirectory};
use crate::model::{AttemptState, ContractMode, Stage, Task};
use crate::store::SubmissionRecord;

/// Unpacks the predictions of all successful runs into one directory. For a per-case contract each case has its own
/// folder.
pub async fn unpack(
    context: &Context,
    record: &SubmissionRecord,
    task: &Task,
    directory: &WorkDirectory,
) -> anyhow::Result<PathBuf> {
    let into = directory.make("predictions")?;
    let per_case = task.contract.mode == ContractMode::PerCase;
    for run in context.store.attempts(record).await? {
        let attempt = run.attempt;
        if attempt.stage != Stage::Run || attempt.state != AttemptState::Succeeded {
            continue;
        }
        let artifact = run.artifact.context("a run without predictions")?;
        let target = match &attempt.case {
            Some(case) if per_case => into.join(case.as_str()),
            _ => into.clone(),
        };
        let artifacts = context.artifacts.clone();
        tokio::task::spawn_blocking(move || artifacts.unpack(&artifact, &target)).await??;
    }
    Ok(into)
}
