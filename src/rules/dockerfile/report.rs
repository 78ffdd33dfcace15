//! Collects what is found in one Dockerfile, and knows its lines.

use crate::model::{Finding, Location};
use crate::rules::catalogue::DF001;
use crate::rules::policy::Policy;

/// Findings that are kept about one file.
const FINDINGS_MAX: usize = 200;

/// Findings about one file.
pub(super) struct Report<'a> {
    path: &'a str,
    lines: Vec<&'a str>,
    findings: Vec<Finding>,
}

impl<'a> Report<'a> {
    pub(super) fn new(path: &'a str, text: &'a str) -> Self {
        Self {
            path,
            lines: text.lines().collect(),
            findings: Vec::new(),
        }
    }

    /// A finding about a line.
    pub(super) fn at(&mut self, line: u32, finding: Finding) {
        let mut location = Location::line(self.path, line);
        let index = (line as usize).saturating_sub(1);
        if let Some(text) = self.lines.get(index) {
            location = location.with_text(text.trim_end());
        }
        self.push(finding.at(location));
    }

    /// A finding about the file.
    pub(super) fn whole(&mut self, finding: Finding) {
        self.push(finding.at(Location::file(self.path)));
    }

    /// Past the bound one error stands for the rest: dropping a finding must never make a file pass.
    fn push(&mut self, finding: Finding) {
        match self.findings.len() {
            ..FINDINGS_MAX => self.findings.push(finding),
            FINDINGS_MAX => {
                let message =
                    format!("More than {FINDINGS_MAX} things to say; the rest is left out");
                let location = Location::file(self.path);
                let help = "Correct the ones above first.";
                self.findings
                    .push(DF001.finding_with(message, help).at(location));
            }
            _ => {}
        }
    }

    /// Whether something was said about a line already: what follows from it need not be said.
    pub(super) fn knows(&self, line: u32) -> bool {
        self.findings
            .iter()
            .any(|f| f.location.as_ref().is_some_and(|p| p.line == Some(line)))
    }

    /// Everything, in the order of the lines, with the weights of this challenge.
    pub(super) fn finish(self, policy: &Policy) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self
            .findings
            .into_iter()
            .map(|f| policy.adjust(f))
            .collect();
        findings.sort_by_key(|f| f.location.as_ref().and_then(|p| p.line).unwrap_or(u32::MAX));
        findings.dedup();
        findings
    }
}
