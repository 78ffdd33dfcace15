//! Properties of every ranking. Values are eighths, so that sums are exact and ties are common.

use proptest::prelude::*;

use super::*;

/// Two metrics; values by team, metric and case, in eighths between 0 and 8.
type Eighths = Vec<[Vec<u8>; 2]>;

fn eighths() -> impl Strategy<Value = Eighths> {
    (1..6usize, 1..6usize).prop_flat_map(|(teams, cases)| {
        let row = proptest::collection::vec(0..=64u8, cases);
        proptest::collection::vec([row.clone(), row], teams)
    })
}

fn rankings() -> impl Strategy<Value = (Ranking, Aggregate)> {
    let scheme = prop_oneof![Just(Scheme::AggregateThenRank), Just(Scheme::RankThenAggregate)];
    let across = prop_oneof![Just(AcrossMetrics::MeanRank), Just(AcrossMetrics::First)];
    let aggregate = prop_oneof![Just(Aggregate::Mean), Just(Aggregate::Median)];
    (scheme, across, aggregate).prop_map(|(scheme, across_metrics, aggregate)| {
        let ranking = Ranking { scheme, across_metrics };
        (ranking, aggregate)
    })
}

/// A leaderboard of these values plus a constant. Teams are named by their position in the list, and `order` permutes
/// the cases. For the second metric, lower is better.
fn fixture(values: &Eighths, rule: (Ranking, Aggregate), plus: f64, order: &[usize]) -> BoardFixture {
    let (ranking, aggregate) = rule;
    let dice = MetricSpec { bounds: (0.0, 8.0), aggregate, ..metric("dice") };
    let hd95 = MetricSpec { direction: Direction::Min, name: MetricName::new("hd95").unwrap(), ..dice.clone() };
    let mut fixture = BoardFixture::new(&[dice, hd95], ranking, order.len());
    for (team, rows) in values.iter().enumerate() {
        let row = |row: &Vec<u8>| {
            let value = |i: &usize| Some(f64::from(row[*i]) / 8.0 + plus);
            order.iter().map(value).collect::<Vec<_>>()
        };
        fixture.add(&format!("t{team}"), &rows.each_ref().map(row));
    }
    fixture
}

fn in_order(values: &Eighths) -> Vec<usize> {
    (0..values[0][0].len()).collect()
}

proptest! {
    #[test]
    fn the_order_of_teams_and_cases_does_not_matter(
        input in eighths().prop_flat_map(|v| {
            let order = Just(in_order(&v)).prop_shuffle();
            let teams = v.len();
            (Just(v), order, 0..teams)
        }),
        rule in rankings(),
    ) {
        let (values, order, turn) = input;
        let straight = fixture(&values, rule, 0.0, &in_order(&values));
        let mut shuffled = fixture(&values, rule, 0.0, &order);
        shuffled.scores.rotate_left(turn);
        prop_assert_eq!(straight.standings(), shuffled.standings());
    }

    #[test]
    fn a_constant_added_to_all_values_changes_no_rank(
        values in eighths(), rule in rankings(), plus in -100..100i8,
    ) {
        let order = in_order(&values);
        let moved = fixture(&values, rule, f64::from(plus), &order);
        prop_assert_eq!(fixture(&values, rule, 0.0, &order).ranks(), moved.ranks());
    }

    /// Rank-then-aggregate with the mean over metrics is the exception; see `examples`.
    #[test]
    fn a_better_value_never_lowers_the_rank(
        input in eighths().prop_flat_map(|v| {
            let (teams, cases) = (v.len(), v[0][0].len());
            (Just(v), 0..teams, 0..cases)
        }),
        by in 0..64u8,
        rule in rankings().prop_filter("monotone", |(r, _)| *r != RANK_THEN_MEAN_RANK),
    ) {
        let (values, team, case) = input;
        let mut better = values.clone();
        better[team][0][case] = values[team][0][case].saturating_add(by);
        better[team][1][case] = values[team][1][case].saturating_sub(by);
        let name = format!("t{team}");
        let rank = |values: &Eighths| {
            let lines = fixture(values, rule, 0.0, &in_order(values)).standings();
            lines.iter().find(|line| line.team.as_str() == name).unwrap().rank
        };
        prop_assert!(rank(&better) <= rank(&values));
    }
}
