//! The pages: pure functions from views to HTML.
//!
//! No handler, no route, no row: whoever serves a page makes its view, redacts it and passes it in.
//! Pages hold no script and no style of their own, so that [`CONTENT_SECURITY_POLICY`] can forbid
//! both; they say everything without the script, and stay true with it.
//!
//! A live page names its stream of events in `data-events`. When the stream says `board` or
//! `submission`, the script fetches the page with `?fragment=1` and puts the answer (one of the
//! `*_fragment` functions here) in place of what `#live` holds.

mod board;
mod error;
mod home;
mod layout;
mod parts;
mod rules;
mod samples;
mod score;
mod submission;

pub use board::{board, board_fragment};
pub use error::{ErrorView, error};
pub use home::{challenge, home};
pub use rules::{RuleDoc, rules};
pub use samples::render_all_samples;
pub use submission::{submission, submission_fragment};

/// Sent with every page. Pages load from their own host only, run no inline script, apply no inline
/// style, and can be framed by nobody.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; \
    script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

#[cfg(test)]
mod tests;
