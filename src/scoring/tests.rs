//! The reports for scorers that follow the contract, nearly follow it, or break it.

use proptest::prelude::*;
use serde_json::json;

use super::json::{self, Node};
use super::{MetricsProblem, ScoreReport, read_metrics};
use crate::model::{Aggregate, CaseId, Direction, MetricName, MetricSpec, MissingRule, limits};

/// `dice` in 0 to 1, missing counts as the worst; `hd95` in 0 to 100, and must not be missing.
fn metrics() -> Vec<MetricSpec> {
    let dice = MetricSpec {
        name: MetricName::new("dice").unwrap(),
        title: "Dice".to_owned(),
        direction: Direction::Max,
        bounds: (0.0, 1.0),
        missing: MissingRule::Worst,
        aggregate: Aggregate::Mean,
    };
    let hd95 = MetricSpec {
        name: MetricName::new("hd95").unwrap(),
        direction: Direction::Min,
        bounds: (0.0, 100.0),
        missing: MissingRule::Reject,
        aggregate: Aggregate::Median,
        ..dice.clone()
    };
    vec![dice, hd95]
}

fn cases(n: usize) -> Vec<CaseId> {
    let case = |i| CaseId::new(format!("c{i:03}")).unwrap();
    (1..=n).map(case).collect()
}

fn read_two(text: &str) -> Result<ScoreReport, Vec<MetricsProblem>> {
    read_metrics(text.as_bytes(), &metrics(), &cases(2))
}

/// The problems of a report on two cases, one line each.
fn problems(text: &str) -> String {
    let problems = read_two(text).unwrap_err();
    let lines: Vec<String> = problems.iter().map(MetricsProblem::to_string).collect();
    lines.join("\n")
}

/// `code location` of the problems of `results` on two cases.
fn codes(results: &serde_json::Value) -> Vec<String> {
    let text = json!({ "results": results }).to_string();
    let problems = read_two(&text).unwrap_err();
    let short = |p: &MetricsProblem| format!("{} {}", p.code, p.location);
    problems.iter().map(short).collect()
}

#[test]
fn rows_and_columns_mean_the_same() {
    let rows = read_two(
        r#"{"results": [
            {"case": "c002", "dice": null, "hd95": 7, "reason": "no\nprediction"},
            {"case": "c001", "dice": 0.25, "hd95": -0.0, "seconds": 3}
        ]}"#,
    );
    let columns = read_two(
        r#"{"results": {
            "case": {"0": "c002", "1": "c001"},
            "dice": {"1": 0.25, "0": null},
            "hd95": {"0": 7.0, "1": 0},
            "reason": {"0": "no prediction", "1": null},
            "seconds": {"0": null, "1": 3}
        }}"#,
    );
    assert_eq!(rows, columns);
    let report = rows.unwrap();
    assert_eq!(report.notes, ["Referee ignores undeclared keys of `results`: `seconds`."]);
    let json = serde_json::to_value(&report.score.cases).unwrap();
    let expected = json!([
        {"case": "c001", "values": {"dice": 0.25, "hd95": 0.0}},
        {"case": "c002", "values": {"dice": null, "hd95": 7.0}, "reason": "no prediction"},
    ]);
    assert_eq!(json, expected);
}

#[test]
fn aggregates_that_differ_are_a_note_with_both_numbers() {
    let report = read_two(
        r#"{"results": [{"case": "c001", "dice": 0.8, "hd95": 2},
                        {"case": "c002", "dice": null, "hd95": 4}],
            "aggregates": {"dice": {"mean": 0.8, "std": 0}, "hd95": 3.0000000001, "f1": 1}}"#,
    )
    .unwrap();
    insta::assert_snapshot!("notes", report.notes.join("\n"));
    let reported: Vec<f64> = report.score.reported.into_values().collect();
    assert_eq!(reported, [0.8, 3.0000000001]);
}

