//! The differences between the expected results and the published ones.

use std::fmt::Debug;

use referee::model::{Outcome, Severity, Submission};
use referee::store::AttemptRecord;

use crate::canary::Words;
use crate::row::Row;

/// One line for each difference: the row, the subject, the expected and the found value.
pub(crate) struct Differences {
    lines: Vec<String>,
    /// The words that no text may hold.
    hidden: Words,
}

impl Differences {
    pub(crate) fn new(hidden: Words) -> Self {
        Self { lines: Vec::new(), hidden }
    }

    fn compare<T: PartialEq + Debug>(&mut self, row: &Row, subject: &str, wanted: T, found: T) {
        if wanted != found {
            self.add(row, &format!("{subject}: {wanted:?} expected, {found:?} found"));
        }
    }

    pub(crate) fn add(&mut self, row: &Row, difference: &str) {
        self.lines.push(format!("{:<32} {difference}", row.name));
    }

    /// Compares the outcome, the stage and the codes of the findings.
    pub(crate) fn compare_result(&mut self, row: &Row, submission: &Submission, attempts: Vec<AttemptRecord>) {
        let word = |outcome: Option<Outcome>| outcome.map_or("none", Outcome::as_str);
        let outcome = word(submission.outcome());
        self.compare(row, "outcome", word(Some(row.outcome)), outcome);
        self.compare(row, "stage", row.stage, submission.stage());
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
            self.add(row, &format!("no warning {code} among {warnings:?}"));
        }
    }

    /// Requires the expected message in each of the reports, and searches the reports and the other texts for hidden
    /// words.
    pub(crate) fn compare_texts(&mut self, row: &Row, reports: &[&str], elsewhere: &str) {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        for report in reports {
            if !words(report).contains(&words(&row.message)) {
                let message = &row.message;
                self.add(row, &format!("no `{message}` in the report:\n{report}"));
            }
        }
        for text in reports.iter().chain([&elsewhere]) {
            let mut never: Vec<String> = row.never.clone();
            never.retain(|part| text.contains(part));
            never.extend(self.hidden.find(text));
            for part in never {
                self.add(row, &format!("`{part}` is shown:\n{text}"));
            }
        }
    }

    pub(crate) fn none_or_panic(self) {
        let lines = self.lines;
        assert!(lines.is_empty(), "differences:\n{}", lines.join("\n"));
    }
}
