//! From rows to views: the data of pages, reports and the JSON API about submissions and leaderboards.
//!
//! Every view that leaves this module has passed `report::redact`. Nothing unredacted is public.

mod board;
mod counting_reason;
mod submission;

pub use board::{BoardReader, board, home, standings};
pub use submission::submission;
