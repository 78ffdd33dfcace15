//! The ranks equal those of R with challengeR, on the files in `tests/fixtures/ranking`.

use std::collections::BTreeMap;

use super::*;
use crate::ranking::ranks::ranks_of;

const COMPLETE: &str = include_str!("../../../tests/fixtures/ranking/toy_a_complete.csv");
const MISSING: &str = include_str!("../../../tests/fixtures/ranking/toy_b_missing.csv");
const HD95: &str = include_str!("../../../tests/fixtures/ranking/toy_c_hd95.csv");
const EXPECTED: &str = include_str!("../../../tests/fixtures/ranking/expected_ranks.csv");

/// The four schemes in challengeR's names, ties "min".
const SCHEMES: [(&str, Scheme, Aggregate); 4] = [
    ("meanThenRank.min", Scheme::AggregateThenRank, Aggregate::Mean),
    ("medianThenRank.min", Scheme::AggregateThenRank, Aggregate::Median),
    ("rankThenMean.min", Scheme::RankThenAggregate, Aggregate::Mean),
    ("rankThenMedian.min", Scheme::RankThenAggregate, Aggregate::Median),
];

/// The values of each team in the order of the cases. `NA` and absent rows are missing values.
fn read_values(csv: &str) -> BTreeMap<String, Vec<Option<f64>>> {
    let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|l| l.split(',').collect()).collect();
    let mut cases: Vec<&str> = rows.iter().map(|row| row[2]).collect();
    cases.sort_unstable();
    cases.dedup();
    let mut teams: BTreeMap<String, Vec<Option<f64>>> = BTreeMap::new();
    for row in &rows {
        let case = cases.binary_search(&row[2]).unwrap();
        let values = teams.entry(row[1].to_lowercase()).or_insert_with(|| vec![None; cases.len()]);
        values[case] = row[4].parse().ok();
    }
    teams
}

/// The aggregate and rank of each team.
fn expected(dataset: &str, scheme: &str) -> BTreeMap<String, (f64, u32)> {
    EXPECTED
        .lines()
        .map(|line| line.split(',').collect::<Vec<_>>())
        .filter(|row| row[0] == dataset && row[1] == scheme)
        .map(|row| {
            let number = (row[4].parse().unwrap(), row[5].parse().unwrap());
            (row[3].to_lowercase(), number)
        })
        .collect()
}

fn compare_all_schemes(dataset: &str, csv: &str, spec: &MetricSpec) {
    for (name, scheme, aggregate) in SCHEMES {
        let spec = MetricSpec { aggregate, ..spec.clone() };
        let ranking = Ranking { scheme, across_metrics: AcrossMetrics::First };
        let teams = read_values(csv);
        let cases = teams.values().next().unwrap().len();
        let mut fixture = BoardFixture::new(&[spec], ranking, cases);
        for (team, values) in &teams {
            fixture.add(team, std::slice::from_ref(values));
        }
        let expected = expected(dataset, name);
        assert_eq!(expected.len(), 6, "{dataset} {name}");
        for standing in fixture.standings() {
            let (value, rank) = expected[standing.team.as_str()];
            assert_eq!(standing.rank, rank, "{dataset} {name} {}", standing.team);
            let off = (standing.value - value).abs();
            assert!(off < 1e-12, "{dataset} {name} {} off {off}", standing.team);
        }
    }
}

#[test]
fn complete_data() {
    compare_all_schemes("a_complete", COMPLETE, &metric("dice"));
}

#[test]
fn missing_values_count_as_the_worst_or_as_zero() {
    compare_all_schemes("b_missing_zero", MISSING, &metric("dice"));
    let zero = MetricSpec { missing: MissingRule::Value(0.0), ..metric("dice") };
    compare_all_schemes("b_missing_zero", MISSING, &zero);
}

#[test]
fn lower_is_better_and_two_teams_are_equal() {
    let hd95 = MetricSpec { direction: Direction::Min, bounds: (0.0, 100.0), ..metric("hd95") };
    compare_all_schemes("c_hd95", HD95, &hd95);
    let filled = MetricSpec { missing: MissingRule::Value(100.0), ..hd95 };
    compare_all_schemes("c_hd95", HD95, &filled);
}

/// Referee has no rule that leaves missing values out, because it would reward teams that fail on hard cases. The
/// aggregates agree with R nevertheless.
#[test]
fn means_and_medians_without_the_missing_values() {
    for (name, _, aggregate) in &SCHEMES[..2] {
        let (teams, expected) = (read_values(MISSING), expected("b_missing_narm", name));
        let numbers: Vec<f64> = teams
            .values()
            .map(|row| row.iter().flatten().copied().collect::<Vec<_>>())
            .map(|row| aggregate.of(&row).unwrap())
            .collect();
        let ranks = ranks_of(&numbers, Direction::Max);
        for (team, (number, rank)) in teams.keys().zip(numbers.iter().zip(ranks)) {
            assert_eq!(rank, expected[team].1, "{name} {team}");
            assert!((number - expected[team].0).abs() < 1e-12, "{name} {team}");
        }
    }
}

#[test]
fn teams_with_the_same_values_in_another_order_tie() {
    let mut values = [0.8, 0.85, 0.9, 0.95, 1.0];
    let mut fixture = BoardFixture::new(&[metric("dice")], MEAN_THEN_RANK, 5);
    for team in 0..120 {
        fixture.add(&format!("t{team:03}"), &[row(&values)]);
        next_order(&mut values);
    }
    let lines = fixture.standings();
    assert!(lines.iter().all(|line| line.rank == 1));
    assert!(lines.iter().all(|line| line.metrics[0].aggregate == 0.9));
}

/// Permutes the values to the next order in lexicographic sequence, and from the last order to the first.
fn next_order(values: &mut [f64]) {
    let Some(i) = (1..values.len()).rfind(|i| values[i - 1] < values[*i]) else {
        values.reverse();
        return;
    };
    let j = values.iter().rposition(|v| *v > values[i - 1]).unwrap();
    values.swap(i - 1, j);
    values[i..].reverse();
}
