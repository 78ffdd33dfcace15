//! A problem of a submission, as its participant reads it: stable code, severity, location, message and help.
//!
//! A finding never reports a platform error. Those are `anyhow` errors inside Referee, and an incident number outside.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr, VariantArray};

/// The order of the variants is the order of severity.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Severity {
    /// Changes nothing for the submission.
    Advice,
    /// Probably a mistake. The submission continues.
    Warning,
    /// The submission ends.
    Error,
}

/// A position in the repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    /// Path from the root of the repository, `/`-separated.
    pub file: String,
    /// Line, counted from 1.
    pub line: Option<u32>,
    /// Column in characters, counted from 1.
    pub column: Option<u32>,
    /// The source line, shortened. Reports underline it as rustc does.
    pub text: Option<String>,
}

impl Location {
    /// A file, without a line.
    pub fn file(file: impl Into<String>) -> Self {
        Self { file: file.into(), line: None, column: None, text: None }
    }

    pub fn line(file: impl Into<String>, line: u32) -> Self {
        Self { line: Some(line), ..Self::file(file) }
    }

    /// Adds the source line, cut to [`LOCATION_TEXT_CHARS_MAX`](super::limits::LOCATION_TEXT_CHARS_MAX).
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        let text: String = text.into();
        self.text = Some(text.chars().take(super::limits::LOCATION_TEXT_CHARS_MAX).collect());
        self
    }
}

/// `Dockerfile:7:3`, `Dockerfile:7` or `Dockerfile`.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Finding {
    /// Stable code, for example `DF020`; its documentation is at `/rules#DF020`.
    pub code: String,
    pub severity: Severity,
    /// `None` if the finding concerns no single position.
    pub location: Option<Location>,
    /// One sentence that states the problem.
    pub message: String,
    /// One or two sentences that explain how to fix it.
    pub help: String,
}

impl Finding {
    pub fn error(code: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message, help)
    }

    pub fn warning(code: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message, help)
    }

    pub fn new(severity: Severity, code: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code: code.to_owned(), severity, location: None, message: message.into(), help: help.into() }
    }

    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Whether the submission ends because of these findings.
pub fn any_error(findings: &[Finding]) -> bool {
    findings.iter().any(Finding::is_error)
}
