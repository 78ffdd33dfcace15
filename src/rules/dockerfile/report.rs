//! Collects the findings of one Dockerfile, with their source lines.

use crate::model::{Finding, Location};
use crate::rules::catalogue::DF001;
use crate::rules::policy::Policy;

/// Findings of one file that are kept.
const FINDINGS_MAX: usize = 200;

pub(super) struct Report<'a> {
    path: &'a str,
    lines: Vec<&'a str>,
    findings: Vec<Finding>,
}

impl<'a> Report<'a> {
    pub(super) fn new(path: &'a str, text: &'a str) -> Self {
        Self { path, lines: text.lines().collect(), findings: Vec::new() }
    }

    /// Adds a finding for a line.
    pub(super) fn at(&mut self, line: u32, finding: Finding) {
        let mut location = Location::line(self.path, line);
        let index = (line as usize).saturating_sub(1);
        if let Some(text) = self.lines.get(index) {
            location = location.with_text(text.trim_end());
        }
        self.push(finding.at(location));
    }

    /// Adds a finding for the whole file.
    pub(super) fn whole_file(&mut self, finding: Finding) {
        self.push(finding.at(Location::file(self.path)));
    }

    /// Beyond the limit, one error replaces all further findings. A file must not pass because findings were dropped.
    fn push(&mut self, finding: Finding) {
        match self.findings.len() {
            ..FINDINGS_MAX => self.findings.push(finding),
            FINDINGS_MAX => {
                let message = format!("The Dockerfile has more than {FINDINGS_MAX} findings. The rest is left out");
                let location = Location::file(self.path);
                let help = "Correct the findings above first.";
                self.findings.push(DF001.finding_with(message, help).at(location));
            }
            _ => {}
        }
    }

    /// Whether the line has a finding already. Consequences of it need no finding.
    pub(super) fn has_finding_at(&self, line: u32) -> bool {
        self.findings.iter().any(|f| f.location.as_ref().is_some_and(|p| p.line == Some(line)))
    }

    /// All findings in the order of the lines, with the severities of the challenge.
    pub(super) fn finish(self, policy: &Policy) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.findings.into_iter().map(|f| policy.apply_severity(f)).collect();
        findings.sort_by_key(|f| f.location.as_ref().and_then(|p| p.line).unwrap_or(u32::MAX));
        findings.dedup();
        findings
    }
}
