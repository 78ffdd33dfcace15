//! The files of the leaderboard repository: a page of all public leaderboards, and a table and a plot of each.
//!
//! Equal standings give equal files, so that every commit is a change of the standings. The files therefore have no
//! creation time and no number of submissions in progress. Callers pass no hidden leaderboards.

use std::collections::BTreeMap;

use super::{BoardView, Titled, board_text};
use crate::model::ChallengeSlug;

mod plot;
mod readme;

/// The page of all leaderboards.
const README: &str = "README.md";

/// The public view of a challenge.
#[derive(Debug, Clone, PartialEq)]
pub struct ChallengePublication {
    challenge: Titled<ChallengeSlug>,
    public_url: Option<String>,
    boards: Vec<BoardView>,
}

impl ChallengePublication {
    /// A challenge without leaderboards. `public_url` is the public address of this server's pages, if there is one:
    /// `https://challenge.example`.
    pub fn new(challenge: Titled<ChallengeSlug>, public_url: Option<String>) -> Self {
        Self { challenge, public_url, boards: vec![] }
    }

    /// Adds a public leaderboard to the end of the page.
    #[must_use]
    pub fn with_board(mut self, view: BoardView) -> Self {
        self.boards.push(view);
        self
    }
}

/// The path of a leaderboard's file.
fn path(view: &BoardView, extension: &str) -> String {
    let board = &view.board;
    format!("{}/{}.{extension}", board.phase, board.task)
}

/// All files by path.
pub fn files(publication: &ChallengePublication) -> BTreeMap<String, Vec<u8>> {
    let readme = readme::page(publication);
    let mut files = BTreeMap::from([(README.to_owned(), readme.into_bytes())]);
    for view in &publication.boards {
        files.insert(path(view, "csv"), board_text::csv(view).into_bytes());
        files.insert(path(view, "svg"), plot::svg(view).into_bytes());
    }
    files
}
