//! Values of metrics and what is made of them.
//!
//! A missing value is `None`, never a NaN or a sentinel such as -1.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

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

    /// The checked text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MetricName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which end of a metric is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Large is good.
    Max,
    /// Small is good.
    Min,
}

/// The metrics of one case. A value is `None` where the scorer gave none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseScore {
    /// The case.
    pub case: CaseId,
    /// One entry for every declared metric.
    pub values: BTreeMap<MetricName, Option<f64>>,
    /// Why values are missing or bad, in the scorer's words; shown where the phase shows cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a scorer found, checked against the declared metrics and the cases. Immutable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// One entry for every case of the manifest, in its order.
    pub cases: Vec<CaseScore>,
    /// What the scorer itself reported as aggregates, kept for comparison; never ranked by.
    pub reported: BTreeMap<MetricName, f64>,
}

/// One line of a board.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Place: 1, 2, 2, 4.
    pub rank: u32,
    /// The team.
    pub team: TeamSlug,
    /// The submission that counts.
    pub submission: SubmissionId,
    /// For each metric in the declared order: aggregate and rank by that metric alone.
    pub metrics: Vec<MetricStanding>,
    /// What the final rank was made of: the mean of the ranks by each metric (small is good), or
    /// what the headline alone was ranked by (its aggregate, or the aggregate of its case ranks).
    pub value: f64,
    /// Values (case times metric) that were missing and filled by rule.
    pub imputed: u32,
}

/// A metric's part of a [`Standing`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricStanding {
    /// The metric.
    pub metric: MetricName,
    /// Aggregate over the cases.
    pub aggregate: f64,
    /// Place by this metric alone.
    pub rank: u32,
}
