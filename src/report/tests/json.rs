//! The JSON API. The snapshots are its reference: a change of a snapshot can break programs of users. The tests of the
//! server and of the documents read them.

use crate::report::{BoardView, HomeView, SubmissionView};

#[test]
fn json_of_submissions() {
    for (name, view) in SubmissionView::samples() {
        insta::assert_json_snapshot!(format!("submission-{name}"), view);
    }
}

#[test]
fn json_of_leaderboards() {
    insta::assert_json_snapshot!("board", BoardView::sample());
    insta::assert_json_snapshot!("board-empty", BoardView::sample_empty());
    insta::assert_json_snapshot!("challenges", HomeView::sample());
}
