//! Collects what is found in one Dockerfile, and knows its lines.

use crate::model::{Finding, Place};
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
        let mut place = Place::line(self.path, line);
        let index = (line as usize).saturating_sub(1);
        if let Some(text) = self.lines.get(index) {
            place = place.with_text(text.trim_end());
        }
        self.push(finding.at(place));
    }

    /// A finding about the file.
    pub(super) fn whole(&mut self, finding: Finding) {
        self.push(finding.at(Place::file(self.path)));
    }

    /// Past the bound one error stands for the rest: dropping a finding must never make a file pass.
    fn push(&mut self, finding: Finding) {
        match self.findings.len() {
            ..FINDINGS_MAX => self.findings.push(finding),
            FINDINGS_MAX => {
                let says = format!("More than {FINDINGS_MAX} things to say; the rest is left out");
                let place = Place::file(self.path);
                let remedy = "Correct the ones above first.";
                self.findings.push(DF001.says_with(says, remedy).at(place));
            }
            _ => {}
        }
    }

    /// Whether something was said about a line already: what follows from it need not be said.
    pub(super) fn knows(&self, line: u32) -> bool {
        self.findings
            .iter()
            .any(|f| f.place.as_ref().is_some_and(|p| p.line == Some(line)))
    }

    /// Everything, in the order of the lines, with the weights of this challenge.
    pub(super) fn finish(self, policy: &Policy) -> Vec<Finding> {
        let mut findings: Vec<Finding> =
            self.findings.into_iter().map(|f| policy.weigh(f)).collect();
        findings.sort_by_key(|f| f.place.as_ref().and_then(|p| p.line).unwrap_or(u32::MAX));
        findings.dedup();
        findings
    }
}
