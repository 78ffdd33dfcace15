//! The scorer's own aggregates, compared with ours. They are never ranked by, so whatever is wrong
//! with them is a note and no problem.

use std::collections::BTreeMap;

use crate::model::{CaseScore, MetricName, MetricSpec};

use super::json::Node;
use super::names::listed;

/// Differences up to this, relative to the value where that is larger than 1, are rounding.
const TOLERANCE: f64 = 1e-9;

/// What the scorer reported for declared metrics, and notes on what does not fit.
pub fn compare(
    reported: Option<&Node>,
    metrics: &[MetricSpec],
    cases: &[CaseScore],
) -> (BTreeMap<MetricName, f64>, Vec<String>) {
    let mut values = BTreeMap::new();
    let members = match reported {
        None | Some(Node::Null) => return (values, Vec::new()),
        Some(Node::Object(members)) => members,
        Some(other) => {
            let note = format!("`aggregates` is {}, not an object; ignored.", other.kind());
            return (values, vec![note]);
        }
    };
    let mut notes = Vec::new();
    let declared = |key: &str| metrics.iter().any(|spec| spec.name.as_str() == key);
    let unknown: Vec<&str> = members
        .iter()
        .map(|(key, _)| key.as_str())
        .filter(|key| !declared(key))
        .collect();
    if !unknown.is_empty() {
        let names = listed(unknown);
        notes.push(format!(
            "`aggregates` of no declared metric, ignored: {names}."
        ));
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
                    "`aggregates.{}` holds no finite number for the {}; ignored.",
                    spec.name,
                    spec.aggregate.as_str()
                )),
            },
        }
    }
    (values, notes)
}

/// `0.9`, or the `mean` (or `median`, if that is how the metric is aggregated) of an object.
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
    let given: Vec<Option<f64>> = cases
        .iter()
        .map(|case| case.values.get(&spec.name).copied().flatten())
        .collect();
    let counted: Vec<f64> = given.iter().map(|v| spec.counted(*v)).collect();
    let own = spec.aggregate.of(&counted)?;
    if (value - own).abs() <= TOLERANCE * own.abs().max(1.0) {
        return None;
    }
    let filled = match given.iter().filter(|v| v.is_none()).count() {
        0 => String::new(),
        1 => format!(", the missing value counted as {}", spec.counted(None)),
        n => format!(", {n} missing values counted as {}", spec.counted(None)),
    };
    let (name, what) = (&spec.name, spec.aggregate.as_str());
    Some(format!(
        "`aggregates.{name}` is {value}, but the {what} over the cases is {own}{filled}. \
         The latter counts."
    ))
}