#[test]
fn invalid_aggregates_are_notes() {
    let with = |aggregates: &str| {
        let text = format!(
            r#"{{"results": [{{"case": "c001", "dice": 1, "hd95": 2}},
                             {{"case": "c002", "dice": 1, "hd95": 4}}],
                "aggregates": {aggregates}}}"#
        );
        let report = read_two(&text).unwrap();
        assert!(report.score.reported.is_empty());
        report.notes.len()
    };
    assert_eq!(with("null"), 0);
    assert_eq!(with("[]"), 1);
    assert_eq!(with(r#"{"dice": NaN, "hd95": {"mean": 3}}"#), 2);
}

#[test]
fn every_value_that_is_not_a_number_is_reported_with_its_location() {
    insta::assert_snapshot!(
        "not-finite",
        problems(
            r#"{"results": [{"case": "c001", "dice": NaN, "hd95": -Infinity},
                        {"case": "c002", "dice": "NaN", "hd95": 1e999}]}"#
        )
    );
    let odd = codes(&json!([
        {"case": "c001", "dice": true, "hd95": {"mean": 1}},
        {"case": "c002", "dice": [0.5], "hd95": "3"},
    ]));
    assert!(odd.iter().all(|p| p.starts_with("SCR011")), "{odd:?}");
    assert_eq!(odd.len(), 4);
}

#[test]
fn values_outside_the_bounds_and_forbidden_nulls_are_reported() {
    insta::assert_snapshot!(
        "bounds",
        problems(
            r#"{"results": {"case": {"a": "c001", "b": "c002"},
                        "dice": {"a": 91.5, "b": -1}, "hd95": {"a": null, "b": 100}}}"#
        )
    );
}

#[test]
fn cases_must_be_those_of_the_manifest_once_each() {
    insta::assert_snapshot!(
        "cases",
        problems(
            r#"{"results": [{"case": "c001", "dice": 1, "hd95": 1},
                        {"case": "c001", "dice": 1, "hd95": 1},
                        {"case": "c2.nii", "dice": 1, "hd95": 1},
                        {"case": 2, "dice": 1, "hd95": 1},
                        {"dice": 1, "hd95": 1}]}"#
        )
    );
}

#[test]
fn absent_and_probably_mistyped_metrics_are_reported() {
    insta::assert_snapshot!(
        "metrics",
        problems(
            r#"{"results": [{"case": "c001", "Dice": 1, "hd95": 1},
                        {"case": "c002", "Dice": 1}]}"#
        )
    );
}

#[test]
fn a_file_without_results_is_reported_with_its_content() {
    insta::assert_snapshot!(
        "results",
        [
            "[]",
            "{}",
            r#"{"results": 3}"#,
            r#"{"results": [3, {"case": "c001", "dice": 1, "hd95": 1}]}"#,
            r#"{"results": {"dice": {"0": 1}}}"#,
            r#"{"results": {"case": {"0": "c001", "1": "c002"}, "dice": 1, "hd95": {"0": 1, "7": 1}}}"#,
            r#"{"case": {"dice": {"0": 1}}, "aggregates": {}}"#,
        ]
        .map(problems)
        .join("\n\n")
    );
}

#[test]
fn a_file_that_is_not_json_is_reported_with_line_and_column() {
    insta::assert_snapshot!(
        "not-json",
        [
            "",
            "{\n  \"résults\": [1,\n  2",
            "{\"results\": [0.5.1]}",
            "{'results': []}",
            "{} {}",
            "{\"a\": 1, \"a\": 2, \"results\": []}",
        ]
        .map(problems)
        .join("\n\n")
    );
    let deep = "[".repeat(100_000);
    assert!(problems(&deep).starts_with("SCR001 at line 1, column 33"));
    let wide = format!("[{}0]", "0,".repeat(limits::METRICS_VALUES_MAX));
    assert!(problems(&wide).starts_with("SCR001 at line 1"));
    let large = vec![b' '; 1 + usize::try_from(limits::METRICS_BYTES_MAX).unwrap()];
    assert_eq!(read_metrics(&large, &[], &[]).unwrap_err()[0].code, "SCR001");
    assert_eq!(read_metrics(b"\xff", &[], &[]).unwrap_err()[0].code, "SCR002");
}

