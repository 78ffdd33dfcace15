//! Hostile jobs.
