//! `[retention]`: how long old data is kept.
//!
//! Nothing is deleted here: `pipeline::retention` does that.

use crate::config::reader::Section;
use crate::config::values::duration;
use crate::model::{Duration, limits};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionSettings {
    /// Deliveries are deleted this long after Referee has handled them.
    pub deliveries: Duration,
}

/// Reads `[retention]`.
pub(super) fn retention(s: &Section<'_>) -> Option<RetentionSettings> {
    let deliveries = s.required("deliveries", duration)?;
    let least = limits::DELIVERIES_KEPT_LEAST;
    if deliveries < least {
        let message = format!("Deliveries must be kept for at least {}.", least.compact());
        let help = "Write a longer duration, for example `30d`.";
        s.invalid("deliveries", message, help);
        return None;
    }
    Some(RetentionSettings { deliveries })
}
