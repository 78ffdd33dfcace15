//! Metric values, scores and the lines of a leaderboard.
//!
//! A missing value is `None`. NaN and sentinels such as -1 never stand for a missing value.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

use super::ids::{CaseId, SubmissionId, TeamSlug};

/// Key of a metric in `metrics.json`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MetricName(String);

impl MetricName {
    /// Accepts 1 to 64 characters of `[A-Za-z0-9_.@-]`, starting with a letter.
    pub fn new(text: &str) -> Option<Self> {
        let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@');
        let fits = (1..=64).contains(&text.len())
            && text.chars().all(ok)
            && text.starts_with(|c: char| c.is_ascii_alphabetic());
        fits.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MetricName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Direction {
    /// Higher is better.
    Max,
    /// Lower is better.
    Min,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseScore {
    pub case: CaseId,
    /// One entry for every declared metric. `None` if the scorer reported no value.
    pub values: BTreeMap<MetricName, Option<f64>>,
    /// The scorer's explanation of missing or poor values. Shown if the phase shows cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The result of a scorer, checked against the declared metrics and the cases. Immutable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// One entry for every case of the manifest, in the order of the manifest.
    pub cases: Vec<CaseScore>,
    /// The scorer's own aggregates, kept for comparison. The ranking never uses them.
    pub reported: BTreeMap<MetricName, f64>,
}

/// One line of a leaderboard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Ties share the smaller rank: 1, 2, 2, 4.
    pub rank: u32,
    pub team: TeamSlug,
    /// The submission that counts for the team.
    pub submission: SubmissionId,
    /// One entry per metric, in the declared order.
    pub metrics: Vec<MetricStanding>,
    /// The number that the final rank was computed from. It is the mean of the ranks by each metric (lower is better),
    /// or the ranked value of the first metric alone (its aggregate, or the aggregate of its case ranks).
    pub value: f64,
    /// Number of missing values (case times metric) that the metric's rule filled in.
    pub imputed: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricStanding {
    pub metric: MetricName,
    /// Over the cases.
    pub aggregate: f64,
    /// By this metric alone.
    pub rank: u32,
}
