//! The content of the leaderboard repository: a page of all public boards, and each board as a
//! table and as a plot.
//!
//! Equal standings give equal bytes, so that a commit means a change: nothing here tells when it
//! was made, nor how many submissions are under way. Hidden boards are refused at the door.

use std::collections::BTreeMap;

use super::{BoardView, Titled, board_text};
use crate::model::{BoardVisibility, ChallengeSlug, Show};

mod plot;
mod readme;

/// The page of all boards.
const README: &str = "README.md";

/// A challenge as everybody may see it.
#[derive(Debug, Clone, PartialEq)]
pub struct ChallengePublication {
    challenge: Titled<ChallengeSlug>,
    public_url: Option<String>,
    boards: Vec<PublishedBoard>,
}

/// A public board.
#[derive(Debug, Clone, PartialEq)]
struct PublishedBoard {
    view: BoardView,
    /// Whether organizers keep it as it is.
    frozen: bool,
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

    /// Adds a board that everybody may see, in the order of the page.
    #[must_use]
    pub fn with_public_board(mut self, view: BoardView) -> Self {
        let frozen = view.frozen.is_some();
        self.boards.push(PublishedBoard { view, frozen });
        self
    }

    /// Adds a board, in the order of the page; unless its phase hides it, when nothing of it is kept.
    #[must_use]
    pub fn with_board(mut self, view: BoardView, show: &Show, frozen: bool) -> Self {
        match show.board {
            BoardVisibility::Hidden => {}
            BoardVisibility::Live => self.boards.push(PublishedBoard { view, frozen }),
        }
        self
    }
}

impl PublishedBoard {
    /// Path of one of its files.
    fn path(&self, extension: &str) -> String {
        let board = &self.view.board;
        format!("{}/{}.{extension}", board.phase, board.task)
    }
}

/// All files by their paths.
pub fn files(publication: &ChallengePublication) -> BTreeMap<String, Vec<u8>> {
    let readme = readme::page(publication);
    let mut files = BTreeMap::from([(README.to_owned(), readme.into_bytes())]);
    for board in &publication.boards {
        files.insert(board.path("csv"), board_text::csv(&board.view).into_bytes());
        files.insert(board.path("svg"), plot::svg(&board.view).into_bytes());
    }
    files
}
