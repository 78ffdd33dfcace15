//! `[retention]`: what is forgotten, and when.
//!
//! Forgets nothing itself.

use crate::config::reader::Section;
use crate::config::values::span;
use crate::model::{Duration, limits};

/// What is forgotten, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionSettings {
    /// Deliveries that were acted on so long ago.
    pub deliveries: Duration,
}

/// Reads `[retention]`.
pub fn read(s: &Section<'_>) -> Option<RetentionSettings> {
    let deliveries = s.required("deliveries", span)?;
    let least = limits::DELIVERIES_KEPT_LEAST;
    if deliveries < least {
        let message = format!("Deliveries are kept for {} at least.", least.written());
        s.bad(
            "deliveries",
            message,
            "Write a longer time, for example `30d`.",
        );
        return None;
    }
    Some(RetentionSettings { deliveries })
}
