//! The contract of `metrics.json`: what an organizer's scorer must write, and how it is checked.
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
//! or, by columns as pandas writes them, `"results": {"case": {"0": "c001"}, "dice": {"0": 0.91}}`.
//!
//! - **Every case, every metric.** A scorer that leaves out a case hides a failure, so an absent
//!   case is a problem even where the metric has a rule for missing values. `null` is how a scorer
//!   says that there is no value; the metric's `missing` rule says what that counts as.
//! - `reason`, a text beside the values of a case, is kept for the pages of phases that show cases.
//! - `aggregates` may be left out. Referee computes its own and never ranks by these; where they
//!   differ, a note says so. A metric has a number or an object with `mean` (or `median`).
//!
//! [`read`] lists all problems at once, for the organizers: none is ever a participant's fault.
//!
//! | code | problem |
//! |---|---|
//! | `SCR001` | the file, or the number of values in it, is too large |
//! | `SCR002` | not JSON |
//! | `SCR003` | a key twice in one object |
//! | `SCR004` | no `results` in one of the two shapes |
//! | `SCR005` | a result without a usable `case` |
//! | `SCR006` | a case that the manifest does not have |
//! | `SCR007` | a case that has two results |
//! | `SCR008` | a case of the manifest without a result |
//! | `SCR009` | a declared metric is absent |
//! | `SCR010` | a key that looks like a misspelt metric that is absent |
//! | `SCR011` | a value that is no finite number |
//! | `SCR012` | a value outside the declared bounds |
//! | `SCR013` | `null` for a metric whose `missing` rule is `reject` |
//! | `SCR099` | more problems than are listed |
//!
//! Nothing here reads a file, starts a container, or ranks.

mod aggregates;
mod json;
mod names;
mod problem;
mod report;
mod results;

#[cfg(test)]
mod tests;

pub use problem::Problem;
pub use report::{ScoreReport, read};
