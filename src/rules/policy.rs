//! What the organizers of one challenge allow, as far as the rules need to know it.
//!
//! A policy can make any rule weigh more. It cannot make a firm rule weigh less: those hold up the
//! sandbox, or say that we could not read what we were given.

use std::collections::BTreeMap;

use super::catalogue;
use crate::model::{Contract, Finding, Severity};

/// What is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Names that `FROM` may have, exactly as written there: `python:3.11`, `name@sha256:…`, or
    /// `scratch`.
    pub bases: Vec<String>,
    /// The architecture that runs: `amd64`, `arm64`.
    pub architecture: String,
    /// Paths that are mounted over when the container runs: inputs and outputs.
    pub mounts: Vec<String>,
    /// Whether `RUN` steps have a network.
    pub build_network: bool,
    /// Rules that weigh more or less than by default, by code.
    pub severities: BTreeMap<String, Severity>,
}

impl Policy {
    /// A policy for tasks with these contracts, on `amd64` and without a network in builds.
    pub fn new<'a>(
        bases: impl IntoIterator<Item = impl Into<String>>,
        contracts: impl IntoIterator<Item = &'a Contract>,
    ) -> Self {
        let mut mounts: Vec<String> = contracts
            .into_iter()
            .flat_map(|c| [c.input.clone(), c.output.clone()])
            .collect();
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

    /// The same policy with a challenge's own weights.
    #[must_use]
    pub fn with_severities(mut self, severities: BTreeMap<String, Severity>) -> Self {
        self.severities = severities;
        self
    }

    /// `linux/amd64`.
    pub fn platform(&self) -> String {
        format!("linux/{}", self.architecture)
    }

    /// Gives a finding the weight that it has in this challenge.
    #[must_use]
    pub fn adjust(&self, mut finding: Finding) -> Finding {
        if let Some(&wanted) = self.severities.get(&finding.code) {
            let firm = catalogue::rule(&finding.code).is_none_or(|r| r.firm);
            if wanted > finding.severity || !firm {
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
    fn only_these_rules_can_be_made_lighter() {
        // What is not here holds up the sandbox, the hidden data or the reading itself: another
        // entry is a decision.
        let expected = [
            "SRC005", "SRC007", "SRC008", "SRC010", "SRC011", "DF033", "DF034", "DF035", "DF040",
            "DF041", "DF050", "DF060", "DF061", "DF062", "DF063", "IMG008", "OUT007", "OUT013",
            "QTA004", "QTA005",
        ];
        let all = catalogue::RULES;
        let lowered = all.iter().map(|r| (r.code.to_owned(), Severity::Advice));
        let state = Policy::new(["python"], []).with_severities(lowered.collect());
        let raised = all.iter().map(|r| (r.code.to_owned(), Severity::Error));
        let heavy = Policy::new(["python"], []).with_severities(raised.collect());
        let mut adjustable = Vec::new();
        for rule in all {
            let severity = state.adjust(rule.finding("x")).severity;
            match rule.firm {
                true => assert_eq!(severity, rule.severity, "{}", rule.code),
                false => {
                    assert_eq!(severity, Severity::Advice, "{}", rule.code);
                    adjustable.push(rule.code);
                }
            }
            assert!(heavy.adjust(rule.finding("x")).is_error(), "{}", rule.code);
        }
        assert_eq!(adjustable, expected);
    }

    #[test]
    fn firm_rules_can_be_made_heavier_and_never_lighter() {
        let weights = [("DF020", Severity::Advice), ("DF041", Severity::Error)];
        let policy = Policy::new(["python"], [])
            .with_severities(weights.map(|(c, s)| (c.to_owned(), s)).into());
        assert!(policy.adjust(DF020.finding("x")).is_error());
        assert!(policy.adjust(DF041.finding("x")).is_error());
        let state = Policy::new(["python"], [])
            .with_severities([("DF041".to_owned(), Severity::Advice)].into());
        assert_eq!(state.adjust(DF041.finding("x")).severity, Severity::Advice);
    }
}
