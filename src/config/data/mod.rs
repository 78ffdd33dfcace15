//! The paths of a challenge's data, the cases in it, and what is probably wrong with it.
//!
//! Only names are read. No image is opened, and the content of files is not checked.

mod cases;
mod inputs;
mod warnings;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

pub use cases::cases;
pub use inputs::InputListing;
pub use warnings::GroundTruth;

use super::reader::{PATH_MISSING, display_path};
use crate::model::text::counted;
use crate::model::{CaseId, Challenge, Finding, Location, Phase, Task};

/// Names of cases in one line of `referee config check`.
const NAMES_MAX: usize = 8;

/// Inputs of a task in a phase: `<data>/<task>/inputs`, or the `<data>/inputs` that all tasks share.
pub fn inputs_of(phase: &Phase, task: &Task) -> PathBuf {
    shared_inputs(&phase.data.join(task.slug.as_str()))
}

/// Ground truth of a task in a phase. Only the scorer reads it.
pub fn ground_truth_of(phase: &Phase, task: &Task) -> PathBuf {
    phase.data.join(task.slug.as_str()).join("truth")
}

/// Public inputs of a task: `<sample>/inputs`, or `inputs` beside the sample directory.
pub fn sample_inputs(task: &Task) -> PathBuf {
    inputs_of_sample(&task.sample)
}

/// Public inputs of the task whose sample is in this directory.
pub(super) fn inputs_of_sample(sample: &Path) -> PathBuf {
    shared_inputs(sample)
}

/// Public ground truth of a task.
pub fn sample_ground_truth(task: &Task) -> PathBuf {
    task.sample.join("truth")
}

/// `inputs` in the directory or, if it does not exist, in the parent directory.
fn shared_inputs(directory: &Path) -> PathBuf {
    let own = directory.join("inputs");
    let parent = directory.parent().map(|p| p.join("inputs"));
    match parent {
        Some(shared) if !own.is_dir() && shared.is_dir() => shared,
        _ => own,
    }
}

/// The data of a challenge as Referee reads it.
#[derive(Debug, Default)]
pub struct DataCheck {
    /// The boards whose data can be read, in the order of phases and tasks.
    pub boards: Vec<BoardData>,
    pub findings: Vec<Finding>,
    /// Directories of inputs that were looked at. Boards may share them.
    seen: BTreeSet<PathBuf>,
}

/// The hidden data of one board.
#[derive(Debug)]
pub struct BoardData {
    /// `validation/segmentation`
    pub board: String,
    pub cases: Vec<CaseId>,
    pub ground_truth: GroundTruth,
}

/// `val/seg: 3 cases: c1, c2, c3; ground truth for 3 of them`
impl fmt::Display for BoardData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.cases.len();
        let cases = first(NAMES_MAX, self.cases.iter().map(CaseId::as_str));
        write!(f, "{}: {}: {cases}; ", self.board, counted(all, "case"))?;
        match &self.ground_truth {
            GroundTruth::Empty => f.write_str("no ground truth"),
            GroundTruth::Shared(names) => {
                write!(f, "ground truth in {}", first(NAMES_MAX, names.iter().map(String::as_str)))
            }
            GroundTruth::ByCase { cases } => write!(f, "ground truth for {cases} of them"),
        }
    }
}

/// The first names on one line, and the number of the others.
fn first<'a>(most: usize, names: impl Iterator<Item = &'a str>) -> String {
    first_of(most, names.map(|name| name.escape_debug().to_string()).collect())
}

/// The first items, and the number of the others: `a, b, and 7 more`.
fn first_of(most: usize, mut items: Vec<String>) -> String {
    let more = items.len().saturating_sub(most);
    items.truncate(most);
    if more > 0 {
        items.push(format!("and {more} more"));
    }
    items.join(", ")
}

/// Checks the data of every phase and of every sample. A laptop that only checks submissions does not have the data of
/// phases, so this is separate from reading `challenge.toml`.
pub fn check_data(challenge: &Challenge) -> DataCheck {
    let mut check = DataCheck::default();
    for phase in &challenge.phases {
        if phase.data.is_dir() {
            challenge.tasks.iter().for_each(|task| check_board(&mut check, phase, task));
        } else {
            let message = format!("The data of the phase `{}` does not exist.", phase.slug);
            let help = "Mount or copy the data, or correct `data` of the phase.";
            check.findings.push(missing(&phase.data, message, help));
        }
    }
    for task in &challenge.tasks {
        let inputs = sample_inputs(task);
        // Reading `challenge.toml` has reported a sample without cases.
        if let Ok(cases) = cases(&inputs) {
            check.findings.extend(warnings::of_inputs(&inputs, &cases));
        }
    }
    // Tasks that share their inputs have the same problems.
    check.findings.sort();
    check.findings.dedup();
    check
}

fn check_board(check: &mut DataCheck, phase: &Phase, task: &Task) {
    let inputs = inputs_of(phase, task);
    let cases = match cases(&inputs) {
        Ok(cases) => cases,
        Err(problems) => return check.findings.extend(problems),
    };
    let ids: Vec<CaseId> = cases.iter().map(|case| case.id.clone()).collect();
    let listing = InputListing::new(&inputs);
    for missing_input in task.checks.iter().flat_map(|check| listing.missing(check, &ids)) {
        let help = "Correct the pattern in `task.check`, or add the input.";
        check.findings.push(missing(&inputs, missing_input.message, help));
    }
    if check.seen.insert(inputs.clone()) {
        check.findings.extend(warnings::of_inputs(&inputs, &cases));
    }
    let directory = ground_truth_of(phase, task);
    match warnings::of_ground_truth(&directory, &cases) {
        Ok((ground_truth, found)) => {
            check.findings.extend(found);
            check.boards.push(BoardData { board: format!("{}/{}", phase.slug, task.slug), cases: ids, ground_truth });
        }
        Err(_) if !directory.is_dir() => {
            let message =
                format!("The ground truth of the task `{}` in the phase `{}` does not exist.", task.slug, phase.slug);
            check.findings.push(missing(
                &directory,
                message,
                "Create the directory. The scorer needs it even if it is empty.",
            ));
        }
        Err(error) => check.findings.push(missing(
            &directory,
            format!("The ground truth cannot be read: {error}."),
            "Check the permissions of the directory.",
        )),
    }
}

fn missing(path: &Path, message: String, help: &str) -> Finding {
    Finding::error(PATH_MISSING, message, help).at(Location::file(display_path(path)))
}

#[cfg(test)]
mod tests;