#[test]
fn the_list_of_problems_is_bounded() {
    let results: Vec<_> = (1..=200).map(|i| json!({"case": format!("c{i:03}"), "dice": 2, "hd95": 1})).collect();
    let text = json!({ "results": results }).to_string();
    let problems = read_metrics(text.as_bytes(), &metrics(), &cases(200)).unwrap_err();
    assert_eq!(problems.len(), limits::FINDINGS_LISTED_MAX + 1);
    assert_eq!(problems.last().unwrap().message, "150 more problems are not listed.");
    // A problem of all cases is reported once.
    let all = read_metrics(b"{\"results\": []}", &metrics(), &cases(200)).unwrap_err();
    assert_eq!(all.len(), 1);
}

#[test]
fn numbers_are_the_nearest_doubles() {
    for text in ["0.1", "1e23", "9007199254740993", "2.2250738585072011e-308", "-0", "5e-324"] {
        let read = json::parse(text.as_bytes()).unwrap().root;
        assert_eq!(read, Node::Number(text.parse().unwrap()), "{text}");
    }
}

/// The tree as a value of `serde_json`.
fn plain(node: &Node) -> serde_json::Value {
    match node {
        Node::Null => serde_json::Value::Null,
        Node::Bool(b) => (*b).into(),
        Node::Number(n) => (*n).into(),
        Node::NotFinite(text) | Node::Text(text) => text.as_str().into(),
        Node::List(items) => items.iter().map(plain).collect(),
        Node::Object(members) => members.iter().map(|(k, v)| (k.clone(), plain(v))).collect(),
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (-1e6..1e6f64).prop_map(|n| ((n * 8.0).round() / 8.0).into()),
        ".{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::btree_map(".{0,4}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Texts that resemble reports: the tokens of one, in any order.
fn any_near_report() -> impl Strategy<Value = String> {
    const WORDS: [&str; 22] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"results\"",
        "\"case\"",
        "\"dice\"",
        "\"hd95\"",
        "\"aggregates\"",
        "\"c001\"",
        "\"c002\"",
        "\"reason\"",
        "null",
        "0.5",
        "-1e400",
        "NaN",
        "\\",
        "\"",
        "\u{e9}",
        "\n",
    ];
    proptest::collection::vec(proptest::sample::select(&WORDS[..]), 0..40).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _report = read_metrics(&bytes, &metrics(), &cases(2));
    }

    #[test]
    fn texts_that_resemble_reports_are_read_or_refused_with_a_problem(text in any_near_report()) {
        if let Err(problems) = read_metrics(text.as_bytes(), &metrics(), &cases(2)) {
            prop_assert!(!problems.is_empty());
        }
    }

    #[test]
    fn any_json_in_place_of_results_is_refused_with_a_problem(results in any_json()) {
        let text = json!({ "results": results, "aggregates": results }).to_string();
        let problems = read_metrics(text.as_bytes(), &metrics(), &cases(2)).unwrap_err();
        prop_assert!(!problems.is_empty());
    }

    #[test]
    fn json_is_read_as_serde_json_reads_it(value in any_json()) {
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let ours = json::parse(text.as_bytes()).unwrap();
            prop_assert!(ours.duplicates.is_empty());
            prop_assert_eq!(plain(&ours.root), value.clone());
        }
    }

    #[test]
    fn texts_that_serde_json_refuses_are_refused(text in any_near_report()) {
        let theirs: Result<serde_json::Value, _> = serde_json::from_str(&text);
        match json::parse(text.as_bytes()) {
            Ok(_) => prop_assert!(theirs.is_ok() || text.contains("NaN") || text.contains("e400")),
            Err(_) => prop_assert!(theirs.is_err()),
        }
    }
}
