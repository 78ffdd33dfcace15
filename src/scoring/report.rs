//! Reads the bytes of `metrics.json` into a score, or into a list of all problems.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{CaseId, CaseScore, MetricSpec, MissingRule, Score, limits};

use super::aggregates;
use super::json::{self, Node, ParseErrorReason};
use super::names::{clean, listed, looks_like, quoted};
use super::problem::{MetricsProblem, Problems};
use super::results::{ResultRow, rows, rows_by_case};

/// Keys of a result that are not metrics.
const RESERVED: [&str; 2] = ["case", "reason"];

/// A scorer's report that follows the contract.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreReport {
    /// Has every case of the manifest and every declared metric.
    pub score: Score,
    /// Information for organizers, one sentence each. No decision depends on it.
    pub notes: Vec<String>,
}

/// Reads a `metrics.json` and checks it against the declared metrics and the cases of the manifest.
///
/// # Errors
/// All problems at once: at least one, and at most [`limits::FINDINGS_LISTED_MAX`] and a count of the rest.
pub fn read_metrics(
    bytes: &[u8],
    metrics: &[MetricSpec],
    cases: &[CaseId],
) -> Result<ScoreReport, Vec<MetricsProblem>> {
    let mut problems = Problems::default();
    let report = check(bytes, metrics, cases, &mut problems);
    match (report, problems.into_list()) {
        (Some(report), problems) if problems.is_empty() => Ok(report),
        (_, problems) => Err(problems),
    }
}

/// The report as far as it can be read. `None` only after a problem was added.
fn check(bytes: &[u8], metrics: &[MetricSpec], cases: &[CaseId], problems: &mut Problems) -> Option<ScoreReport> {
    let root = parse(bytes, problems)?;
    let rows = rows(&root, problems)?;
    let undeclared: BTreeSet<&str> = rows
        .iter()
        .flat_map(ResultRow::keys)
        .filter(|key| !RESERVED.contains(key))
        .filter(|key| metrics.iter().all(|spec| spec.name.as_str() != *key))
        .collect();
    for spec in metrics {
        check_present(spec, &rows, &undeclared, problems);
    }
    let found = rows_by_case(&rows, cases, problems);
    let mut scores = Vec::with_capacity(cases.len());
    for (case, row) in cases.iter().zip(found) {
        scores.push(CaseScore {
            case: case.clone(),
            values: values(row, metrics, problems),
            reason: row.and_then(reason),
        });
    }
    let (reported, mut notes) = aggregates::compare_aggregates(root.get("aggregates"), metrics, &scores);
    if !undeclared.is_empty() {
        let names = listed(undeclared);
        notes.push(format!("Referee ignores undeclared keys of `results`: {names}."));
    }
    let score = Score { cases: scores, reported };
    Some(ScoreReport { score, notes })
}

/// The tree of values. `None` after a problem of the whole text was added.
fn parse(bytes: &[u8], problems: &mut Problems) -> Option<Node> {
    if bytes.len() as u64 > limits::METRICS_BYTES_MAX {
        let bytes_max = limits::METRICS_BYTES_MAX;
        let message = format!("The file has {} bytes. At most {bytes_max} bytes are allowed.", bytes.len());
        let help = "Write only the values of the declared metrics.";
        problems.add("SCR001", "the whole file", message, help);
        return None;
    }
    match json::parse(bytes) {
        Ok(parsed) => {
            for (key, end_of_object) in parsed.duplicates {
                let message = format!("The object that ends here has the key {} twice.", quoted(&key));
                let help = "Write each key once: JSON readers disagree on which one counts.";
                problems.add("SCR003", end_of_object.to_string(), message, help);
            }
            Some(parsed.root)
        }
        Err(error) => {
            let (code, message, help) = match error.reason {
                ParseErrorReason::TooLarge(why) => (
                    "SCR001",
                    format!("The file is too large: {why}."),
                    "Write only the values of the declared metrics.",
                ),
                ParseErrorReason::NotJson(why) => (
                    "SCR002",
                    format!("The file is not JSON: {why}."),
                    "Write the file with a JSON library, and close it before the scorer ends.",
                ),
            };
            problems.add(code, error.position.to_string(), message, help);
            None
        }
    }
}

/// Adds a problem for every row without the metric's key, or a single one if no row has it.
fn check_present(spec: &MetricSpec, rows: &[ResultRow<'_>], undeclared: &BTreeSet<&str>, problems: &mut Problems) {
    let name = spec.name.as_str();
    let without: Vec<&ResultRow<'_>> = rows.iter().filter(|r| r.get(name).is_none()).collect();
    let meant = undeclared.iter().find(|key| looks_like(key, name));
    let (code, hint) = match meant {
        Some(key) => ("SCR010", format!(", but there is an undeclared key {}", quoted(key))),
        None => ("SCR009", String::new()),
    };
    let help = "Write every metric for every case under its name in `challenge.toml`, with `null` if there is no \
                value.";
    if without.len() > 1 && without.len() == rows.len() {
        let message = format!("`{name}` is absent from all {} results{hint}.", rows.len());
        problems.add(code, format!("results[*].{name}"), message, help);
        return;
    }
    for row in without {
        let message = format!("`{name}` is absent{hint}.");
        problems.add(code, row.location(name), message, help);
    }
}

/// One entry for every metric. `None` if there is no value, or if it has a problem.
fn values(
    row: Option<&ResultRow<'_>>,
    metrics: &[MetricSpec],
    problems: &mut Problems,
) -> BTreeMap<crate::model::MetricName, Option<f64>> {
    let mut value = |spec: &MetricSpec| {
        let row = row?;
        let node = row.get(spec.name.as_str())?;
        check_value(node, spec, || row.location(spec.name.as_str()), problems)
    };
    let entry = |spec: &MetricSpec| (spec.name.clone(), value(spec));
    metrics.iter().map(entry).collect()
}

fn check_value(node: &Node, spec: &MetricSpec, location: impl Fn() -> String, problems: &mut Problems) -> Option<f64> {
    let (low, high) = spec.bounds;
    match node {
        Node::Null if spec.missing == MissingRule::Reject => {
            let message = format!("The value is `null`, but `{}` must have a value for every case.", spec.name);
            let help = "Write a value, or declare how a missing value counts: `missing = \"worst\"`.";
            problems.add("SCR013", location(), message, help);
            None
        }
        Node::Null => None,
        // Adding 0 turns -0 into 0.
        Node::Number(value) if (low..=high).contains(value) => Some(value + 0.0),
        Node::Number(value) => {
            let message = format!("{value} is outside the declared bounds {low} to {high}.");
            let help = "Correct the scorer, or the bounds in `challenge.toml`. Check whether the metric is a fraction \
                        or a percentage. Write `null` instead of a number that means \"no value\".";
            problems.add("SCR012", location(), message, help);
            None
        }
        other => {
            let message = match other {
                Node::NotFinite(text) => format!("{} is not a finite number.", quoted(text)),
                Node::Text(text) => {
                    format!("The value is the string {}, not a number.", quoted(text))
                }
                other => format!("The value is {}, not a number.", other.kind()),
            };
            let help = "Write a finite number, or `null` if there is no value.";
            problems.add("SCR011", location(), message, help);
            None
        }
    }
}

/// The scorer's explanation, shortened.
fn reason(row: &ResultRow<'_>) -> Option<String> {
    match row.get("reason")? {
        Node::Text(text) if !text.is_empty() => Some(clean(text, limits::CASE_REASON_CHARS_MAX)),
        _ => None,
    }
}
