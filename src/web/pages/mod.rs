//! The pages: pure functions from views to HTML.
//!
//! This module has no handlers and reads no rows. Callers build a view, redact it and pass it in. Pages have no inline
//! script and no inline style, so that [`CONTENT_SECURITY_POLICY`] can forbid both. They are complete without the
//! script.
//!
//! A live page names its event stream in `data-events`. On an event `board` or `submission`, the script fetches the
//! page with `?fragment=1` and replaces the content of `#live` with the answer, which one of the `*_fragment` functions
//! renders.

mod board;
mod error;
mod home;
mod layout;
mod parts;
mod rules;
#[cfg(test)]
mod samples;
mod score;
mod submission;

pub use board::{board, board_fragment};
pub use error::{ErrorView, error};
pub use home::{challenge, home};
pub use rules::rules;
pub use submission::{submission, submission_fragment};

/// The policy of every page: it loads only from its own host, runs no inline script, applies no inline style, and no
/// page can frame it.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; \
    script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

#[cfg(test)]
mod tests;
