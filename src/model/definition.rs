//! What a score means: by which scorer, against which truth, over which cases and metrics.
//!
//! A definition is what an evaluation revision holds. It is immutable; what differs is another one.

use serde::{Deserialize, Serialize};

use super::challenge::{MetricSpec, Task};
use super::ids::{CaseId, Digest, ImageId};

/// What a score means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// The scorer's image.
    pub scorer: ImageId,
    /// Digest of all truth files.
    pub ground_truth: Digest,
    /// The cases that count.
    pub cases: Vec<CaseId>,
    /// The metrics as declared.
    pub metrics: Vec<MetricSpec>,
}

impl Definition {
    /// The task as these scores know it: with the metrics of the definition, whatever its file says
    /// by now.
    pub fn task(&self, task: &Task) -> Task {
        Task {
            metrics: self.metrics.clone(),
            ..task.clone()
        }
    }

    /// What keeps a score found by `other` from being one of this definition, as the end of a
    /// sentence; `None` when they mean the same.
    pub fn differs(&self, other: &Self) -> Option<&'static str> {
        if self.ground_truth != other.ground_truth {
            return Some("the truth on the disk is another one");
        }
        if self.cases != other.cases {
            return Some("the cases on the disk are others");
        }
        if self.scorer != other.scorer {
            return Some(
                "its scorer's image is gone from the engine, and the folder makes another",
            );
        }
        (self.metrics != other.metrics).then_some("other metrics are declared")
    }
}

#[cfg(test)]
mod tests {
    use super::super::challenge::{Aggregate, MissingRule};
    use super::super::score::{Direction, MetricName};
    use super::*;

    #[test]
    fn definitions_read_back_what_they_wrote_open_bounds_too() {
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
            ground_truth: Digest::of(b"truth"),
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
        assert_eq!(read.differs(&definition), None);
        let other = Definition {
            ground_truth: Digest::of(b"corrected"),
            ..definition
        };
        assert!(read.differs(&other).unwrap().starts_with("the truth"));
    }
}
