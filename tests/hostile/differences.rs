//! What differs between the verdicts that were expected and those that were told.

use std::fmt::Debug;

use referee::model::{Outcome, Severity, Stage};
use referee::store::AttemptRecord;

use crate::canary::Words;
use crate::row::Row;

/// What differs, one line each: case, what, expected, found.
pub struct Differences {
    lines: Vec<String>,
    /// What nobody may be told.
    words: Words,
}

impl Differences {
    /// None yet; these words may never be shown.
    pub fn new(words: Words) -> Self {
        Self {
            lines: Vec::new(),
            words,
        }
    }

    pub fn compare<T: PartialEq + Debug>(&mut self, row: &Row, what: &str, wanted: T, found: T) {
        if wanted != found {
            self.notify(
                row,
                &format!("{what}: {wanted:?} expected, {found:?} found"),
            );
        }
    }

    pub fn notify(&mut self, row: &Row, what: &str) {
        self.lines.push(format!("{:<32} {what}", row.name));
    }

    /// The verdict and the codes of the findings.
    pub fn verdict(
        &mut self,
        row: &Row,
        (outcome, stage): (Option<Outcome>, Stage),
        attempts: Vec<AttemptRecord>,
    ) {
        let word = |outcome: Option<Outcome>| outcome.map_or("none", Outcome::as_str);
        self.compare(row, "outcome", word(Some(row.outcome)), word(outcome));
        self.compare(row, "stage", row.stage, stage);
        let findings = attempts.into_iter().flat_map(|a| a.findings);
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        for finding in findings {
            let list = match finding.severity {
                Severity::Error => &mut errors,
                _ => &mut warnings,
            };
            if !list.contains(&finding.code) {
                list.push(finding.code);
            }
        }
        self.compare(row, "codes", &row.codes, &errors);
        for code in row.warnings.iter().filter(|code| !warnings.contains(code)) {
            self.notify(row, &format!("no warning {code} among {warnings:?}"));
        }
    }

    /// What the participant reads in each of the reports; and never reads, there or elsewhere.
    pub fn shown(&mut self, row: &Row, reports: &[&str], elsewhere: &str) {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        for report in reports {
            if !words(report).contains(&words(&row.message)) {
                let message = &row.message;
                self.notify(
                    row,
                    &format!("the report does not say `{message}`:\n{report}"),
                );
            }
        }
        for text in reports.iter().chain([&elsewhere]) {
            let mut never: Vec<String> = row.never.clone();
            never.retain(|part| text.contains(part));
            never.extend(self.words.told(text));
            for part in never {
                self.notify(row, &format!("`{part}` is shown:\n{text}"));
            }
        }
    }

    pub fn none_or_panic(self) {
        let lines = self.lines;
        assert!(lines.is_empty(), "differences:\n{}", lines.join("\n"));
    }
}
