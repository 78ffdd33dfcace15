//! From rows to views: what people see of submissions and boards.
//!
//! Every view that leaves this module has passed `report::redact`; nothing unredacted is public.

mod board;
mod submission;

pub use board::{Rows, board, home, standings};
pub use submission::submission;
