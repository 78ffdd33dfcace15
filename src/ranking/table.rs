//! Teams by cases for one metric: the numbers of each scheme, their aggregates and their ranks.
//!
//! Rank-then-aggregate ranks the teams within each case once. A resampling of the cases must resample these ranks. A
//! case that is drawn twice then counts twice, and is not ranked against its own copy.

use crate::model::{Direction, MetricSpec, MissingRule, Scheme};

use super::ranks::{ranks, ranks_of};

/// One row per team and one column per case, without missing values.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    rows: Vec<Vec<f64>>,
    good: Direction,
}

impl Table {
    /// Depending on the scheme, the table has the values with missing ones filled in, or the ranks within each case.
    pub fn new(spec: &MetricSpec, scheme: Scheme, values: &[Vec<Option<f64>>]) -> Self {
        match scheme {
            Scheme::AggregateThenRank => {
                Self { rows: values.iter().map(|row| filled_values(spec, row)).collect(), good: spec.direction }
            }
            Scheme::RankThenAggregate => Self { rows: case_ranks(spec, values), good: Direction::Min },
        }
    }

    /// One number per team. All teams get the same number if there are no cases.
    pub fn aggregates(&self, spec: &MetricSpec) -> Vec<f64> {
        self.rows.iter().map(|row| spec.aggregate.of(row).unwrap_or_else(|| spec.worst())).collect()
    }

    /// The ranks of the [`aggregates`](Self::aggregates).
    pub fn ranks(&self, aggregates: &[f64]) -> Vec<u32> {
        ranks_of(aggregates, self.good)
    }
}

/// A team's values of all cases. The metric's rule fills in missing ones.
pub fn filled_values(spec: &MetricSpec, row: &[Option<f64>]) -> Vec<f64> {
    row.iter().map(|value| spec.counted(*value)).collect()
}

/// Ranks the teams within each case. A missing value gets the last rank, behind the worst allowed value. If the
/// metric's rule names a number for missing values, that number is ranked like a measured value.
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
