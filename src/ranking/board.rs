//! The standings of a leaderboard, computed from the scores of the submissions that count. The order of teams and cases
//! in the input does not matter.

use std::collections::HashMap;

use crate::model::{
    AcrossMetrics, CaseId, CaseScore, Direction, MetricSpec, MetricStanding, Ranking, Score, Standing, SubmissionId,
    TeamSlug, numbers,
};

use super::ranks::ranks_of;
use super::table::{Table, filled_values};

/// A scored submission.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoardEntry<'a> {
    pub team: &'a TeamSlug,
    pub submission: SubmissionId,
    pub score: &'a Score,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoardInput<'a, 'e> {
    /// The declared metrics. The first is the headline metric.
    pub metrics: &'a [MetricSpec],
    pub ranking: Ranking,
    /// The cases that count. Other cases of a score are ignored. A case without a result counts as missing for each
    /// metric.
    pub cases: &'a [CaseId],
    /// One per team.
    pub entries: &'a [BoardEntry<'e>],
}

/// The lines of the leaderboard, best first. Teams with the same rank are in the order of their names.
pub fn standings(board: &BoardInput<'_, '_>) -> Vec<Standing> {
    let scores: Vec<_> = board.entries.iter().map(|entry| results_of_cases(entry.score, board.cases)).collect();
    let columns: Vec<Column> = board.metrics.iter().map(|spec| Column::new(spec, board.ranking, &scores)).collect();
    let (values, ranks) = final_ranks(board.ranking.across_metrics, &columns, scores.len());
    let mut standings: Vec<Standing> = board
        .entries
        .iter()
        .enumerate()
        .map(|(i, entry)| Standing {
            rank: ranks[i],
            team: entry.team.clone(),
            submission: entry.submission,
            metrics: columns.iter().map(|column| column.standing(i)).collect(),
            value: values[i],
            imputed: columns.iter().map(|column| column.imputed[i]).sum(),
        })
        .collect();
    standings.sort_by(|a, b| (a.rank, &a.team, a.submission).cmp(&(b.rank, &b.team, b.submission)));
    standings
}

/// The result of each case, in the order of the cases.
fn results_of_cases<'a>(score: &'a Score, cases: &[CaseId]) -> Vec<Option<&'a CaseScore>> {
    let by_case: HashMap<&CaseId, &CaseScore> = score.cases.iter().map(|case| (&case.case, case)).collect();
    cases.iter().map(|c| by_case.get(c).copied()).collect()
}

/// The aggregates of one submission over these cases, one for each metric. The metric's rule fills in missing values.
pub(super) fn aggregates(score: &Score, cases: &[CaseId], specs: &[&MetricSpec]) -> Vec<f64> {
    let results = results_of_cases(score, cases);
    let of_metric = |spec: &&MetricSpec| {
        let row: Vec<_> = results.iter().map(|case| value(*case, spec)).collect();
        aggregate_of(&row, spec)
    };
    specs.iter().map(of_metric).collect()
}

/// The aggregate of a team's values. Without cases, it is the worst value.
fn aggregate_of(row: &[Option<f64>], spec: &MetricSpec) -> f64 {
    spec.aggregate.of(&filled_values(spec, row)).unwrap_or_else(|| spec.worst())
}

/// One metric of the leaderboard. Every list has one entry per team.
struct Column<'a> {
    spec: &'a MetricSpec,
    /// Aggregates of the values. The leaderboard shows these.
    aggregates: Vec<f64>,
    /// The ranked numbers: the aggregates of the values, or those of the case ranks.
    ranked_by: Vec<f64>,
    ranks: Vec<u32>,
    imputed: Vec<u32>,
}

impl<'a> Column<'a> {
    fn new(spec: &'a MetricSpec, ranking: Ranking, scores: &[Vec<Option<&CaseScore>>]) -> Self {
        let values: Vec<Vec<_>> =
            scores.iter().map(|cases| cases.iter().map(|case| value(*case, spec)).collect()).collect();
        let table = Table::new(spec, ranking.scheme, &values);
        let ranked_by = table.aggregates(spec);
        Self {
            spec,
            aggregates: values.iter().map(|row| aggregate_of(row, spec)).collect(),
            ranks: table.ranks(&ranked_by),
            ranked_by,
            imputed: values.iter().map(|row| row.iter().map(|v| u32::from(v.is_none())).sum()).collect(),
        }
    }

    fn standing(&self, team: usize) -> MetricStanding {
        MetricStanding { metric: self.spec.name.clone(), aggregate: self.aggregates[team], rank: self.ranks[team] }
    }
}

/// The value of a metric. A value that is not finite counts as missing.
fn value(case: Option<&CaseScore>, spec: &MetricSpec) -> Option<f64> {
    let value = *case?.values.get(&spec.name)?;
    value.filter(|v| v.is_finite())
}

/// Combines the ranks by each metric into one rank per team. Returns the ranked numbers and the ranks.
///
/// PhaKIR 2024, KiTS23 and grand-challenge.org (`MEAN`) rank the mean of the ranks, lowest first. The ranks by each
/// metric have ties "min", as the leaderboard shows them.
///
/// With ranks within cases, this combination is not monotone: a team that improves on a case can change the order of
/// two rivals by one metric, and lose its rank to one of them. All other combinations are monotone if no value is
/// missing.
fn final_ranks(rule: AcrossMetrics, columns: &[Column<'_>], teams: usize) -> (Vec<f64>, Vec<u32>) {
    if let (AcrossMetrics::First, Some(first)) = (rule, columns.first()) {
        return (first.ranked_by.clone(), first.ranks.clone());
    }
    let mean_rank = |team: usize| {
        let ranks: Vec<_> = columns.iter().map(|c| f64::from(c.ranks[team])).collect();
        // All teams are equal without metrics.
        numbers::mean(&ranks).unwrap_or(1.0)
    };
    let values: Vec<f64> = (0..teams).map(mean_rank).collect();
    let ranks = ranks_of(&values, Direction::Min);
    (values, ranks)
}
