//! Cases to standings. Pure: no clock, no randomness, no I/O; it never decides whether a score may
//! count or be shown.
//!
//! ```text
//!  Scores ─▶ Table per metric ─▶ one number per team ─▶ ranks per metric ─▶ one rank ─▶ Standings
//!            values, or ranks    aggregate (mean or      ties 1,2,2,4        mean of ranks,
//!            within each case    median over cases)                          or the first metric
//! ```
//!
//! - [`board`]: what goes in, and [`standings`], which is the drawing above as code.
//! - [`change`]: what two boards of the same teams differ in.
//! - [`mod@pick`]: which submission of a team counts.
//! - [`table`]: teams by cases; the two schemes differ only in what they put into it.
//! - [`ranks`]: competition ranks with missing values.
//!
//! Definitions follow Wiesenfarth et al. 2021, Scientific Reports 11:2369, whose R package
//! challengeR gave the expected values of the tests; sums and medians are `crate::model::numbers`.

pub mod board;
pub mod change;
pub mod pick;
pub mod ranks;
pub mod table;

#[cfg(test)]
mod tests;

pub use board::{BoardInput, Entry, standings};
pub use change::{RankChange, changes};
pub use pick::{chosen, counting, pick};
