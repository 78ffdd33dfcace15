//! Properties of every ranking. Values are eighths, so that sums are exact and ties are common.

use proptest::prelude::*;

use super::*;
use crate::model::Pick;
use crate::ranking::{CountingRule, counting_entry};

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

    /// Rows are submissions of one team. The last one is worse than or equal to another one by every metric.
    #[test]
    fn a_dominated_submission_never_changes_what_counts(
        input in eighths().prop_flat_map(|v| { let n = v.len(); (Just(v), 0..n) }),
        worse in (0..16u8, 0..16u8),
        rule in rankings(),
        decimals in 0..4u8,
        order in any::<bool>(),
    ) {
        let (values, of) = input;
        let mut dominated = values[of].clone();
        dominated[0].iter_mut().for_each(|v| *v = v.saturating_sub(worse.0));
        dominated[1].iter_mut().for_each(|v| *v = v.saturating_add(worse.1));
        let mut more = values.clone();
        more.push(dominated);
        let counting = |values: &Eighths| {
            fixture(values, rule, 0.0, &in_order(values)).with(|own| {
                let mut best_by: Vec<_> = own.metrics.iter().collect();
                if order {
                    best_by.reverse();
                }
                let rule = CountingRule { pick: Pick::Best, best_by: &best_by, decimals };
                counting_entry(own, &rule).unwrap().submission
            })
        };
        prop_assert_eq!(counting(&values), counting(&more));
    }

    /// Of two submissions the same one counts, whatever else the team has submitted before or between.
    #[test]
    fn the_choice_depends_on_no_other_submission(
        values in eighths(), rule in rankings(), decimals in 0..4u8,
    ) {
        let chosen = |fixture: &BoardFixture| fixture.with(|own| {
            let best_by: Vec<_> = own.metrics.iter().collect();
            let rule = CountingRule { pick: Pick::Best, best_by: &best_by, decimals };
            counting_entry(own, &rule).unwrap().submission
        });
        let all = fixture(&values, rule, 0.0, &in_order(&values));
        let best = chosen(&all);
        for without in 0..values.len() {
            let mut fewer = fixture(&values, rule, 0.0, &in_order(&values));
            let gone = fewer.scores.remove(without).1;
            if gone != best {
                prop_assert_eq!(chosen(&fewer), best);
            }
        }
    }
}
