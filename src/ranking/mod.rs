//! Ranks the scores of a leaderboard. Uses no clock, no randomness and no I/O, and does not decide whether a score may
//! count or may be shown.
//!
//! ```text
//!  Scores ─▶ Table per metric ─▶ one number per team ─▶ ranks per metric ─▶ one rank ─▶ Standings
//!            values, or ranks    aggregate (mean or      ties 1,2,2,4        mean of ranks,
//!            within each case    median over cases)                          or the first metric
//! ```
//!
//! - [`board`]: the input, and [`standings`], which implements the drawing above.
//! - [`change`]: the differences between two rankings of a leaderboard.
//! - [`counting`]: which submission of a team counts.
//! - [`table`]: teams by cases. The two schemes fill it with different numbers.
//! - [`ranks`]: competition ranks with missing values.
//!
//! Definitions follow Wiesenfarth et al. 2021, Scientific Reports 11:2369. Their R package challengeR computed the
//! expected values of the tests. `crate::model::numbers` has the sums and medians.

pub mod board;
pub mod change;
pub mod counting;
pub mod ranks;
pub mod table;

#[cfg(test)]
mod tests;

pub use board::{BoardEntry, BoardInput, standings};
pub use change::{RankChange, rank_changes};
pub use counting::{CountingRule, counting_entries, counting_entry, first_difference, keep_chosen};
