//! The contract of `metrics.json`: the file that an organizer's scorer writes, and the checks that it must pass.
//!
//! The shape is that of Grand Challenge evaluators:
//!
//! ```json
//! {
//!   "results": [
//!     {"case": "c001", "dice": 0.91, "hd95": 3.2},
//!     {"case": "c002", "dice": 0.0, "hd95": null, "reason": "no prediction"}
//!   ],
//!   "aggregates": {"dice": {"mean": 0.455}}
//! }
//! ```
//!
//! Columns, as pandas writes them, are accepted as well:
//! `"results": {"case": {"0": "c001"}, "dice": {"0": 0.91}}`.
//!
//! - **Every case needs a result with every metric.** A scorer that leaves out a case hides a failure. An absent case
//!   is therefore a problem even if the metric has a rule for missing values. A scorer writes `null` if there is no
//!   value, and the metric's `missing` rule decides how that counts.
//! - `reason` is an optional text beside the values of a case. Phases that show cases show it.
//! - `aggregates` is optional. Referee computes its own aggregates and never ranks by these. A note reports
//!   differences. A metric has a number, or an object with `mean` (or `median`).
//!
//! [`read_metrics`] lists all problems at once, for the organizers. A participant never causes one.
//!
//! | code | problem |
//! |---|---|
//! | `SCR001` | the file is too large, or holds too many values |
//! | `SCR002` | the file is not JSON |
//! | `SCR003` | an object has the same key twice |
//! | `SCR004` | there is no `results` in one of the two shapes |
//! | `SCR005` | a result has no usable `case` |
//! | `SCR006` | a case is not in the manifest |
//! | `SCR007` | a case has two results |
//! | `SCR008` | a case of the manifest has no result |
//! | `SCR009` | a declared metric is absent |
//! | `SCR010` | a declared metric is absent, and a similar key is present |
//! | `SCR011` | a value is not a finite number |
//! | `SCR012` | a value is outside the declared bounds |
//! | `SCR013` | a value is `null`, and the metric's `missing` rule is `reject` |
//! | `SCR099` | there are more problems than the report lists |
//!
//! This module reads no file, starts no container and ranks nothing.

mod aggregates;
mod json;
mod names;
mod problem;
mod report;
mod results;

#[cfg(test)]
mod tests;

pub use problem::MetricsProblem;
pub use report::{ScoreReport, read_metrics};
