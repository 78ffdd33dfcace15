//! The content of the leaderboard repository: a page of all public boards, and each board as a
//! table and as a plot.
//!
//! Equal standings give equal bytes, so that a commit means a change: nothing here tells when it
//! was made, nor how many submissions are under way. Of hidden boards it is given nothing.

use std::collections::BTreeMap;

use super::{BoardView, Titled, board_text};
use crate::model::ChallengeSlug;

mod plot;
mod readme;

/// The page of all boards.
const README: &str = "README.md";

/// A challenge as everybody may see it.
#[derive(Debug, Clone, PartialEq)]
pub struct ChallengePublication {
    challenge: Titled<ChallengeSlug>,
    public_url: Option<String>,
    boards: Vec<BoardView>,
}

impl ChallengePublication {
    /// A challenge without boards. `public_url` is where the pages of this server are seen from
    /// outside, if they are: `https://challenge.example`.
    pub fn new(challenge: Titled<ChallengeSlug>, public_url: Option<String>) -> Self {
        Self {
            challenge,
            public_url,
            boards: vec![],
        }
    }

    /// Adds a board that everybody may see, in the order of the page. Of a hidden one there is no view.
    #[must_use]
    pub fn with_board(mut self, view: BoardView) -> Self {
        self.boards.push(view);
        self
    }
}

/// Path of one of a board's files.
fn path(view: &BoardView, extension: &str) -> String {
    let board = &view.board;
    format!("{}/{}.{extension}", board.phase, board.task)
}

/// All files by their paths.
pub fn files(publication: &ChallengePublication) -> BTreeMap<String, Vec<u8>> {
    let readme = readme::page(publication);
    let mut files = BTreeMap::from([(README.to_owned(), readme.into_bytes())]);
    for view in &publication.boards {
        files.insert(path(view, "csv"), board_text::csv(view).into_bytes());
        files.insert(path(view, "svg"), plot::svg(view).into_bytes());
    }
    files
}
