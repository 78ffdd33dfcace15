//! The problems of a `metrics.json`, for the organizers whose scorer wrote it.

use std::fmt;

use serde::Serialize;

use crate::model::limits;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MetricsProblem {
    /// Stable. [`crate::scoring`] lists all codes.
    pub code: &'static str,
    /// `results[3].dice`, or `line 4, column 17`.
    pub location: String,
    /// One sentence that states the problem.
    pub message: String,
    /// One sentence that explains how to fix it.
    pub help: String,
}

/// `SCR012 at results[3].dice: 1.5 is outside the declared bounds 0 to 1. Correct the scorer ...`
impl fmt::Display for MetricsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, location, message, help } = self;
        write!(f, "{code} at {location}: {message} {help}")
    }
}

/// Collects problems. Problems beyond [`limits::FINDINGS_LISTED_MAX`] are only counted.
#[derive(Debug, Default)]
pub(super) struct Problems {
    listed: Vec<MetricsProblem>,
    more: usize,
}

impl Problems {
    pub(super) fn add(
        &mut self,
        code: &'static str,
        location: impl Into<String>,
        message: impl Into<String>,
        help: &str,
    ) {
        if self.listed.len() == limits::FINDINGS_LISTED_MAX {
            self.more += 1;
            return;
        }
        self.listed.push(MetricsProblem {
            code,
            location: location.into(),
            message: message.into(),
            help: help.to_owned(),
        });
    }

    pub(super) fn into_list(mut self) -> Vec<MetricsProblem> {
        if self.more > 0 {
            self.listed.push(MetricsProblem {
                code: "SCR099",
                location: "the whole file".to_owned(),
                message: format!("{} more problems are not listed.", self.more),
                help: "Fix the problems above first.".to_owned(),
            });
        }
        self.listed
    }
}
