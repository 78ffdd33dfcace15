//! From the bytes of `metrics.json` to a score, or to everything that is wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{CaseId, CaseScore, MetricSpec, MissingRule, Score, limits};

use super::aggregates;
use super::json::{self, Node};
use super::names::{clean, listed, looks_like, quoted};
use super::problem::{Problem, Problems};
use super::results::{Row, by_case, rows};

/// Keys of a result that are no metrics.
const RESERVED: [&str; 2] = ["case", "reason"];

/// A scorer's report that holds to the contract.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreReport {
    /// The values: every case of the manifest, every declared metric.
    pub score: Score,
    /// What organizers may want to know and nothing depends on, one sentence each.
    pub notes: Vec<String>,
}

/// Reads a `metrics.json` against the declared metrics and the cases of the manifest.
///
/// # Errors
/// All problems at once, at least one and at most a readable number.
pub fn read(
    bytes: &[u8],
    metrics: &[MetricSpec],
    cases: &[CaseId],
) -> Result<ScoreReport, Vec<Problem>> {
    let mut problems = Problems::default();
    let report = check(bytes, metrics, cases, &mut problems);
    match (report, problems.into_list()) {
        (Some(report), problems) if problems.is_empty() => Ok(report),
        (_, problems) => Err(problems),
    }
}

/// The report as far as it can be read. `None` only after a problem was added.
fn check(
    bytes: &[u8],
    metrics: &[MetricSpec],
    cases: &[CaseId],
    problems: &mut Problems,
) -> Option<ScoreReport> {
    let root = parse(bytes, problems)?;
    let rows = rows(&root, problems)?;
    let undeclared: BTreeSet<&str> = rows
        .iter()
        .flat_map(Row::keys)
        .filter(|key| !RESERVED.contains(key))
        .filter(|key| metrics.iter().all(|spec| spec.name.as_str() != *key))
        .collect();
    for spec in metrics {
        check_present(spec, &rows, &undeclared, problems);
    }
    let found = by_case(&rows, cases, problems);
    let read_case = |(case, row): (&CaseId, &Option<&Row<'_>>)| CaseScore {
        case: case.clone(),
        values: values(*row, metrics, problems),
        reason: row.and_then(|row| reason(row)),
    };
    let cases: Vec<CaseScore> = cases.iter().zip(&found).map(read_case).collect();
    let (reported, mut notes) = aggregates::compare(root.get("aggregates"), metrics, &cases);
    if !undeclared.is_empty() {
        let names = listed(undeclared);
        notes.push(format!("`results` has undeclared keys, ignored: {names}."));
    }
    let score = Score { cases, reported };
    Some(ScoreReport { score, notes })
}

/// The tree, with what is wrong with its text.
fn parse(bytes: &[u8], problems: &mut Problems) -> Option<Node> {
    if bytes.len() as u64 > limits::METRICS_BYTES_MAX {
        let most = limits::METRICS_BYTES_MAX;
        let message = format!("It has {} bytes; {most} are allowed.", bytes.len());
        let help = "Write the values of the declared metrics only.";
        problems.add("SCR001", "the whole file", message, help);
        return None;
    }
    match json::parse(bytes) {
        Ok(parsed) => {
            for (key, at) in parsed.duplicates {
                let message = format!(
                    "{} stands twice in the object that ends here.",
                    quoted(&key)
                );
                let help = "Write each key once: readers of JSON disagree on which one counts.";
                problems.add("SCR003", at.to_string(), message, help);
            }
            Some(parsed.root)
        }
        Err(refusal) => {
            let (code, message, help) = if refusal.too_large {
                (
                    "SCR001",
                    format!("It is too large: {}.", refusal.why),
                    "Write less.",
                )
            } else {
                let help = "Write the file with a JSON library, and close it before you leave.";
                (
                    "SCR002",
                    format!("This is not JSON: {}.", refusal.why),
                    help,
                )
            };
            problems.add(code, refusal.at.to_string(), message, help);
            None
        }
    }
}

/// Whether every row has the metric's key; one problem if none has it.
fn check_present(
    spec: &MetricSpec,
    rows: &[Row<'_>],
    undeclared: &BTreeSet<&str>,
    problems: &mut Problems,
) {
    let name = spec.name.as_str();
    let without: Vec<&Row<'_>> = rows.iter().filter(|r| r.get(name).is_none()).collect();
    let meant = undeclared.iter().find(|key| looks_like(key, name));
    let (code, hint) = match meant {
        Some(key) => (
            "SCR010",
            format!(", but there is an undeclared {}", quoted(key)),
        ),
        None => ("SCR009", String::new()),
    };
    let help = "Write every declared metric for every case, `null` where it has no value, under \
                  the name in `challenge.toml`.";
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

/// One entry for every metric; `None` where there is no value or a problem.
fn values(
    row: Option<&Row<'_>>,
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

fn check_value(
    node: &Node,
    spec: &MetricSpec,
    location: impl Fn() -> String,
    problems: &mut Problems,
) -> Option<f64> {
    let (low, high) = spec.bounds;
    match node {
        Node::Null if spec.missing == MissingRule::Reject => {
            let message = format!(
                "`null`, but `{}` must have a value for every case.",
                spec.name
            );
            let help = "Let the scorer give a value, or declare what a missing one counts as: \
                          `missing = \"worst\"`.";
            problems.add("SCR013", location(), message, help);
            None
        }
        Node::Null => None,
        // Adding 0 turns -0 into 0, which people take for the same number.
        Node::Number(value) if (low..=high).contains(value) => Some(value + 0.0),
        Node::Number(value) => {
            let message = format!("{value} is outside the declared bounds {low} to {high}.");
            let help = "Correct the scorer (a fraction or a percentage? a mark for \"nothing to \
                          score\"? then write `null`), or the bounds in `challenge.toml`.";
            problems.add("SCR012", location(), message, help);
            None
        }
        other => {
            let message = match other {
                Node::NotFinite(text) => format!("{} is no finite number.", quoted(text)),
                Node::Text(text) => format!("The text {} is no number.", quoted(text)),
                other => format!("This is {}, no number.", other.kind()),
            };
            let help = "Write a finite number, or `null` where there is no value.";
            problems.add("SCR011", location(), message, help);
            None
        }
    }
}

/// Why values are missing, in the scorer's words, shortened.
fn reason(row: &Row<'_>) -> Option<String> {
    match row.get("reason")? {
        Node::Text(text) if !text.is_empty() => Some(clean(text, limits::CASE_REASON_CHARS_MAX)),
        _ => None,
    }
}
