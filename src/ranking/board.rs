//! A board from the scores of the submissions that count. The order in which teams or cases come in
//! changes nothing.

use std::collections::HashMap;

use crate::model::{
    AcrossMetrics, CaseId, CaseScore, Direction, MetricSpec, MetricStanding, Ranking, Score,
    Standing, SubmissionId, TeamSlug, numbers,
};

use super::ranks::ranks_of;
use super::table::{Table, counted};

/// A scored submission.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry<'a> {
    /// By this team.
    pub team: &'a TeamSlug,
    /// The submission.
    pub submission: SubmissionId,
    /// What its scorer found.
    pub score: &'a Score,
}

/// What a board is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoardInput<'a, 'e> {
    /// The declared metrics; the first is the headline.
    pub metrics: &'a [MetricSpec],
    /// How cases become places.
    pub ranking: Ranking,
    /// The cases that count. What a score says of others is ignored; a case that it lacks counts
    /// as missing for each metric.
    pub cases: &'a [CaseId],
    /// One per team.
    pub entries: &'a [Entry<'e>],
}

/// The lines of the board, best first; teams with one rank stand in the order of their names.
pub fn standings(board: &BoardInput<'_, '_>) -> Vec<Standing> {
    let scores: Vec<_> = board
        .entries
        .iter()
        .map(|entry| in_order(entry.score, board.cases))
        .collect();
    let columns: Vec<Column> = board
        .metrics
        .iter()
        .map(|spec| Column::new(spec, board.ranking, &scores))
        .collect();
    let (values, ranks) = across(board.ranking.across_metrics, &columns, scores.len());
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

/// What a score says of each of the cases.
fn in_order<'a>(score: &'a Score, cases: &[CaseId]) -> Vec<Option<&'a CaseScore>> {
    let by_case: HashMap<&CaseId, &CaseScore> =
        score.cases.iter().map(|case| (&case.case, case)).collect();
    cases.iter().map(|c| by_case.get(c).copied()).collect()
}

/// One metric of the board; one entry per team in every list.
struct Column<'a> {
    spec: &'a MetricSpec,
    /// Aggregates of the values, as the board shows them.
    shown: Vec<f64>,
    /// Aggregates that were ranked: the same, or those of the case ranks.
    ranked_by: Vec<f64>,
    ranks: Vec<u32>,
    imputed: Vec<u32>,
}

impl<'a> Column<'a> {
    fn new(spec: &'a MetricSpec, ranking: Ranking, scores: &[Vec<Option<&CaseScore>>]) -> Self {
        let values: Vec<Vec<_>> = scores
            .iter()
            .map(|cases| cases.iter().map(|case| value(*case, spec)).collect())
            .collect();
        let table = Table::new(spec, ranking.scheme, &values);
        let ranked_by = table.aggregates(spec);
        let aggregate = |row: &Vec<_>| spec.aggregate.of(&counted(spec, row));
        Self {
            spec,
            shown: values
                .iter()
                .map(|row| aggregate(row).unwrap_or_else(|| spec.worst()))
                .collect(),
            ranks: table.ranks(&ranked_by),
            ranked_by,
            imputed: values
                .iter()
                .map(|row| row.iter().map(|v| u32::from(v.is_none())).sum())
                .collect(),
        }
    }

    fn standing(&self, team: usize) -> MetricStanding {
        MetricStanding {
            metric: self.spec.name.clone(),
            aggregate: self.shown[team],
            rank: self.ranks[team],
        }
    }
}

/// A value that counts; one that is not finite is missing, however it got here.
fn value(case: Option<&CaseScore>, spec: &MetricSpec) -> Option<f64> {
    let value = *case?.values.get(&spec.name)?;
    value.filter(|v| v.is_finite())
}

/// One rank per team out of one per metric and team, and the numbers that it was made of.
///
/// The mean of the ranks, ranked again with small the best, is what PhaKIR 2024, KiTS23 and
/// grand-challenge.org (`MEAN`) do. A metric's ranks enter with ties "min", as shown.
///
/// Over ranks within cases this is not monotone: a team that improves on a case can shift two rivals
/// against each other by one metric, and lose its place to one of them. All other combinations are
/// monotone where nothing is missing.
fn across(rule: AcrossMetrics, columns: &[Column<'_>], teams: usize) -> (Vec<f64>, Vec<u32>) {
    if let (AcrossMetrics::First, Some(first)) = (rule, columns.first()) {
        return (first.ranked_by.clone(), first.ranks.clone());
    }
    let mean_rank = |team: usize| {
        let ranks: Vec<_> = columns.iter().map(|c| f64::from(c.ranks[team])).collect();
        // Without metrics all teams are equal.
        numbers::mean(&ranks).unwrap_or(1.0)
    };
    let values: Vec<f64> = (0..teams).map(mean_rank).collect();
    let ranks = ranks_of(&values, Direction::Min);
    (values, ranks)
}
