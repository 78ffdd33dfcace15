//! `metrics.json`: an accepted score has every case and metric within the bounds, and reads the same after it is
//! written.

use referee::model::challenge::Aggregate;
use referee::model::text::is_visible;
use referee::model::{CaseId, Direction, MetricName, MetricSpec, MissingRule, Score, limits};
use referee::scoring::{MetricsProblem, read_metrics};
use serde_json::{Map, Value, json};

pub(super) fn keeps(bytes: &[u8]) {
    let metrics = [
        metric("dice", (0.0, 1.0), MissingRule::Worst),
        metric("hd95", (0.0, f64::INFINITY), MissingRule::Value(100.0)),
        metric("count", (-10.0, 10.0), MissingRule::Reject),
    ];
    let cases = ["c001", "c002"].map(|case| CaseId::new(case).expect("a case"));
    match read_metrics(bytes, &metrics, &cases) {
        Ok(report) => {
            let found: Vec<&CaseId> = report.score.cases.iter().map(|case| &case.case).collect();
            assert_eq!(found, cases.iter().collect::<Vec<_>>());
            within_bounds(&report.score, &metrics);
            let notes = report.notes.iter().map(String::len).sum::<usize>();
            assert!(notes < 10_000, "{notes} bytes of notes");
            let written = written(&report.score).to_string();
            let again = read_metrics(written.as_bytes(), &metrics, &cases).expect("accepted again");
            assert_eq!(again.score.cases, report.score.cases);
        }
        Err(problems) => are_readable(&problems),
    }
}

fn metric(name: &str, bounds: (f64, f64), missing: MissingRule) -> MetricSpec {
    MetricSpec {
        name: MetricName::new(name).expect("a name"),
        title: name.to_owned(),
        direction: Direction::Max,
        bounds,
        missing,
        aggregate: Aggregate::Mean,
    }
}

fn within_bounds(score: &Score, metrics: &[MetricSpec]) {
    for case in &score.cases {
        assert_eq!(case.values.len(), metrics.len());
        for spec in metrics {
            let value = case.values[&spec.name];
            let (low, high) = spec.bounds;
            assert!(value.is_none_or(|value| (low..=high).contains(&value)), "{value:?}");
            assert!(value.is_some() || spec.missing != MissingRule::Reject);
        }
        let reason = case.reason.as_deref().unwrap_or_default();
        assert!(reason.chars().count() <= limits::CASE_REASON_CHARS_MAX + 1, "{reason:?}");
        assert!(reason.chars().all(is_visible), "{reason:?}");
    }
}

/// The score as a scorer would write it.
fn written(score: &Score) -> Value {
    let row = |case: &referee::model::CaseScore| {
        let mut row = Map::new();
        row.insert("case".to_owned(), json!(case.case.as_str()));
        for (name, value) in &case.values {
            row.insert(name.as_str().to_owned(), json!(value));
        }
        if let Some(reason) = &case.reason {
            row.insert("reason".to_owned(), json!(reason));
        }
        Value::Object(row)
    };
    json!({ "results": score.cases.iter().map(row).collect::<Vec<_>>() })
}

fn are_readable(problems: &[MetricsProblem]) {
    assert!((1..=limits::FINDINGS_LISTED_MAX + 1).contains(&problems.len()));
    for problem in problems {
        let text = problem.to_string();
        assert!(text.len() < 4000, "{} bytes", text.len());
        assert!(text.chars().all(is_visible), "{text:?}");
    }
}
