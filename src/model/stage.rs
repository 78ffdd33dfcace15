//! The stages of the pipeline and the outcomes of a submission: two closed sets of words.
//!
//! The same words are used in the database, in JSON, in commit statuses and on pages.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// One step of the pipeline. The order of the variants is the order of the pipeline.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Stage {
    /// Read the commit, or the manifest of the image, and check it against the rules.
    Admission,
    /// Build the image, or fetch it, and inspect it.
    Build,
    /// Run the image on the public sample and score the result.
    Smoke,
    /// Run the image on the phase's data. Only here does a submission wait in the queue.
    Run,
    /// Score the predictions.
    Scoring,
}

impl Stage {
    /// All stages, in the order of the pipeline.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The stage that follows when this one succeeds. `None` after the last.
    pub fn next(self) -> Option<Self> {
        match self {
            Self::Admission => Some(Self::Build),
            Self::Build => Some(Self::Smoke),
            Self::Smoke => Some(Self::Run),
            Self::Run => Some(Self::Scoring),
            Self::Scoring => None,
        }
    }

    /// Whether the stage is part of the evaluation on the phase's data.
    pub fn is_evaluation(self) -> bool {
        matches!(self, Self::Run | Self::Scoring)
    }
}

/// How a submission ended. The set is closed, so that a phase with hidden data discloses no more than one of
/// these words.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Outcome {
    /// It has a score.
    Scored,
    /// It violates a rule.
    Rejected,
    /// A build step failed.
    BuildFailed,
    /// The build exceeded a limit of time, memory, processes, disk or log.
    BuildLimit,
    /// The image violates a rule.
    ImageRejected,
    /// The container exceeded its time limit.
    TimeLimit,
    /// The container exceeded its memory limit.
    MemoryLimit,
    /// The container ended with an error.
    RunFailed,
    /// Outputs are missing or invalid.
    OutputInvalid,
    /// Outputs are too large or too many.
    OutputLimit,
    /// The team withdrew it, or an organizer cancelled it.
    Withdrawn,
    /// A platform error ended it. The incident number leads to the log.
    Fault,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The sentence that a participant reads first.
    pub fn message(self) -> &'static str {
        match self {
            Self::Scored => "Scored.",
            Self::Rejected => "Rejected by the rules.",
            Self::BuildFailed => "The image could not be built.",
            Self::BuildLimit => "The build exceeded a limit.",
            Self::ImageRejected => "The image was rejected.",
            Self::TimeLimit => "The container exceeded its time limit.",
            Self::MemoryLimit => "The container exceeded its memory limit.",
            Self::RunFailed => "The container ended with an error.",
            Self::OutputInvalid => "The output is invalid.",
            Self::OutputLimit => "The output exceeded a limit.",
            Self::Withdrawn => "Withdrawn.",
            Self::Fault => "Not evaluated because of a platform error.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_in_the_database_and_in_json() {
        for &stage in Stage::ALL {
            assert_eq!(stage.as_str().parse(), Ok(stage));
            assert_eq!(serde_json::to_string(&stage).unwrap(), format!("\"{stage}\""));
        }
        for &outcome in Outcome::ALL {
            assert_eq!(outcome.as_str().parse(), Ok(outcome));
            assert_eq!(serde_json::to_string(&outcome).unwrap(), format!("\"{outcome}\""));
        }
        assert_eq!(Stage::Scoring.next(), None);
    }
}
