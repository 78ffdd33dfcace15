//! Teams by cases for one metric: what the two schemes put in, and how it becomes ranks.
//!
//! Rank-then-aggregate ranks within each case here, once; whoever resamples cases afterwards
//! resamples these ranks, so a case that is drawn twice counts twice and is not ranked against its
//! own copy.

use crate::model::{Direction, MetricSpec, MissingRule, Scheme};

use super::ranks::{ranks, ranks_of};

/// One row per team, one column per case, nothing missing any more.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    rows: Vec<Vec<f64>>,
    good: Direction,
}

impl Table {
    /// What the scheme aggregates: the values themselves, missing ones filled, or each case's ranks.
    pub fn new(spec: &MetricSpec, scheme: Scheme, values: &[Vec<Option<f64>>]) -> Self {
        match scheme {
            Scheme::AggregateThenRank => Self {
                rows: values.iter().map(|row| counted(spec, row)).collect(),
                good: spec.direction,
            },
            Scheme::RankThenAggregate => Self {
                rows: case_ranks(spec, values),
                good: Direction::Min,
            },
        }
    }

    /// One number per team.
    ///
    /// Without cases all teams get the same number: nothing tells them apart.
    pub fn aggregates(&self, spec: &MetricSpec) -> Vec<f64> {
        self.rows
            .iter()
            .map(|row| spec.aggregate.of(row).unwrap_or_else(|| spec.worst()))
            .collect()
    }

    /// The ranks of such numbers.
    pub fn ranks(&self, aggregates: &[f64]) -> Vec<u32> {
        ranks_of(aggregates, self.good)
    }
}

/// A team's values of all cases, missing ones filled by the metric's rule.
pub fn counted(spec: &MetricSpec, row: &[Option<f64>]) -> Vec<f64> {
    row.iter().map(|value| spec.counted(*value)).collect()
}

/// Ranks the teams within each case. A missing value takes the last rank, behind even the worst
/// legal value, unless the rule names a number, which then is ranked as if it had been measured.
fn case_ranks(spec: &MetricSpec, values: &[Vec<Option<f64>>]) -> Vec<Vec<f64>> {
    let fill = match spec.missing {
        MissingRule::Value(value) => Some(value),
        MissingRule::Worst | MissingRule::Reject => None,
    };
    let cases = values.first().map_or(0, Vec::len);
    let mut rows = vec![Vec::with_capacity(cases); values.len()];
    for case in 0..cases {
        let column: Vec<_> = values.iter().map(|row| row[case].or(fill)).collect();
        for (row, rank) in rows.iter_mut().zip(ranks(&column, spec.direction)) {
            row.push(f64::from(rank));
        }
    }
    rows
}
