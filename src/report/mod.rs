//! L1, the reports: views (plain values), and pure functions that render them.
//!
//! Referee builds a [`SubmissionView`] or [`BoardView`] once and passes it through [`redact()`]. Every output then
//! renders the same view: JSON in the API, [`text`] in the git note and on a terminal, [`markdown`] on forges,
//! [`remote`] lines during `git push`, one [`status`] per stage, and HTML in `crate::web`.
//!
//! [`publication`] renders all leaderboards as the files of the leaderboard repository.
//!
//! This module reads no database, uses no clock and does not know the reader. Every renderer passes text of
//! participants through [`sanitize`], and Markdown also through [`escape`].

mod board;
mod diagnostic;
mod redact;
#[cfg(test)]
mod samples;
mod view;

pub mod board_text;
pub mod escape;
pub mod markdown;
pub mod publication;
pub mod remote;
pub mod sanitize;
pub mod status;
pub mod style;
pub mod text;

pub use board::{
    BoardLink, BoardView, CellValue, CellView, ChallengeView, ColumnView, HomeView, LeaderView, PhaseState, RowView,
};
pub use redact::{coarse_duration, redact};
pub use view::{
    CaseView, FindingView, LogView, MetricView, QueueView, QuotaView, ScoreView, StageState, StageView, SubmissionView,
    Titled, Tone,
};

#[cfg(test)]
mod tests;
