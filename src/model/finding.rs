//! What a participant is told about a fault of a submission: stable code, place, sentence, remedy.
//!
//! A finding is never about us: infrastructure faults are `anyhow` errors inside and an incident
//! number outside.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; changes nothing.
    Advice,
    /// Will probably hurt; the submission goes on.
    Warning,
    /// The submission ends here.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Padded, because lists have columns.
        f.pad(match self {
            Self::Advice => "advice",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Where in the repository a finding points to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    /// Path from the root of the repository, `/`-separated.
    pub file: String,
    /// Line, counted from 1.
    pub line: Option<u32>,
    /// Column in characters, counted from 1.
    pub column: Option<u32>,
    /// The source line itself, shortened; what rustc-like diagnostics underline.
    pub text: Option<String>,
}

impl Location {
    /// A whole file.
    pub fn file(file: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: None,
            column: None,
            text: None,
        }
    }

    /// A line of a file.
    pub fn line(file: impl Into<String>, line: u32) -> Self {
        Self {
            line: Some(line),
            ..Self::file(file)
        }
    }

    /// The same place with its source line.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        let text: String = text.into();
        self.text = Some(
            text.chars()
                .take(super::limits::PLACE_TEXT_CHARS_MAX)
                .collect(),
        );
        self
    }
}

/// `Dockerfile:7`, or the file alone.
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

/// One fault, complete: what, where, how to fix it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Finding {
    /// Stable code, for example `DF020`; its documentation is at `/rules#DF020`.
    pub code: String,
    /// How much it weighs.
    pub severity: Severity,
    /// Where, if at one place.
    pub location: Option<Location>,
    /// One sentence that says what is wrong.
    pub message: String,
    /// One sentence that says what to do.
    pub help: String,
}

impl Finding {
    /// A finding that ends the submission.
    pub fn error(code: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message, help)
    }

    /// A finding that the submission survives.
    pub fn warning(code: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message, help)
    }

    /// A finding of the given weight.
    pub fn new(
        severity: Severity,
        code: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            code: code.to_owned(),
            severity,
            location: None,
            message: message.into(),
            help: help.into(),
        }
    }

    /// The same finding, pointing to a place.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// Whether the submission ends here.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Whether any of these findings ends the submission.
pub fn any_error(findings: &[Finding]) -> bool {
    findings.iter().any(Finding::is_error)
}
