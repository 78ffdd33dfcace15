//! A check of the installation, as `referee doctor` shows it.

/// How much a problem matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckSeverity {
    /// A second line of defence is missing, or the check cannot see everything from here. Submissions can be run.
    Warning,
    /// Submissions would fail, or would not be confined.
    Error,
}

/// A difference between the observation and the expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub severity: CheckSeverity,
    pub expected: String,
    /// How to fix it.
    pub help: String,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// `forge gitea`, `organizers of nuclei`.
    pub name: String,
    /// The observation.
    pub seen: String,
    pub problem: Option<Problem>,
}

impl Check {
    /// A check without a problem.
    pub fn ok(name: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { name: name.into(), seen: seen.into(), problem: None }
    }

    /// The same observation, as a problem.
    #[must_use]
    pub fn with_problem(self, severity: CheckSeverity, expected: impl Into<String>, help: impl Into<String>) -> Self {
        let problem = Problem { severity, expected: expected.into(), help: help.into() };
        Self { problem: Some(problem), ..self }
    }
}
