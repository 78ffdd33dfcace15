//! Compares the scorer's own aggregates with Referee's. The ranking never uses them, so a mistake in them is a note and
//! not a problem.

use std::collections::BTreeMap;

use crate::model::{CaseScore, MetricName, MetricSpec};

use super::json::Node;
use super::names::listed;

/// The largest difference that counts as rounding. It is relative for values above 1, and absolute below.
const TOLERANCE: f64 = 1e-9;

/// The scorer's aggregates of declared metrics, and notes on differences and mistakes.
pub(super) fn compare_aggregates(
    reported: Option<&Node>,
    metrics: &[MetricSpec],
    cases: &[CaseScore],
) -> (BTreeMap<MetricName, f64>, Vec<String>) {
    let mut values = BTreeMap::new();
    let members = match reported {
        None | Some(Node::Null) => return (values, Vec::new()),
        Some(Node::Object(members)) => members,
        Some(other) => {
            let note = format!("`aggregates` is {}, not an object. Referee ignores it.", other.kind());
            return (values, vec![note]);
        }
    };
    let mut notes = Vec::new();
    let declared = |key: &str| metrics.iter().any(|spec| spec.name.as_str() == key);
    let unknown: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).filter(|key| !declared(key)).collect();
    if !unknown.is_empty() {
        let names = listed(unknown);
        notes.push(format!("Referee ignores `aggregates` of undeclared metrics: {names}."));
    }
    for spec in metrics {
        match reported.and_then(|node| node.get(spec.name.as_str())) {
            None | Some(Node::Null) => {}
            Some(node) => match number(node, spec) {
                Some(value) => {
                    notes.extend(difference(value, spec, cases));
                    values.insert(spec.name.clone(), value);
                }
                None => notes.push(format!(
                    "`aggregates.{}` has no finite number for the {}. Referee ignores it.",
                    spec.name,
                    spec.aggregate.as_str()
                )),
            },
        }
    }
    (values, notes)
}

/// A number such as `0.9`, or the object's `mean` (`median` for a metric that is aggregated by the median).
fn number(node: &Node, spec: &MetricSpec) -> Option<f64> {
    match node {
        Node::Number(value) => Some(*value),
        Node::Object(_) => match node.get(spec.aggregate.as_str()) {
            Some(Node::Number(value)) => Some(*value),
            _ => None,
        },
        _ => None,
    }
}

fn difference(value: f64, spec: &MetricSpec, cases: &[CaseScore]) -> Option<String> {
    let given: Vec<Option<f64>> = cases.iter().map(|case| case.values.get(&spec.name).copied().flatten()).collect();
    let counted: Vec<f64> = given.iter().map(|v| spec.counted(*v)).collect();
    let own = spec.aggregate.of(&counted)?;
    if (value - own).abs() <= TOLERANCE * own.abs().max(1.0) {
        return None;
    }
    let filled = match given.iter().filter(|v| v.is_none()).count() {
        0 => String::new(),
        1 => format!(", with 1 missing value counted as {}", spec.counted(None)),
        n => format!(", with {n} missing values counted as {}", spec.counted(None)),
    };
    let (name, aggregate) = (&spec.name, spec.aggregate.as_str());
    Some(format!(
        "`aggregates.{name}` is {value}, but the {aggregate} over the cases is {own}{filled}. Referee uses {own}."
    ))
}
