//! The cases of the public sample and of a phase's data.

use std::path::Path;

use super::context::SubmissionContext;
use crate::config;
use crate::model::{Case, CaseId, ContractMode, Task};

/// The cases of a task's public sample.
///
/// # Errors
/// As [`read_cases`].
pub fn sample_cases(task: &Task) -> anyhow::Result<Vec<Case>> {
    read_cases(&config::sample_inputs(task))
}

/// The case of the sample that a person runs first. `None` where one run takes all cases.
///
/// # Errors
/// As [`read_cases`].
pub fn first_sample_case(task: &Task) -> anyhow::Result<Option<Case>> {
    Ok(match task.contract.mode {
        ContractMode::WholeSet => None,
        ContractMode::PerCase => sample_cases(task)?.into_iter().next(),
    })
}

/// The cases of a phase's data.
///
/// # Errors
/// As [`read_cases`].
pub fn phase_cases(of: SubmissionContext<'_>) -> anyhow::Result<Vec<Case>> {
    read_cases(&config::inputs_of(of.phase, of.task()?))
}

/// The cases of a directory of inputs.
///
/// # Errors
/// When the directory holds no valid set of cases. The message contains all problems.
fn read_cases(inputs: &Path) -> anyhow::Result<Vec<Case>> {
    config::cases(inputs).map_err(|findings| {
        let messages: Vec<_> = findings.iter().map(|f| f.message.as_str()).collect();
        anyhow::anyhow!("the cases in {}: {}", inputs.display(), messages.join(" "))
    })
}

/// The ids of cases.
pub fn ids(cases: &[Case]) -> Vec<CaseId> {
    cases.iter().map(|c| c.id.clone()).collect()
}
