//! Small leaderboards with ranks computed by hand.

use super::*;
use crate::model::Pick;
use crate::ranking::{CountingRule, counting_entries, counting_entry};

fn ranks(expected: &[(u32, &str)]) -> Vec<(u32, String)> {
    expected.iter().map(|(r, t)| (*r, (*t).to_owned())).collect()
}

#[test]
fn the_two_schemes_can_disagree() {
    // One very good case outweighs two narrow defeats in the mean, but not in the ranks.
    let rows = [("a", [1.0, 0.5, 0.5]), ("b", [0.1, 0.6, 0.6])];
    for (ranking, winner) in [(MEAN_THEN_RANK, "a"), (RANK_THEN_MEAN, "b")] {
        let mut fixture = BoardFixture::new(&[metric("dice")], ranking, 3);
        for (team, values) in &rows {
            fixture.add(team, &[row(values)]);
        }
        let lines = fixture.standings();
        assert_eq!(lines[0].team.as_str(), winner);
        // The leaderboard shows the mean of the values for both schemes.
        let mean = if winner == "a" { 2.0 / 3.0 } else { 1.3 / 3.0 };
        assert!((lines[0].metrics[0].aggregate - mean).abs() < 1e-12);
    }
}

#[test]
fn the_mean_of_the_ranks_by_each_metric_is_ranked_again() {
    let hd95 = MetricSpec { direction: Direction::Min, bounds: (0.0, 100.0), ..metric("hd95") };
    let mut fixture = BoardFixture::new(&[metric("dice"), hd95], MEAN_THEN_RANK, 1);
    for (team, dice, distance) in [
        ("zeta", 0.9, 9.0),  // 1, 4: 2.5
        ("beta", 0.8, 3.0),  // 2, 2: 2
        ("alpha", 0.8, 3.0), // 2, 2: 2
        ("gamma", 0.1, 1.0), // 4, 1: 2.5
    ] {
        fixture.add(team, &[row(&[dice]), row(&[distance])]);
    }
    let expected = ranks(&[(1, "alpha"), (1, "beta"), (3, "gamma"), (3, "zeta")]);
    assert_eq!(fixture.ranks(), expected);
    assert_eq!(fixture.standings()[0].value, 2.0);

    fixture.ranking.across_metrics = AcrossMetrics::First;
    let expected = ranks(&[(1, "zeta"), (2, "alpha"), (2, "beta"), (4, "gamma")]);
    assert_eq!(fixture.ranks(), expected);
    assert_eq!(fixture.standings()[0].value, 0.9);
}

/// Ranks depend on the other teams, and twice so here. Team `a` beats `b` on a case instead of tying with it. This lets
/// `c` catch up with `b` by that metric, and so overtake `a` in the mean over both metrics.
#[test]
fn rank_then_aggregate_over_two_metrics_can_lower_the_rank_for_a_better_value() {
    let board = |first_of_a: f64| {
        let metrics = [metric("dice"), metric("nsd")];
        let mut fixture = BoardFixture::new(&metrics, RANK_THEN_MEAN_RANK, 2);
        fixture.add("a", &[row(&[first_of_a, 0.3]), row(&[0.1, 0.2])]);
        fixture.add("b", &[row(&[0.2, 0.1]), row(&[0.2, 0.3])]);
        fixture.add("c", &[row(&[0.1, 0.2]), row(&[0.4, 0.3])]);
        fixture.ranks()
    };
    assert_eq!(board(0.2), ranks(&[(1, "a"), (1, "b"), (1, "c")]));
    assert_eq!(board(0.3), ranks(&[(1, "c"), (2, "a"), (2, "b")]));
}

#[test]
fn missing_values_are_filled_by_rule_and_counted() {
    let hd95 = MetricSpec {
        direction: Direction::Min,
        bounds: (0.0, 100.0),
        missing: MissingRule::Value(60.0),
        ..metric("hd95")
    };
    let mut fixture = BoardFixture::new(&[metric("dice"), hd95], MEAN_THEN_RANK, 2);
    fixture.add("a", &[vec![Some(1.0), None], vec![None, Some(f64::NAN)]]);
    let line = &fixture.standings()[0];
    assert_eq!(line.imputed, 3);
    assert_eq!(line.metrics[0].aggregate, 0.5);
    assert_eq!(line.metrics[1].aggregate, 60.0);
}

