//! The settings of one challenge for the rules.
//!
//! A challenge may raise the severity of any rule. It may lower only that of overridable rules. The other rules protect
//! the sandbox, or report that Referee could not read the submission.

use std::collections::BTreeMap;

use super::catalogue;
use crate::model::{Contract, Finding, Severity};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The names that `FROM` may have, exactly as written: `python:3.11`, `name@sha256:…`, or `scratch`.
    pub bases: Vec<String>,
    /// The server's architecture: `amd64`, `arm64`.
    pub architecture: String,
    /// The mount points of the running container for inputs and outputs.
    pub mounts: Vec<String>,
    /// Whether `RUN` steps have a network.
    pub build_network: bool,
    /// The challenge's own severities, by code.
    pub severities: BTreeMap<String, Severity>,
}

impl Policy {
    /// For tasks with these contracts, on `amd64` and without a network in builds.
    pub fn new<'a>(
        bases: impl IntoIterator<Item = impl Into<String>>,
        contracts: impl IntoIterator<Item = &'a Contract>,
    ) -> Self {
        let mut mounts: Vec<String> = contracts.into_iter().flat_map(|c| [c.input.clone(), c.output.clone()]).collect();
        mounts.sort();
        mounts.dedup();
        Self {
            bases: bases.into_iter().map(Into::into).collect(),
            architecture: "amd64".into(),
            mounts,
            build_network: false,
            severities: BTreeMap::new(),
        }
    }

    #[must_use]
    pub fn with_severities(mut self, severities: BTreeMap<String, Severity>) -> Self {
        self.severities = severities;
        self
    }

    /// `linux/amd64`.
    pub fn platform(&self) -> String {
        format!("linux/{}", self.architecture)
    }

    /// The finding with its severity in this challenge.
    #[must_use]
    pub fn apply_severity(&self, mut finding: Finding) -> Finding {
        if let Some(&wanted) = self.severities.get(&finding.code) {
            let overridable = catalogue::rule(&finding.code).is_some_and(|r| r.overridable);
            if wanted > finding.severity || overridable {
                finding.severity = wanted;
            }
        }
        finding
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::catalogue::{DF020, DF041};

    #[test]
    fn only_these_rules_are_overridable() {
        // All other rules protect the sandbox, the hidden data or the reading of the submission. A new entry needs a
        // decision.
        let expected = [
            "SRC005", "SRC007", "SRC008", "SRC010", "SRC011", "DF033", "DF034", "DF035", "DF040", "DF041", "DF050",
            "DF060", "DF061", "DF062", "DF063", "IMG008", "OUT007", "OUT013", "QTA004", "QTA005",
        ];
        let all = catalogue::RULES;
        let lowered = all.iter().map(|r| (r.code.to_owned(), Severity::Advice));
        let lenient = Policy::new(["python"], []).with_severities(lowered.collect());
        let raised = all.iter().map(|r| (r.code.to_owned(), Severity::Error));
        let strict = Policy::new(["python"], []).with_severities(raised.collect());
        let mut overridable = Vec::new();
        for rule in all {
            let severity = lenient.apply_severity(rule.finding("x")).severity;
            if rule.overridable {
                assert_eq!(severity, Severity::Advice, "{}", rule.code);
                overridable.push(rule.code);
            } else {
                assert_eq!(severity, rule.severity, "{}", rule.code);
            }
            let raised = strict.apply_severity(rule.finding("x"));
            assert!(raised.is_error(), "{}", rule.code);
        }
        assert_eq!(overridable, expected);
    }

    #[test]
    fn the_severity_of_a_rule_can_be_raised_but_lowered_only_if_it_is_overridable() {
        let severities = [("DF020", Severity::Advice), ("DF041", Severity::Error)];
        let policy = Policy::new(["python"], []).with_severities(severities.map(|(c, s)| (c.to_owned(), s)).into());
        assert!(policy.apply_severity(DF020.finding("x")).is_error());
        assert!(policy.apply_severity(DF041.finding("x")).is_error());
        let lenient = Policy::new(["python"], []).with_severities([("DF041".to_owned(), Severity::Advice)].into());
        let lowered = lenient.apply_severity(DF041.finding("x"));
        assert_eq!(lowered.severity, Severity::Advice);
    }
}
