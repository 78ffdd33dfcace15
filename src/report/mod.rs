//! L1, what people read: views (plain values) and the pure functions that render them.
//!
//! A [`SubmissionView`] or [`BoardView`] is made once, passed through [`redact()`], and then shown
//! everywhere: as JSON by the API, as [`text`] in the git note and on a terminal, as [`markdown`]
//! on forges, as [`remote`] lines during `git push`, as one [`status`] line per gate, and as HTML
//! by `crate::web`. So all places say the same.
//!
//! All boards together become the files of the leaderboard repository in [`publication`].
//!
//! Nothing here reads a row, asks for the time or knows who is looking. Text that participants can
//! write passes [`sanitize`] in every renderer, and [`escape`] where it stands in Markdown.

mod board;
mod diagnostic;
mod redact;
mod samples;
mod view;

pub mod board_text;
pub mod escape;
pub mod markdown;
pub mod publication;
pub mod remote;
pub mod sanitize;
pub mod status;
pub mod text;

pub use board::{
    BoardLink, BoardView, CellValue, CellView, ChallengeView, ColumnView, HomeView, LeaderView,
    PhaseState, RowView,
};
pub use redact::{coarse, redact};
pub use view::{
    CaseView, FindingView, LogView, MetricView, QueueView, QuotaView, ScoreView, StageState,
    StageView, SubmissionView, Titled, Tone, rounded,
};

#[cfg(test)]
mod tests;
