//! What is wrong with a `metrics.json`, told to the organizers whose scorer wrote it.

use std::fmt;

use serde::Serialize;

use crate::model::limits;

/// One problem: where it is, what it is, what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Stable code, listed in [`crate::scoring`].
    pub code: &'static str,
    /// Where in the file: `results[3].dice`, or `line 4, column 17`.
    pub location: String,
    /// One sentence that says what is wrong.
    pub message: String,
    /// One sentence that says what to do.
    pub help: String,
}

/// `SCR012 at results[3].dice: 1.5 is above the bound 1. Correct the scorer ...`
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            code,
            location,
            message,
            help,
        } = self;
        write!(f, "{code} at {location}: {message} {help}")
    }
}

/// Collects problems, and counts those beyond what anyone would read.
#[derive(Debug, Default)]
pub(super) struct Problems {
    listed: Vec<Problem>,
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
        if self.listed.len() == limits::FINDINGS_SHOWN_MAX {
            self.more += 1;
            return;
        }
        self.listed.push(Problem {
            code,
            location: location.into(),
            message: message.into(),
            help: help.to_owned(),
        });
    }

    /// All problems; empty if there are none.
    pub(super) fn into_list(mut self) -> Vec<Problem> {
        if self.more > 0 {
            self.listed.push(Problem {
                code: "SCR099",
                location: "the whole file".to_owned(),
                message: format!("{} more problems are not listed.", self.more),
                help: "Solve those above first.".to_owned(),
            });
        }
        self.listed
    }
}
