//! Phrases and tables that the replies of several commands share.

use crate::model::Board;
use crate::store::SubmissionRecord;

/// A leaderboard within its challenge, as code.
pub(super) fn board_name(board: &Board) -> String {
    format!("`{}/{}`", board.phase, board.task)
}

pub(super) fn board_names(boards: &[Board]) -> String {
    boards.iter().map(board_name).collect::<Vec<_>>().join(", ")
}

/// A Markdown table. The second line of the header aligns the columns, for example `|---|--:|`.
pub(super) fn table(header: &str, rows: &[String]) -> String {
    format!("{header}\n{}", rows.join("\n"))
}

/// A submission as the row of a table, behind a first cell.
pub(super) fn submission_row(first: &str, record: &SubmissionRecord) -> String {
    let submission = &record.submission;
    let task = submission.task.as_ref().map_or("…", |task| task.as_str());
    format!(
        "| {first} | #{} (`{}`) | `{}` | `{}/{task}` | {} |",
        submission.number,
        submission.origin.content().short(),
        submission.team,
        submission.phase,
        submission.state.public().evaluation_as_one().label()
    )
}