#[test]
fn absent_cases_count_as_missing_and_unknown_cases_are_ignored() {
    let mut fixture = BoardFixture::new(&[metric("dice")], MEAN_THEN_RANK, 3);
    fixture.add("a", &[row(&[1.0, 1.0, 1.0])]);
    let gone = std::mem::replace(&mut fixture.cases[1], CaseId::new("new").unwrap());
    assert_eq!(gone.as_str(), "c001");
    let line = &fixture.standings()[0];
    assert_eq!((line.imputed, line.metrics[0].aggregate), (1, 2.0 / 3.0));
}

#[test]
fn leaderboards_without_teams_cases_or_metrics() {
    let mut fixture = BoardFixture::new(&[metric("dice")], MEAN_THEN_RANK, 0);
    assert_eq!(fixture.standings(), []);
    fixture.add("b", &[vec![]]);
    fixture.add("a", &[vec![]]);
    assert_eq!(fixture.ranks(), ranks(&[(1, "a"), (1, "b")]));
    fixture.metrics.clear();
    assert_eq!(fixture.ranks(), ranks(&[(1, "a"), (1, "b")]));
}

#[test]
fn the_best_submission_is_the_earliest_of_equals() {
    let mut fixture = BoardFixture::new(&[metric("dice")], MEAN_THEN_RANK, 1);
    for (team, dice) in [("b", 0.5), ("a", 0.1), ("b", 0.9), ("b", 0.9), ("b", 0.2)] {
        fixture.add(team, &[row(&[dice])]);
    }
    let ids = |pick| {
        fixture.with(|all| {
            let best_by: Vec<_> = all.metrics.iter().collect();
            let counting = counting_entries(all, &CountingRule { pick, best_by: &best_by, decimals: 3 });
            counting.iter().map(|e| e.submission.0).collect::<Vec<_>>()
        })
    };
    assert_eq!(ids(Pick::Best), [2, 3]);
    assert_eq!(ids(Pick::Last), [2, 5]);

    fixture.scores.clear();
    let rule = |pick| CountingRule { pick, best_by: &[], decimals: 3 };
    assert!(fixture.with(|own| counting_entry(own, &rule(Pick::Best)).is_none()));
    assert!(fixture.with(|own| counting_entry(own, &rule(Pick::Last)).is_none()));
}

/// A push that is worse in everything changed what counted while a mean rank of the team's own submissions decided.
#[test]
fn a_submission_that_is_worse_in_everything_changes_nothing() {
    let hd95 = MetricSpec { direction: Direction::Min, bounds: (0.0, 100.0), ..metric("hd95") };
    let mut fixture = BoardFixture::new(&[metric("dice"), hd95], MEAN_THEN_RANK, 1);
    let counts = |fixture: &BoardFixture, names: &[&str], decimals| {
        fixture.with(|own| {
            let best_by: Vec<_> =
                names.iter().map(|name| own.metrics.iter().find(|m| m.name.as_str() == *name).unwrap()).collect();
            let rule = CountingRule { pick: Pick::Best, best_by: &best_by, decimals };
            counting_entry(own, &rule).unwrap().submission.0
        })
    };
    for (dice, hd95) in [(0.90, 50.0), (0.80, 40.0), (0.70, 45.0)] {
        fixture.add("a", &[row(&[dice]), row(&[hd95])]);
        assert_eq!(counts(&fixture, &["dice", "hd95"], 3), 1);
    }
    assert_eq!(counts(&fixture, &["hd95", "dice"], 3), 2);
    fixture.add("a", &[row(&[0.9001]), row(&[60.0])]);
    assert_eq!(counts(&fixture, &["dice", "hd95"], 3), 1, "equal at three decimals, and worse by the second metric");
    assert_eq!(counts(&fixture, &["dice"], 3), 1, "the earliest of equals");
    assert_eq!(counts(&fixture, &["dice"], 4), 4);
}
