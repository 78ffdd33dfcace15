//! Referee turns a Git forge into a challenge platform for biomedical image analysis.
//!
//! ```text
//!  forge ─▶ intake ─▶ admission ─▶ build ─▶ smoke ─▶ queue ─▶ run ─▶ score ─▶ rank ─▶ report ─▶ forge
//!           Delivery   Submission   Image    sample   Job      Attempt Score   Standing outbox   note, page,
//!                      + Findings                                                                board
//! ```
//!
//! Modules in reading order; a module imports only from those above it (a test enforces this).

pub mod model;

pub mod executor;
