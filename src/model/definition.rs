//! The definition of a scoring revision: scorer, ground truth, cases and metrics. Together they give a score its
//! meaning.
//!
//! A definition never changes. A change of any part is another definition.

use serde::{Deserialize, Serialize};

use super::challenge::{MetricSpec, Task};
use super::ids::{CaseId, Digest, ImageId};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// The image of the scorer.
    pub scorer: ImageId,
    /// Digest of all files of the ground truth.
    pub ground_truth: Digest,
    pub cases: Vec<CaseId>,
    /// The metrics as `challenge.toml` declared them.
    pub metrics: Vec<MetricSpec>,
}

impl Definition {
    /// The task with the metrics of this definition instead of those that `challenge.toml` declares now.
    pub fn task(&self, task: &Task) -> Task {
        Task { metrics: self.metrics.clone(), ..task.clone() }
    }

    /// The first difference from `other`, as a clause for the end of a sentence. `None` if scores under both
    /// definitions mean the same.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        if self.ground_truth != other.ground_truth {
            return Some("the ground truth on disk has changed");
        }
        if self.cases != other.cases {
            return Some("the cases on disk have changed");
        }
        if self.scorer != other.scorer {
            return Some(
                "the engine no longer has the scorer's image, and the scorer's folder now builds a different one",
            );
        }
        (self.metrics != other.metrics).then_some("challenge.toml declares different metrics")
    }
}

#[cfg(test)]
mod tests {
    use super::super::challenge::{Aggregate, MissingRule};
    use super::super::score::{Direction, MetricName};
    use super::*;

    #[test]
    fn definitions_round_trip_through_json_with_infinite_bounds() {
        let metric = |bounds, missing| MetricSpec {
            name: MetricName::new("hd95").unwrap(),
            title: "HD95".into(),
            direction: Direction::Min,
            bounds,
            missing,
            aggregate: Aggregate::Median,
        };
        let definition = Definition {
            scorer: Digest::of(b"image"),
            ground_truth: Digest::of(b"ground truth"),
            cases: vec![CaseId::new("Video_01").unwrap()],
            metrics: vec![
                metric((0.0, f64::INFINITY), MissingRule::Value(9.5)),
                metric((f64::NEG_INFINITY, 1.0), MissingRule::Reject),
            ],
        };
        let text = serde_json::to_string(&definition).unwrap();
        assert!(text.contains(r#""bounds":[0.0,null]"#), "{text}");
        let read: Definition = serde_json::from_str(&text).unwrap();
        assert_eq!(read, definition);
        assert_eq!(read.difference(&definition), None);
        let other = Definition { ground_truth: Digest::of(b"corrected"), ..definition };
        let difference = read.difference(&other).unwrap();
        assert_eq!(difference, "the ground truth on disk has changed");
    }
}
